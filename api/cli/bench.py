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
    main = import_module(f"benchmarks.{options.name}").main
    if options.name != "judge":
        if options.texts is not None:
            raise UsageError(f"bench {options.name}: --texts is for bench judge")
        main(json=options.json)
        return 0
    try:
        main(json=options.json, texts=options.texts)
    except ValueError as error:  # missing or malformed texts: the file and the format are named
        raise UsageError(f"bench judge: {error}") from None
    return 0
