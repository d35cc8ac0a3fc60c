"""How things look: widths are kept, colours can be switched off, foreign text cannot steer a terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.judging import render_review
from api.cli.paint import (
    Screen,
    bar,
    cells,
    clean,
    number,
    reflow,
    screen_of,
    shorten,
    sparkline,
    table,
    wrap,
)
from api.cli.runs import render_run
from api.cli.talk import _for_readline
from tests.api.fakes import review_result

PLAIN = Screen(60)


@given(st.text(), st.integers(10, 80))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cells(shorten(text, width)) <= width


@given(st.text(alphabet="ab я語\n", max_size=300), st.integers(20, 80))
def test_wrapped_text_fits_and_keeps_every_letter(text: str, width: int) -> None:
    lines = wrap(text, width, "  ")
    assert all(cells(line) <= width * 2 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text())
def test_clean_text_has_no_control_characters(text: str) -> None:
    assert "\x1b" not in clean(text) and "\x9b" not in clean(text) and "\u202e" not in clean(text)


def test_reflow_leaves_what_fits_and_breaks_anew_what_does_not() -> None:
    assert reflow("one\ntwo\n", 40) == ["one", "two"]
    assert reflow("one two three four\nfive six", 12) == ["one two", "three four", "five six"]


def test_a_dip_of_one_second_is_seen_in_a_long_curve() -> None:
    values: list[float | None] = [1.0] * 1000
    values[500] = 0.0
    row = sparkline(values, 20, Screen())
    assert len(row) == 20 and row.count("▁") == 1 and row.count("█") == 19
    assert sparkline(values, 20, Screen(unicode=False)).count("_") == 1
    assert sparkline([None, 1.0, 2.0], 3, Screen()) == " ▁█"
    assert sparkline([None], 5, Screen()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "✓"),
        (0.0, "0"),
        (1234567, "1,234,567"),
        (0.12049, "0.1205"),
        (1234.56, "1,234.6"),
        ("x", "x"),
    ],
)
def test_numbers_as_a_person_writes_them(value: object, text: str) -> None:
    assert number(value, "en") == text
    assert number(value, "ru") == text.replace(",", "\u00a0")


def test_a_bar_is_as_wide_as_told() -> None:
    assert bar(0.5, 4, Screen()) == "██░░" and bar(7, 4, Screen(unicode=False)) == "####"


def test_a_line_is_never_broken_within_a_figure() -> None:
    assert wrap("ещё 449\u00a0521 нарушение", 10) == ["ещё", "449\u00a0521", "нарушение"]
    assert wrap(" \u00a0 ", 10) == [""]


def test_a_table_shrinks_its_widest_column() -> None:
    lines = table([["id", "title", "n"], ["a", "x" * 200, "1"]], PLAIN, right=(2,))
    assert max(map(cells, lines)) <= 60 and lines[1].endswith("…  1")


def test_a_pipe_gets_no_colour_and_an_ascii_stream_no_blocks() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert screen_of(stream, {"TERM": "xterm", "COLUMNS": "72"}) == Screen(72, colour=False, unicode=False)


def test_readline_is_told_what_takes_no_cells() -> None:
    assert _for_readline("\x1b[31mP1\x1b[0m ▸ ") == "\x01\x1b[31m\x02P1\x01\x1b[0m\x02 ▸ "


def apart(figure: str, language: str) -> str:
    return figure.replace(" ", "\u00a0" if language == "ru" else ",")


@pytest.mark.parametrize("columns", [40, 60, 120])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_review_fits_its_screen(columns: int, language: str) -> None:
    lines = render_review(review_result(), language, Screen(columns))
    assert max(map(cells, lines)) <= columns
    text = "\n".join(lines)
    assert "the model did not answer" in text and "canary_auto_rollback(max" in text
    assert (
        (apart("4 100", language) in text) == (columns > 60)
        and "\x1b" not in text
        and apart("-396 000", language) in text
        and "https://example.org/pm" in text
    )
    assert ("не оценить" if language == "ru" else "cannot be assessed") in text.replace("\n", " ")


def test_two_runs_are_drawn_on_one_scale() -> None:
    """Same height, same share; times count from where the incident began in that run."""
    result = review_result()
    run = result["action_items"][0]["counterfactual"]  # type: ignore[index]
    run["baseline"] |= {"success_curve": [1.0] * 20 + [0.12] * 10 + [1.0] * 20, "started_s": 200.0}
    run["with"] |= {
        "success_curve": [1.0] * 20 + [0.5] * 2 + [1.0] * 3,
        "started_s": 210.0,
        "recovered_s": 300.0,
    }
    lines = [line.split() for line in render_review(result, "en", Screen(100))]
    before, after = (
        next(line[-1] for line in lines if line[:-1] == name)
        for name in (["as", "it", "was"], ["with", "it"])
    )
    assert before == "█" * 4 + "▂" * 10 + "█" * 4
    assert after == "█" * 4 + "▅" * 2 + "█" * 3
    assert ["to", "recovery", "11:40", "1:30", "-10:10", "–"] in lines


def run_result() -> dict[str, object]:
    return {
        "scenario": "payment-pool",
        "seed": 1,
        "engine": "cohort",
        "version": "0.1.0",
        "digest": "d" * 16,
        "sim_seconds": 600.0,
        "series": {
            "t": [0.0, 1.0, 2.0],
            "rps": [1200.0, 1201.0, 1199.0],
            "success_rate": [0.998, 0.12, 0.998],
        },
        "alerts": [{"t": 180.0, "name": "PaymentSuccessRateLow", "severity": "P1"}],
        "timeline": [{"t": 60.0, "kind": "deploy", "text": "payment-service v2.8.1 " * 9}],
        "facts": {"detected_s": 180.0, "recovered_s": None, "failed_requests": 400_000, "something_new": 1},
        "invariants": {
            "no_lost_payment": {"ok": True, "violations": 0},
            "x": {"ok": False, "violations": ["a"]},
        },
        "resolved": False,
    }


def test_a_run_for_a_person() -> None:
    text = "\n".join(render_run(run_result(), "ru", Screen(80)))
    assert "инцидент не закрыт" in text and "█▁█" in text and "400\u00a0000" in text
    assert "  3:00  P1  PaymentSuccessRateLow" in text and "нарушен: 1" in text and "something_new" in text
    assert max(map(cells, text.split("\n"))) <= 80
