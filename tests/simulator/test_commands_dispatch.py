"""Which of shell, SQL and free text a line goes to."""

import pytest

from simulator.commands import execute
from simulator.run import make_world, play
from simulator.scenario import load
from simulator.world import World


@pytest.fixture(scope="module")
def world() -> World:
    made = make_world(load("payment-pool"), 1)
    play(made, (), 10)
    return made


def said(world: World, line: str) -> str:
    return execute(world.fork(), line).text


def test_a_loop_that_ran_is_not_read_as_a_request(world: World) -> None:
    text = said(world, "for p in $(kubectl get pods -o name | head -2); do echo $p; done")
    assert text.count("pod/") == 2 and len(text.splitlines()) == 2


def test_words_that_begin_like_sql_are_still_words(world: World) -> None:
    assert said(world, "show me the pool").startswith("≈ psql pgbouncer")
    assert said(world, "show max_connections").startswith(" max_connections")
    assert "syntax error" in said(world, "select from from")


def test_an_unknown_command_is_the_shell_s_error(world: World) -> None:
    assert "command not found" in said(world, "kubctl get pods")
