"""Command files and schedules: what a line means, when it runs, and what a mistake in one says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.run import Command, CommandFileError, parse_commands, schedule
from simulator.scenario import load

SCENARIO = load("payment-pool")


def test_a_line_is_a_command_and_may_have_a_time() -> None:
    text = "\n# a note\nstatus\n@60 kubectl get pods -n prod\n\n  promql up  \n@ 0\n"
    with pytest.raises(CommandFileError):
        parse_commands(text)
    assert parse_commands(text.replace("@ 0\n", "@61.5  wait 5")) == [
        Command(None, "status"),
        Command(60.0, "kubectl get pods -n prod"),
        Command(None, "promql up"),
        Command(61.5, "wait 5"),
    ]
    assert parse_commands("") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@x status", "line 1: @x: expected a second"),
        ("status\n@ status", "line 2: @: expected a second"),
        ("@-5 status", "line 1: @-5: expected a second from 0 on"),
        ("@nan status", "expected a second from 0 on"),
        ("@inf status", "expected a second from 0 on"),
        ("@1e7 status", "expected a second from 0 on"),
        ("@60", "line 1: no command after the time"),
        ("@60   ", "line 1: no command after the time"),
        ("@60 status\nstatus\n@30 status", "line 3: @30 lies before @60 of an earlier line"),
    ],
)
def test_a_mistake_names_its_line(text: str, says: str) -> None:
    with pytest.raises(CommandFileError) as caught:
        parse_commands(text)
    assert says in str(caught.value) and "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_any_text_is_commands_or_one_clear_mistake(text: str) -> None:
    try:
        commands = parse_commands(text)
    except CommandFileError as error:
        assert str(error).startswith("line ")
    else:
        times = [c.t_s for c in commands if c.t_s is not None]
        assert times == sorted(times)
        assert all(c.line == c.line.strip() != "" for c in commands)


def test_bare_lines_follow_the_one_before() -> None:
    planned = schedule([Command(None, "a"), Command(60.0, "b"), Command(None, "c"), Command(50.0, "d")])
    assert planned == [(0.0, "a"), (50.0, "d"), (60.0, "b"), (60.0, "c")]
    assert schedule([]) == []
