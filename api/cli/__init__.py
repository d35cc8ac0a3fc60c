"""The command line: `dropprod`. The contract is in DESIGN; nothing heavy is imported at this level."""

from api.cli.entry import main

__all__ = ["main"]
