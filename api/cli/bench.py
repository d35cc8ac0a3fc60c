"""`dropprod bench`: the measurements of a source checkout. The wheel leaves them out and says so."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from api.cli.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def bench(options: argparse.Namespace) -> int:
    """Run one measurement of `benchmarks/`; conformance takes minutes."""
    if not (ROOT / "benchmarks" / f"{options.name}.py").is_file():
        raise UsageError(
            "bench: the measurements are part of a source checkout, not of the installed package"
        )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    import_module(f"benchmarks.{options.name}").main(json=options.json)
    return 0
