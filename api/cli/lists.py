"""`dropprod scenarios` and `dropprod sessions`: what there is to play and what was played."""

import argparse
import json
import os
import sys
from typing import Any

from api.cli.errors import UsageError
from api.cli.paint import standard_screen, table
from api.messages import choose_language, say


def scenarios(options: argparse.Namespace) -> int:
    from simulator.scenario import SCENARIOS, ScenarioError, load

    language = choose_language(options.lang, os.environ)
    try:
        found = [load(path.stem) for path in sorted(SCENARIOS.glob("*.yaml"))]
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    if options.json:
        _print_json(
            [
                {
                    "id": s.id,
                    "title": {"ru": s.title.ru, "en": s.title.en},
                    "tier": s.tier,
                    "type": s.type,
                    "topics": s.topics,
                    "minutes": s.minutes,
                }
                for s in found
            ]
        )
        return 0
    rows = [
        [s.id, s.title.of(language), s.tier if s.type == "incident" else s.type, str(s.minutes)]
        for s in found
    ]
    _print_table([say(language, "list.scenarios").split("\t"), *rows], right=(3,))
    return 0


def sessions(options: argparse.Namespace) -> int:
    from api.bootstrap import open_store
    from api.service import summaries
    from api.store import StoreError

    language = choose_language(options.lang, os.environ)
    try:
        kept = summaries(open_store())
    except StoreError as error:
        raise UsageError(str(error)) from None
    if options.json:
        _print_json(kept)
        return 0
    if not kept:
        print(say(language, "list.none"))
        return 0
    rows = [
        [s["id"], s["scenario"], _minutes(s["now_s"]), str(s["entries"]), s["created"].replace("T", " ")[:16]]
        for s in kept
    ]
    _print_table([say(language, "list.sessions").split("\t"), *rows], right=(3,))
    return 0


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _print_table(rows: list[list[str]], right: tuple[int, ...]) -> None:
    print("\n".join(table(rows, standard_screen(sys.stdout), right)))


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
