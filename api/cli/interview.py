"""`dropprod interview`: a system-design interview at the terminal or through pipes.

How turns are read and the debrief is shown: api/cli/converse.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from api.cli.converse import held
from api.cli.errors import UsageError
from api.cli.paint import standard_screen, table
from api.messages import choose_language, say
from api.ports import SessionError
from api.store import StoreError


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
            talk = talks.begin((options.prompt, options.level, options.length), language)
        return held(talks, talk, "interview", options.json)
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
