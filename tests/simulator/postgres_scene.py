"""Worlds for the PostgreSQL room's tests, each made once and forked for every test."""

from __future__ import annotations

import functools
from pathlib import Path

from simulator.postgres import tools
from simulator.reply import Reply
from simulator.scenario import load
from simulator.world import World

FIXTURES = Path(__file__).parent / "fixtures" / "postgres"
COMPONENT = "payments-db"


@functools.cache
def _made(at_s: float) -> World:
    world = World(load("payment-pool"), seed=1)
    world.advance_to(at_s)
    return world


def calm() -> World:
    """Before the release: one query a payment, a pool half asleep."""
    return _limited(_made(20.0).fork())


def drowned() -> World:
    """Minutes after the release: the pool is exhausted by the loop's queries."""
    return _limited(_made(240.0).fork())


def _limited(world: World) -> World:
    world.follow_limit_s = 10.0
    return world


def empty() -> World:
    """A database without tables, owned by postgres: what the recorded sessions ran against."""
    world = calm()
    database = world.postgres.databases[COMPONENT]
    database.tables.clear()
    database.sequences.clear()
    database.owner = "postgres"
    return world


def psql(world: World, *words: str, stdin: str = "") -> Reply:
    return tools.TOOLS["psql"].run(world, ["psql", *words], stdin)


def ask(world: World, sql: str) -> str:
    """The answer to a query, bare: cells by `|`, rows by line. Fails the test on an error."""
    reply = psql(world, "-At", "-c", sql)
    assert reply.code == 0 and not reply.err, reply.err
    return reply.out.rstrip("\n")
