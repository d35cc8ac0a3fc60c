"""What a command runs in: a node, a connection, the time. And the table that commands register in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from simulator.engine.streams import key_of, uniform
from simulator.patterns import PatternError, full_match
from simulator.redis import cached
from simulator.redis.keyspace import CommandError, Entry, Keyspace
from simulator.redis.replies import NOT_FLOAT, NOT_INTEGER, Error, Value
from simulator.redis.state import Deployment, Node

if TYPE_CHECKING:
    from simulator.world import World

MAX_INT = (1 << 63) - 1
MOST_SHOWN = 2_000  # keys that one reply lists


@dataclass
class Context:
    """A connection to one node. `cost_us` is what the running command takes of the command thread."""

    world: World
    made: Deployment
    node: Node
    db: int = 0
    authorised: bool = True
    name: str = ""
    queue: list[list[str]] | None = None  # between MULTI and EXEC
    broken: bool = False  # a queued command was wrong
    watched: dict[str, object] = field(default_factory=dict)
    cost_us: float = 1.2
    asking: bool = False
    readonly: bool = False
    changes: bool = False

    @property
    def now_s(self) -> float:
        return self.world.now_s

    @property
    def space(self) -> Keyspace:
        return self.node.space

    def find(self, key: str) -> Entry | None:
        """An own key, or a cached one of database 0."""
        found = self.space.peek(self.db, key, self.now_s)
        if found is None and self.db == 0 and (0, key) not in self.gone():
            found = cached.find(self.world, self.made, self.node, key)
        return found

    def gone(self) -> set[tuple[int, str]]:
        return set()

    def typed(self, key: str, kind: str) -> Entry | None:
        """Raises CommandError for a value of another type."""
        found = self.find(key)
        if found is not None and found.kind != kind:
            from simulator.redis.replies import WRONG_TYPE

            raise CommandError(WRONG_TYPE)
        return found

    def ready(self, key: str, kind: str) -> Entry:
        """A value to change in place; an absent one is made."""
        own = self.space.typed(self.db, key, kind, self.now_s)
        if own is None:
            shared = self.typed(key, kind)
            if shared is not None:  # a cached key becomes one of the player's own
                self.space.put(self.db, key, Entry(shared.kind, shared.data, shared.expires_s))
        return self.space.ready(self.db, key, kind, self.now_s)

    def touched(self, key: str) -> None:
        self.space.touched(self.db, key)

    def drop(self, key: str) -> bool:
        """Delete a key; a cached one comes back with the next read of the traffic."""
        known = self.find(key) is not None
        own = self.space.drop(self.db, key)
        return own or known

    def luck(self, salt: object) -> float:
        """A draw that depends on the time and on what the node has done, never on who looks."""
        return uniform(
            key_of(self.world.seed, "redis", self.node.name, str(salt)),
            self.node.slow_count * 7919 + int(self.now_s * 1000),
        )


Run = Callable[[Context, list[str]], Value]


@dataclass(frozen=True)
class Command:
    """`arity` as COMMAND INFO has it: the words with the name, negative for at least so many.

    flags    w writes, m uses memory (denied when full), a administers, s is answered while loading, f is fast
    first    where the first key stands (0: none), `last` and `step` as COMMAND INFO has them
    """

    name: str
    arity: int
    flags: str
    first: int
    last: int
    step: int
    run: Run


TABLE: dict[str, Command] = {}


def command(
    name: str, arity: int, flags: str = "", first: int = 1, last: int = 1, step: int = 1
) -> Callable[[Run], Run]:
    """Register a command."""

    def register(run: Run) -> Run:
        TABLE[name] = Command(name, arity, flags, first, last, step, run)
        return run

    return register


# -- arguments


def unknown(name: str, word: str) -> CommandError:
    """A subcommand that there isn't."""
    return CommandError(Error(f"ERR unknown subcommand '{word}'. Try {name} HELP."))


def integer(text: str, error: Error = NOT_INTEGER) -> int:
    """Raises CommandError."""
    body = text[1:] if text[:1] == "-" else text
    if not (body.isascii() and body.isdigit()) or len(body) > 19 or (len(body) > 1 and body[0] == "0"):
        raise CommandError(error)
    value = int(text)
    if not -MAX_INT - 1 <= value <= MAX_INT:
        raise CommandError(error)
    return value


def real(text: str, error: Error = NOT_FLOAT) -> float:
    """Raises CommandError."""
    word = text.lower()
    if word in ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"):
        return float("-inf") if word.startswith("-") else float("inf")
    if not word or any(c not in "0123456789+-.e" for c in word):
        raise CommandError(error)
    try:
        return float(word)
    except ValueError:
        raise CommandError(error) from None


def decimal(text: str) -> Decimal:
    """Raises CommandError."""
    real(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(NOT_FLOAT) from None


def glob_pattern(glob: str) -> str:
    """Redis' glob as a pattern for RE2."""
    found, i = ["(?s)"], 0
    while i < len(glob):
        char = glob[i]
        if char == "*":
            found.append(".*")
        elif char == "?":
            found.append(".")
        elif char == "[":
            end = glob.find("]", i + 2)
            if end < 0:
                found.append("\\[")
            else:
                body = glob[i + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
                found.append("[" + body + "]")
                i = end
        elif char == "\\" and i + 1 < len(glob):
            i += 1
            found.append(_literal(glob[i]))
        else:
            found.append(_literal(char))
        i += 1
    return "".join(found)


def _literal(char: str) -> str:
    return char if char.isalnum() or ord(char) > 127 else "\\" + char if char != "\n" else "\\n"


def matches(glob: str, text: str) -> bool:
    """Whether Redis' glob matches a text."""
    if glob == "*":
        return True
    try:
        return full_match(glob_pattern(glob), text)
    except PatternError:
        return False
