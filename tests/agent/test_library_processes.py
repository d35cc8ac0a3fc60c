"""The library in several processes: same answers, no network, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]

ASK = """
import json, socket, sys
from pathlib import Path
def offline(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise SystemExit(f"the search reached for the network: {event} {args}")
sys.addaudithook(offline)
from agent.embedding import embed, fingerprint
from agent.library import Library
assert "chromadb" not in sys.modules, "chromadb must load at the first search, not before"
library = Library(Path(sys.argv[1]))
found = [[(r.id, r.distance) for r in library.search(q, ["t01_db_pool_slow_query"], 46, "ru")]
         for q in ("исчерпан пул соединений после релиза", "retry storm", "")]
print(json.dumps([fingerprint(), embed("пул pool N+1"), found, library.backend, library.note]))
"""


def ask(root: Path, hash_seed: str, temporary: Path) -> subprocess.Popen[str]:
    """A process that searches with its cache under `root`; prints what it found as JSON."""
    environment = os.environ | {
        "PYTHONHASHSEED": hash_seed,
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(HOUSE),
    }
    return subprocess.Popen(
        [sys.executable, "-c", ASK, str(root)], stdout=subprocess.PIPE, text=True, env=environment, cwd=HOUSE
    )


def test_two_processes_at_once_with_different_hash_seeds_agree(tmp_path: Path) -> None:
    temporary, root = tmp_path / "tmp", tmp_path / "cache"
    temporary.mkdir()
    together = [ask(root, seed, temporary) for seed in ("1", "2")]  # both find no cache and build one
    outputs = [process.communicate(timeout=60)[0] for process in together]
    later = ask(root, "3", temporary).communicate(timeout=60)[0]  # finds the cache
    assert [process.returncode for process in together] == [0, 0]
    assert outputs[0] == outputs[1] == later
    assert json.loads(later)[3:] == ["chroma", ""]
    assert len(list(root.iterdir())) == 1, "one finished cache, nothing half-built"
    assert list(temporary.iterdir()) == [], "private copies are taken away"
