"""A design in a small text notation, read into parts and edges, drawn back, and made a network that can run.

    clients 100000 rps 90% reads
    lb -> api x60 4ms
    api -> cache hit 95%
    api -> db x16 cores 16 2ms by user
    api => kafka -> worker x20 5ms
    dc 2

A line is a chain of parts: `->` waits for the answer, `=>` hands over and goes on. `xN` is the number of pods or
shards, `Nms` the time or CPU of one request there. What is handed over is the writes, or the share that a part behind the
arrow names (`kafka 100%`). A word may stand on an arrow (`api ->|reads| db`), and several parts beside each other
(`api & admin -> db`). What is not given has a default that the drawing shows. Nothing here judges; what is wrong is
one line that says where and what would be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["balancer", "service", "cache", "store", "queue", "worker"]
MOST_PARTS, MOST_LINES, MOST_LINE_CHARS = 24, 60, 400
MOST_RPS = 2_000_000.0
LOAD_WORDS = (
    "clients", "client", "load", "users", "user", "traffic",
    "клиенты", "клиент", "нагрузка", "пользователи", "пользователь", "трафик",
)  # fmt: skip
PLACE_WORDS = ("dc", "дц", "цод")
NAMES: dict[Kind, tuple[str, ...]] = {
    "balancer": ("lb", "balancer", "nginx", "haproxy", "envoy", "gslb", "cdn", "балансировщик"),
    "cache": ("cache", "redis", "memcached", "кэш", "кеш"),
    "store": ("db", "pg", "postgres", "postgresql", "store", "database", "mysql", "cassandra", "scylla", "ydb", "tarantool", "clickhouse", "база", "бд"),
    "queue": ("kafka", "queue", "rabbitmq", "nats", "sqs", "topic", "log", "очередь"),
    "worker": ("worker", "consumer", "воркер"),
}  # fmt: skip
ARROW = re.compile(r"\s*(->|=>|→|⇒)\s*(?:\|([^|]*)\|\s*)?")
HEAD = re.compile(r"^\s*(?:graph|flowchart) \w|^\s*sequenceDiagram|^\s*@startuml|^\s*digraph\b", re.MULTILINE)
NAME = re.compile(r"[^\W\d][\w.-]{0,40}")
COUNT = re.compile(r"[xх×](\d{1,6})", re.IGNORECASE)
TIME = re.compile(r"(\d+(?:[.,]\d+)?)(ms|мс|s|с)", re.IGNORECASE)
SHARE = re.compile(r"(\d+(?:[.,]\d+)?)%")
NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)([kкmм]?)", re.IGNORECASE)


class DesignError(ValueError):
    """A line that cannot be read: which, what is wrong, what would be right. `line`: its number, 0 for the whole."""

    def __init__(self, said: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {said}" if line else said)
        self.line = line


@dataclass
class Part:
    """One box. `count`: pods, shards or partitions; `time_ms`: of one request there."""

    name: str
    kind: Kind
    count: int = 0
    time_ms: float = 0.0
    cores: int = 16
    slots: int = 64
    pool: int = 40
    hit: float = 0.9
    ttl_s: float = 60.0
    timeout_ms: float = 0.0
    retries: int = 0
    key: str = ""
    limit_rps: float = 0.0
    optional: bool = False
    replicas: int = 1
    share: float = 0.0  # of all requests that are handed over to it; 0: the writes
    given: set[str] = field(default_factory=set)  # which settings the candidate named


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    waits: bool
    label: str = field(default="", compare=False)


@dataclass
class Design:
    """Parts by name in the order of their first mention, the edges between them, and the load."""

    parts: dict[str, Part] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    rps: float = 0.0
    reads: float = 0.9
    places: int = 1

    def children(self, name: str, waits: bool) -> list[Part]:
        return [self.parts[e.target] for e in self.edges if e.source == name and e.waits is waits]

    def handed(self) -> dict[str, float]:
        """The share of all requests that reaches each part behind `=>` or a queue, by name."""
        writes = 1.0 - self.reads if self.reads < 1.0 else 1.0
        found: dict[str, float] = {}
        for edge in self.edges:
            if not edge.waits:
                own, above = self.parts[edge.target].share, found.get(edge.source, 0.0)
                found[edge.target] = max(found.get(edge.target, 0.0), own or above or writes)
        return found

    @property
    def entry(self) -> Part | None:
        targets = {e.target for e in self.edges}
        return next((p for p in self.parts.values() if p.name not in targets), None)


DEFAULT_COUNT: dict[Kind, int] = {
    "balancer": 2,
    "service": 20,
    "cache": 3,
    "store": 1,
    "queue": 12,
    "worker": 10,
}
DEFAULT_MS: dict[Kind, float] = {
    "balancer": 0.3,
    "service": 5.0,
    "cache": 0.5,
    "store": 2.0,
    "queue": 2.0,
    "worker": 5.0,
}


def looks_like_design(text: str) -> bool:
    """Whether a turn holds a drawing: at least two lines with arrows, or one under the head of a known notation."""
    arrows = sum(bool(re.search(r"->|=>|→|⇒|\.\.>|\w --- \w", line)) for line in text.splitlines())
    return arrows >= (1 if HEAD.search(text) else 2)


def kind_of(name: str) -> Kind:
    words = re.split(r"[-_.]", name.lower().rstrip("0123456789"))
    for kind, known in NAMES.items():
        if any(word in known for word in words):
            return kind
    return "service"


def read_design(text: str) -> Design:
    """Raises DesignError."""
    design = Design()
    lines = [line.strip() for line in text.splitlines()]
    drawn_lines = sum(bool(line) for line in lines)
    if drawn_lines > MOST_LINES:
        raise DesignError(f"{drawn_lines} lines; at most {MOST_LINES}")
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        if len(line) > MOST_LINE_CHARS:
            raise DesignError(f"longer than {MOST_LINE_CHARS} characters", number)
        head = line.split()[0].lower().rstrip(":")
        if head in LOAD_WORDS:
            _clients(design, line, number)
        elif head in PLACE_WORDS and len(line.split()) >= 2 and not ARROW.search(line):
            design.places = _places(line, number)
        else:
            _chain(design, line, number)
    if not design.edges:
        raise DesignError("no chain of parts: write at least one line such as `lb -> api x20 -> db cores 16`")
    for part in design.parts.values():
        if part.kind == "cache" and part.given & {"cores", "key"} and "hit" not in part.given:
            part.kind = "store"  # a Redis that holds the data is no cache
        part.count = part.count or DEFAULT_COUNT[part.kind]
        part.time_ms = part.time_ms or DEFAULT_MS[part.kind]
    _no_circle(design)
    return design


def number_of(text: str) -> float | None:
    """100000, 100k, 1.5m as a number."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return None
    factor = {"k": 1e3, "к": 1e3, "m": 1e6, "м": 1e6}.get(found[2].lower(), 1.0)
    return float(found[1].replace(",", ".")) * factor


