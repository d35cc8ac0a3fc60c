"""Chroma as a cache: whatever happens to its files, the search answers the same."""

import hashlib
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.library import POSTMORTEMS, Library, Reference

SHELF = ("gitlab-2018-02-seq-scan-release", "square-2017-03-multipass", "grafana-2019-07-pod-priority")
QUERY = "исчерпан пул соединений после релиза"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three incidents: enough to rank, quick to index."""
    folder = tmp_path_factory.mktemp("postmortems")
    for id in SHELF:
        shutil.copy(POSTMORTEMS / f"{id}.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an intact cache, to be copied and damaged."""
    root = tmp_path_factory.mktemp("finished")
    search(root, folder)
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "root")
    return tmp_path / "root"


def search(root: Path, folder: Path) -> tuple[list[Reference], str, str]:
    library = Library(root, folder=folder)
    try:
        return library.search(QUERY, [], 3, "ru"), library.backend, library.note
    finally:
        library.close()


def cache(root: Path) -> Path:
    (found,) = root.glob("library-*")
    return found


def seal(cache: Path) -> None:
    """Make the manifest agree with the files, as if Chroma itself had written nonsense."""
    manifest = cache / "manifest.json"
    files = [path for path in sorted(cache.rglob("*")) if path.is_file() and path != manifest]
    digests = {p.relative_to(cache).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    manifest.write_text(json.dumps(digests))


def truncate(cache: Path) -> None:
    database = cache / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])


def empty(cache: Path) -> None:
    (cache / "chroma.sqlite3").write_bytes(b"")


def flip_one_bit(cache: Path) -> None:
    database = cache / "chroma.sqlite3"
    data = bytearray(database.read_bytes())
    data[len(data) // 2] ^= 1
    database.write_bytes(data)


def delete_database(cache: Path) -> None:
    (cache / "chroma.sqlite3").unlink()


def delete_vectors(cache: Path) -> None:
    for path in sorted(cache.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)


def delete_manifest(cache: Path) -> None:
    (cache / "manifest.json").unlink()


def list_nothing(cache: Path) -> None:
    (cache / "manifest.json").write_text("{}")


def list_nonsense(cache: Path) -> None:
    (cache / "manifest.json").write_text("[1, 2]")


def list_a_file_outside(cache: Path) -> None:
    outside = cache.parent / "outside"
    outside.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (cache / "manifest.json").write_text(json.dumps({"../outside": digest}))


def foreign_schema(cache: Path) -> None:
    (cache / "chroma.sqlite3").unlink()
    with sqlite3.connect(cache / "chroma.sqlite3") as connection:
        connection.execute("CREATE TABLE collections (mood TEXT)")
    connection.close()


def foreign_schema_sealed(cache: Path) -> None:
    foreign_schema(cache)
    seal(cache)


def other_documents_sealed(cache: Path) -> None:
    with sqlite3.connect(cache / "chroma.sqlite3") as connection:
        connection.execute("DELETE FROM embeddings_queue")
        connection.execute("DELETE FROM embeddings")
        connection.execute("DELETE FROM collections")
    connection.close()
    seal(cache)


def replace_by_a_file(cache: Path) -> None:
    shutil.rmtree(cache)
    cache.write_text("not a folder")


DAMAGES: list[Callable[[Path], None]] = [
    truncate,
    empty,
    flip_one_bit,
    delete_database,
    delete_vectors,
    delete_manifest,
    list_nothing,
    list_nonsense,
    list_a_file_outside,
    foreign_schema,
    foreign_schema_sealed,
    other_documents_sealed,
    replace_by_a_file,
]


def test_an_intact_cache_is_used_and_left_as_it_is(root: Path, folder: Path) -> None:
    before = {path: path.read_bytes() for path in sorted(cache(root).rglob("*")) if path.is_file()}
    found, backend, note = search(root, folder)
    assert found[0].id == SHELF[0]
    assert (backend, note) == ("chroma", "")
    assert {path: path.read_bytes() for path in sorted(cache(root).rglob("*")) if path.is_file()} == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_cache_is_rebuilt(
    root: Path,
    folder: Path,
    finished: Path,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(cache(root))
    found, backend, note = search(root, folder)
    assert found == search(finished, folder)[0]
    assert backend == "chroma"
    assert note.startswith("rebuilt: ")
    assert caplog.messages == [f"library of incidents: {note}"], "one line is said"
    assert "\n" not in note
    assert search(root, folder) == (found, "chroma", ""), "the next process finds it whole"
    assert len(caplog.messages) == 1, "and has nothing to say"


def test_a_foreign_lock_on_the_cache_does_not_block(root: Path, folder: Path) -> None:
    connection = sqlite3.connect(cache(root) / "chroma.sqlite3", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    found, backend, _ = search(root, folder)
    connection.close()
    assert time.monotonic() - started < 10
    assert (found[0].id, backend) == (SHELF[0], "chroma")


def test_a_root_that_is_a_file_is_survived_and_said(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "root"
    root.write_text("a file")
    found, backend, note = search(root, folder)
    assert (found[0].id, backend) == (SHELF[0], "chroma")
    assert note.startswith("not kept: ")
    assert root.read_text() == "a file"


def test_a_changed_text_makes_a_new_cache_and_the_old_one_goes(
    root: Path, folder: Path, tmp_path: Path
) -> None:
    old = cache(root)
    (root / "mine.txt").write_text("not a cache")
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    path = changed / f"{SHELF[2]}.yaml"
    path.write_text(path.read_text("utf-8").replace("one pod at a time", "one at a time"), "utf-8")
    assert search(root, changed)[1:] == ("chroma", "")
    assert cache(root) != old
    assert (root / "mine.txt").exists(), "only what is the library's own is taken away"


def test_the_cache_breaking_under_an_open_library_changes_nothing(root: Path, folder: Path) -> None:
    library = Library(root, folder=folder)
    before = library.search(QUERY, [], 3, "ru")
    shutil.rmtree(root)
    assert library.search(QUERY, [], 3, "ru") == before
    library.close()
    assert library.search(QUERY, [], 3, "ru") == before, "and a closed library opens again"
    library.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real Chroma server, from the same package."""
    program = Path(sys.executable).parent / "chroma"
    if not program.exists():
        pytest.skip("this installation of chromadb has no `chroma` program")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(program),
        "run",
        "--path",
        str(tmp_path / "server"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while not answers(url):
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def test_a_server_holds_the_cache_and_its_loss_is_survived(
    server: str, folder: Path, finished: Path, tmp_path: Path
) -> None:
    expected = search(finished, folder)[0]
    root = tmp_path / "unused"
    for _ in range(2):  # the first fills the server, the second finds it filled
        library = Library(root, url=server, folder=folder)
        assert library.search(QUERY, [], 3, "ru") == expected
        assert (library.backend, library.note) == ("chroma", "")
    assert not root.exists()
    index = library._index
    assert index is not None
    index.collection.delete(ids=[f"{SHELF[0]}#ru"])
    index.client.delete_collection(index.collection.name)
    assert library.search(QUERY, [], 3, "ru") == expected
    assert library.backend == "memory"
    assert library.note.startswith("memory: chroma failed")
    again = Library(root, url=server, folder=folder)
    assert again.search(QUERY, [], 3, "ru") == expected
    assert again.backend == "chroma"
    again.close()
