"""`dropprod interview`: a system-design interview at the terminal or through pipes.

An answer may have several lines; an empty line sends it. `/hint /skip /run /finish` are sent at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from api.cli.errors import UsageError
from api.cli.paint import clean, standard_screen, table
from api.cli.progress import progress
from api.messages import choose_language, say
from api.ports import SessionError
from api.store import StoreError

if TYPE_CHECKING:
    from api.talks import Talk, Talks


def interview(options: argparse.Namespace) -> int:
    from agent.interview.prompts import PromptError
    from api.bootstrap import open_talks

    language = choose_language(options.lang, os.environ)
    if options.prompt is None and options.resume is None:
        return _list(language, options.json)
    try:
        talks = open_talks()
        if options.resume is not None:
            talk = talks.resume(options.resume)
        else:
            talk = talks.begin(options.prompt, options.level, options.length, language)
        return _held(talks, talk, options.json)
    except (PromptError, SessionError, StoreError) as error:
        raise UsageError(str(error)) from None


def _list(language: str, as_json: bool) -> int:
    from agent.interview.prompts import book

    prompts = book().prompts
    if as_json:
        rows = [{"id": p.id, "title": {"ru": p.title.ru, "en": p.title.en}, "rps": p.rps} for p in prompts]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    cells = [[p.id, p.title.of(language), f"{p.rps:,.0f}".replace(",", "\u00a0")] for p in prompts]
    head = say(language, "list.interviews").split("\t")
    print("\n".join(table([head, *cells], standard_screen(sys.stdout), (2,))))
    print(say(language, "interview.how"))
    return 0


def _held(talks: Talks, talk: Talk, as_json: bool) -> int:
    """The conversation up to its end, then the debrief. Leaving keeps everything for `--resume`."""
    language = talk.header.language
    at_terminal = sys.stdin.isatty()
    if not as_json:
        print(say(language, "interview.session", id=talk.header.id))
        for who, text in talk.lines:
            print(("\n" if who == "interviewer" else "\n> ") + text)
        if at_terminal:
            print("\n" + say(language, "interview.keys"))
    ended = False
    while not talk.over and talk.result is None and not ended:
        text, ended = _answer(at_terminal)
        if text:
            answer = talks.say(talk, clean(text))
            if not as_json:
                print("\n" + answer)
    if ended and at_terminal and not talk.over:
        print("\n" + say(language, "interview.kept", id=talk.header.id))
        return 0
    with progress(say(language, "interview.judging")):
        result = talks.finish(talk)
    print(json.dumps(result, ensure_ascii=False, indent=2) if as_json else "\n" + result["text"], end="")
    return 0


def _answer(at_terminal: bool) -> tuple[str, bool]:
    """(a turn, whether the input has ended)."""
    lines: list[str] = []
    while True:
        try:
            line = input("> " if at_terminal and not lines else "  " if at_terminal else "")
        except EOFError:
            return "\n".join(lines).strip(), True
        if not lines and line.strip().startswith("/"):
            return line.strip(), False
        if not line.strip():
            if lines:
                return "\n".join(lines), False
            continue
        lines.append(line)