def _clients(design: Design, line: str, number: int) -> None:
    """`clients 100k rps`, or a chain that begins with them: who calls is no part of the design."""
    pieces = ARROW.split(line, maxsplit=1)
    if len(pieces) == 1 or re.search(r"\d", pieces[0]):
        _load(design, pieces[0], number)
    if len(pieces) > 1:
        _chain(design, pieces[3], number)


def _load(design: Design, line: str, number: int) -> None:
    words = line.split()[1:]
    for at, word in enumerate(words):
        value = number_of(word)
        share = SHARE.fullmatch(word)
        if value is not None:
            design.rps = value
        elif share:
            reads = min(1.0, float(share[1].replace(",", ".")) / 100)
            after = words[at + 1].lower() if at + 1 < len(words) else ""
            design.reads = 1 - reads if after.startswith(("write", "запис")) else reads
    if not 0 < design.rps <= MOST_RPS:
        raise DesignError(f"the load must lie between 1 and {MOST_RPS:,.0f} requests a second", number)


def _places(line: str, number: int) -> int:
    word = line.split()[1]
    if word not in ("1", "2"):
        raise DesignError(f"dc {word}: one or two data centres can be run", number)
    return int(word)


def _chain(design: Design, line: str, number: int) -> None:
    pieces = ARROW.split(line)
    groups = [[_part(design, one, number) for one in piece.split("&")] for piece in pieces[::3]]
    steps = zip(groups, groups[1:], pieces[1::3], pieces[2::3], strict=False)
    for sources, targets, arrow, label in steps:
        for source in sources:
            for target in targets:
                waits = arrow in ("->", "→") and "queue" not in (
                    design.parts[source].kind,
                    design.parts[target].kind,
                )
                edge = Edge(source, target, waits, (label or "").strip()[:40])
                if edge not in design.edges:
                    design.edges.append(edge)


def _part(design: Design, piece: str, number: int) -> str:
    words = piece.replace(",", " ").replace(":", " ").split()
    if not words or not NAME.fullmatch(words[0]):
        raise DesignError(f"{piece[:40]!r} does not begin with a part's name", number)
    name = words[0].lower()
    if name not in design.parts:
        if len(design.parts) >= MOST_PARTS:
            raise DesignError(f"more than {MOST_PARTS} parts; keep to what matters", number)
        design.parts[name] = Part(name, kind_of(name))
    _settings(design.parts[name], words[1:], number)
    return name


COUNTED = {"cores": "cores", "ядер": "cores", "slots": "slots", "слотов": "slots", "pool": "pool", "пул": "pool",
           "retries": "retries", "retry": "retries", "повторов": "retries", "replicas": "replicas", "реплик": "replicas",
           "shards": "count", "шардов": "count", "pods": "count", "подов": "count", "partitions": "count", "партиций": "count"}  # fmt: skip
LIMITS = {"cores": 512, "slots": 100_000, "pool": 10_000, "retries": 10, "replicas": 15, "count": 5000}


