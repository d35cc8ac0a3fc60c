"""The service as `dropprod serve` runs it, in a process forked from one that has imported everything already.

So a kill costs a fork and not two seconds of imports. What is killed is the same code with the same store.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from functools import lru_cache

import uvicorn  # noqa: F401

import api.http.app  # noqa: F401 (as above)
from api.cli.serve import serve
from api.http import compose
from simulator.commands import execute
from simulator.scenario import SCENARIOS, load
from simulator.world import World

compose.load = lru_cache(maxsize=None)(load)
for path in SCENARIOS.glob("*.yaml"):
    compose.load(path.stem)
world = World(compose.load("payment-pool"), 1, "en")  # the stations' tables are made once and inherited
world.advance(2.0)
execute(world, "echo 1")
compose.warm_up = lambda _: None  # done above
gc.collect()
gc.freeze()  # inherited, so that no child looks through it and copies its pages


def run(port: int, url: str, home: str) -> None:
    """Serve until killed."""
    os.environ["DROPPROD_HOME"] = home
    log = os.open(os.path.join(home, "serve.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    options = argparse.Namespace(
        lang="en",
        access_codes=None,
        database=url,
        worlds=20,
        telegram_webhook=None,
        host="127.0.0.1",
        port=port,
    )
    sys.exit(serve(options))
