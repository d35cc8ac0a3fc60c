"""The proof of a scenario: what must be true of it before anybody plays it, found by running it.

`prove` runs every check on every variant. Checks of the file itself are in `schema`, `language` and `leaks`; what
has to be run is in `runs`, `clues`, `policies` and `effects`. Nothing in here decides by a scenario's name.
"""

from simulator.lint.proof import Proof
from simulator.lint.prove import Settings, prove, summary

__all__ = ["Proof", "Settings", "prove", "summary"]