def _settings(part: Part, words: list[str], number: int) -> None:
    rest = list(words)
    while rest:
        word = rest.pop(0).lower()
        value = rest[0] if rest else ""
        if word in COUNTED and value.isdigit():
            _count(part, COUNTED[word], int(rest.pop(0)), number)
        elif word.isdigit() and value.lower() in COUNTED:  # "16 cores", as one says it
            _count(part, COUNTED[rest.pop(0).lower()], int(word), number)
        elif COUNT.fullmatch(word):
            _count(part, "count", int(word[1:]), number)
        elif word in ("hit", "попаданий") and SHARE.fullmatch(value):
            part.hit = min(0.9999, float(rest.pop(0).rstrip("%").replace(",", ".")) / 100)
            part.given.add("hit")
        elif word in ("ttl", "timeout", "таймаут") and TIME.fullmatch(value):
            seconds = _ms(rest.pop(0)) / 1000
            if word == "ttl":
                part.ttl_s = seconds
            else:
                part.timeout_ms = seconds * 1000
        elif word in ("by", "key", "по", "ключ") and value:
            part.key = rest.pop(0)[:40]
            part.given.add("key")
        elif word in ("limit", "лимит") and number_of(value):
            part.limit_rps = number_of(rest.pop(0)) or 0.0
        elif word in ("optional", "необязательно"):
            part.optional = True
        elif SHARE.fullmatch(word):
            part.share = min(1.0, max(0.001, float(word.rstrip("%").replace(",", ".")) / 100))
        elif TIME.fullmatch(word):
            part.time_ms = min(60_000.0, max(0.01, _ms(word)))
        elif not (word in ("rps", "cpu", "sync", "async") or NAME.fullmatch(word)):
            raise DesignError(f"{word[:40]!r} of {part.name} is not understood", number)


def _ms(word: str) -> float:
    found = TIME.fullmatch(word.lower())
    assert found is not None
    return float(found[1].replace(",", ".")) * (1.0 if found[2] in ("ms", "мс") else 1000.0)


def _count(part: Part, what: str, value: int, number: int) -> None:
    least = 0 if what == "retries" else 1
    if not least <= value <= LIMITS[what]:
        raise DesignError(f"{part.name}: {what} {value}: expected {least} to {LIMITS[what]}", number)
    setattr(part, what, value)
    part.given.add(what)


def _no_circle(design: Design) -> None:
    state: dict[str, int] = {}

    def walk(name: str) -> None:
        state[name] = 1
        for edge in design.edges:
            if edge.source == name and state.get(edge.target) != 2:
                if state.get(edge.target) == 1:
                    raise DesignError(
                        f"{edge.source} -> {edge.target} closes a circle; a request must come to an end"
                    )
                walk(edge.target)
        state[name] = 2

    for name in design.parts:
        if name not in state:
            walk(name)


# -- shown back


def drawn(design: Design) -> str:
    """The design as a tree of boxes, with everything that was assumed."""
    entry = design.entry
    lines = [f"{design.rps:,.0f} rps, {design.reads:.0%} reads, {design.places} DC".replace(",", " ")]
    seen: set[str] = set()
    handed = design.handed()

    def walk(name: str, lead: str, mark: str) -> None:
        above = " (above)" if name in seen else ""
        lines.append(f"{lead}{mark}{_label(design.parts[name])}{_flow(design, handed, name)}{above}")
        if name in seen:
            return
        seen.add(name)
        below = [e for e in design.edges if e.source == name]
        deeper = lead + ("   " if mark.startswith("└") else "│  " if mark else "")
        for number, edge in enumerate(below):
            corner = "└" if number == len(below) - 1 else "├"
            walk(edge.target, deeper, f"{corner}{'─>' if edge.waits else '═>'} ")

    if entry is not None:
        walk(entry.name, "", "")
    return "\n".join(lines) + "\n"


def _flow(design: Design, handed: dict[str, float], name: str) -> str:
    """How much of the load is handed over to a part: an assumption, so it is shown."""
    if name not in handed:
        return ""
    return f" {handed[name] * design.rps:,.0f}/s".replace(",", " ")


def _label(part: Part) -> str:
    words = [f"[{part.name}]", f"x{part.count}"]
    if part.kind == "cache":
        words += [f"hit {part.hit:.1%}".replace(".0%", "%")]
    elif part.kind == "store":
        words += [
            f"{part.cores} cores",
            f"{part.time_ms:g} ms CPU",
            *([f"by {part.key}"] if part.key else []),
        ]
        words += [f"{part.replicas} replicas"] if part.replicas > 1 else []
    else:
        words += [f"{part.time_ms:g} ms"]
    words += [f"timeout {part.timeout_ms:g} ms"] if part.timeout_ms else []
    words += [f"retries {part.retries}"] if part.retries else []
    words += [f"limit {part.limit_rps:g} rps"] if part.limit_rps else []
    return " ".join(words)
