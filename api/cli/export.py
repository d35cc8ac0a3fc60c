"""`dropprod export SESSION --as-scenario FILE`: a sandbox session as the draft of a scenario, written by this door alone."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.errors import UsageError
from api.messages import choose_language, say

if TYPE_CHECKING:
    from simulator.world import World


def export(options: argparse.Namespace) -> int:
    """A file that exists is never written over; `-` is the standard output."""
    from api.bootstrap import open_service
    from api.ports import SessionError
    from api.store import StoreError
    from simulator.faults.draft import save
    from simulator.faults.params import Wrong
    from simulator.scenario import ScenarioError

    path = Path(options.as_scenario)
    name = "draft" if options.as_scenario == "-" else path.stem

    def draft(world: "World", _header: object, _read_only: str | None) -> str:
        return save(world, [name])

    try:
        text = open_service().look(options.session, draft)
    except (SessionError, StoreError, ScenarioError) as error:
        raise UsageError(str(error)) from None
    except Wrong as wrong:
        raise UsageError(f"export: {wrong}") from None
    if options.as_scenario == "-":
        sys.stdout.write(text)
        return 0
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--as-scenario {path}: {error.strerror or error}") from None
    print(say(choose_language(options.lang, os.environ), "export.done", file=str(path)))
    return 0
