"""A talk at the terminal or through pipes: turns in, answers out, the debrief at its end. Knows no kind of talk.

A turn may have several lines; an empty line or `/done` sends it. Other lines that begin with `/` and stand alone are
sent at once. Leaving (Ctrl-C, Ctrl-D at a terminal) keeps everything, a draft included, for `--resume`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from api.cli.paint import clean
from api.cli.progress import progress
from api.messages import say

if TYPE_CHECKING:
    from api.talks import Talk, Talks

DONE = "/done"


def held(
    talks: Talks[Any], talk: Talk[Any], scheme: str, as_json: bool, told: str = "", plain: bool = False
) -> int:
    """The talk up to its end, then the debrief. `told`: a first turn that is there already."""
    reader = _Reader(sys.stdin.isatty(), talk.draft)
    try:
        return _held(talks, talk, scheme, as_json, told, plain, reader)
    except KeyboardInterrupt:
        _keep(talks, talk, reader)
        print("\n" + say(talk.header.language, f"{scheme}.kept", id=talk.header.id), file=sys.stderr)
        return 130


def _held(
    talks: Talks[Any], talk: Talk[Any], scheme: str, as_json: bool, told: str, plain: bool, reader: _Reader
) -> int:
    language = talk.header.language
    if not as_json:
        _show_so_far(talk, scheme, reader.at_terminal)
    ended = False
    while not talk.over and talk.result is None and not ended:
        text, ended = (told, False) if told else reader.turn()
        told = ""
        if (
            text and ended and reader.at_terminal
        ):  # Ctrl-D leaves; what was being typed is a draft and no answer
            _keep(talks, talk, reader)
        elif text:
            answer = talks.say(talk, clean(text))
            reader.unsent = ""
            if not as_json:
                print("\n" + answer, flush=True)
    if ended and reader.at_terminal and not talk.over:
        print("\n" + say(language, f"{scheme}.kept", id=talk.header.id), file=sys.stderr)
        return 0
    with progress(say(language, "interview.judging"), plain):
        result = talks.finish(talk)
    if as_json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print("\n" + result["text"], end="")
    return 0


def _keep(talks: Talks[Any], talk: Talk[Any], reader: _Reader) -> None:
    """What was being typed, for whoever resumes the talk."""
    if reader.unsent and reader.unsent != talk.draft:
        talks.keep_draft(talk, clean(reader.unsent))
        print("\n" + say(talk.header.language, "talk.draft"), file=sys.stderr)


def _show_so_far(talk: Talk[Any], scheme: str, at_terminal: bool) -> None:
    language = talk.header.language
    print(say(language, f"{scheme}.session", id=talk.header.id))
    for who, text in talk.lines:
        print(("\n" if who == "interviewer" else "\n> ") + text)
    if at_terminal:
        print("\n" + say(language, f"{scheme}.keys"))
        if talk.draft:
            print("\n" + say(language, "talk.draft_back") + "\n" + talk.draft)
    sys.stdout.flush()


class _Reader:
    """Reads turns; `unsent` is what was typed of the present one, and at a terminal a kept draft begins it."""

    def __init__(self, at_terminal: bool, draft: str) -> None:
        self.at_terminal = at_terminal
        self.unsent = draft if at_terminal else ""

    def turn(self) -> tuple[str, bool]:
        """(a turn, whether the input has ended)."""
        while True:
            try:
                line = input(self._prompt())
            except EOFError:
                return self.unsent.strip(), True
            word = line.strip()
            if word == DONE or not word:
                if self.unsent.strip():
                    return self.unsent.strip(), False
            elif word.startswith("/") and not self.unsent:
                return word, False
            else:
                self.unsent += line + "\n"

    def _prompt(self) -> str:
        if not self.at_terminal:
            return ""
        return "  " if self.unsent else "> "
