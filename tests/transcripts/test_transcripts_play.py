"""Whole games, told as transcripts that double as the manual: `dropprod play` is fed what they type.

A transcript is a text file. `> line` is typed; the lines under it up to the next `>` are regular
expressions, each of which must be found in the answer, in this order. `! pattern` must not be found in
it. A line that begins with `#` is a remark; one that begins with `$` gives the words of the command line.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclass
class Exchange:
    """What is typed and what the answer must show."""

    typed: str
    line_number: int
    expected: list[str] = field(default_factory=list)


def read(path: Path) -> tuple[list[str], list[Exchange]]:
    """The words of the command line and the exchanges; the first one is the greeting."""
    words: list[str] = []
    exchanges = [Exchange("", 0)]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("$ dropprod "):
            words = line.split()[2:]
        elif line == ">" or line.startswith("> "):
            exchanges.append(Exchange(line[2:], number))
        elif line.strip() and not line.startswith("#"):
            exchanges[-1].expected.append(line.strip())
    return words, exchanges


def play(words: list[str], exchanges: list[Exchange], home: Path) -> list[str]:
    """The answers of one game, the greeting first."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        input="".join(e.typed + "\n" for e in exchanges[1:]),
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": os.environ["PATH"], "DROPPROD_HOME": str(home), "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return re.split(r"^\.\n", done.stdout, flags=re.MULTILINE)


def check(exchange: Exchange, answer: str, name: str) -> None:
    where = f"{name}:{exchange.line_number} > {exchange.typed}\n{answer}"
    position = 0
    for pattern in exchange.expected:
        if pattern.startswith("! "):
            assert not re.search(pattern[2:], answer), f"{pattern!r} is in the answer to {where}"
            continue
        found = re.compile(pattern, re.MULTILINE).search(answer, position)
        assert found, f"no {pattern!r} (in this order) in the answer to {where}"
        position = found.end()


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda p: p.stem)
def test_transcript(path: Path, tmp_path: Path) -> None:
    words, exchanges = read(path)
    answers = play(words, exchanges, tmp_path)
    assert len(answers) >= len(exchanges), f"{path.name}: the game ended early:\n{answers[-1]}"
    for exchange, answer in zip(exchanges, answers, strict=False):
        check(exchange, answer, path.name)
