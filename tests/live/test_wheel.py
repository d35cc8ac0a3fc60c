"""What people install: the source archive, the wheel built from it, and the game played from that wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build")
pytest.importorskip("hatchling")
ROOT = Path(__file__).resolve().parents[2]
DATA = ("scenarios", "rubrics", "prompts", "postmortems", "api/web")
BUILD_S = 900  # the kernel is compiled on the way
PLAY_S = 180


def data_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in DATA
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def sources() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in ("simulator", "agent", "api")
        for path in (ROOT / package).rglob("*.py")
    }


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(sdist, wheel), the wheel made of what is in the sdist, as an index would."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it, which sees this one's libraries but not this checkout."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    found = folder / "bin" / "python"
    install = ["-m", "pip", "--python", str(found), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, *install, str(archives[1])], check=True, timeout=PLAY_S)
    site = next(folder.glob("lib/python*/site-packages"))
    # A path in a .pth file is not searched for further .pth files: the editable install stays unseen.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return found


def dropprod(python: Path, home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DROPPROD", "OPENAI"))}
    environment |= {"DROPPROD_HOME": str(home), "LANG": "C.UTF-8"}
    command = [str(python.parent / "dropprod"), *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=home, env=environment, timeout=PLAY_S
    )


def test_the_wheel_holds_all_code_and_data(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[1]) as wheel:
        inside = set(wheel.namelist())
    assert data_files() | sources() <= inside, sorted((data_files() | sources()) - inside)
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/")) or ".pyc" in name]
    compiled = [name for name in inside if name.endswith((".so", ".pyd"))]
    assert bool(compiled) == ("none-any" not in archives[1].name)


def test_the_source_archive_builds_and_tests_itself(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {
        "pyproject.toml",
        "hatch_build.py",
        "README.md",
        "LICENSE",
        "Makefile",
        "simulator/engine/kernel.pxd",
    }
    assert data_files() | sources() | needed <= inside
    assert not [name for name in inside if name.endswith((".so", ".pyc")) or name.startswith(".venv")]


def test_the_demo_plays_from_the_wheel(python: Path, tmp_path: Path) -> None:
    where = "import simulator, api; print(simulator.__file__, api.__file__)"
    shown = subprocess.run(
        [str(python), "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in shown.stdout
    lines = "deploy payment-service v2.8.1\nwait 150\n"
    played = dropprod(python, tmp_path, "play", "payment-pool", "--lang", "en", stdin=lines)
    assert played.returncode == 0, played.stderr
    assert "PaymentSuccessRateLow" in played.stdout
    kept = dropprod(python, tmp_path, "sessions")
    assert "payment-pool" in kept.stdout


def test_the_page_comes_from_the_wheel(python: Path, tmp_path: Path) -> None:
    look = "from api.http.pages import WEB; print(WEB, (WEB / 'index.html').is_file(), (WEB / 'js/main.js').is_file())"
    shown = subprocess.run(
        [str(python), "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in shown.stdout
    assert shown.stdout.split()[-2:] == ["True", "True"]
