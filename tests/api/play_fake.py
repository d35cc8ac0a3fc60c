"""`dropprod play` against the fake world, as a process of its own: for tests with a pty.

    python -m tests.api.play_fake FOLDER play|slow [OPTION ...]

`slow`: in a world where a simulated second takes 20 ms.
"""

import sys
import time
from pathlib import Path
from typing import Any

from api.cli.entry import build_parser
from api.cli.play import run_player
from api.messages import choose_language
from simulator.reply import Reply
from tests.api.fakes import fake_execute, fake_service


def slow_execute(world: Any, line: str) -> Reply:
    word, _, rest = line.partition(" ")
    for _ in range(int(rest) if word == "wait" else 0):
        world.advance_to(world.now_s + 1)
        time.sleep(0.02)
    return fake_execute(world, "wait 0" if word == "wait" else line)


def main() -> int:
    folder, mode, *rest = sys.argv[1:]
    service = fake_service(Path(folder), execute=slow_execute if mode == "slow" else fake_execute)
    options = build_parser("en").parse_args(["play", *rest])
    return run_player(service, options, choose_language(options.lang, {}), Path(folder) / "history")


if __name__ == "__main__":
    sys.exit(main())
