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
(`api & admin -> db`), and `dc1` says where a store stands. What is not given has a default that the drawing shows. Nothing here judges; what is wrong is
one line that says where and what would be right.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

from agent.plural import separated

Kind = Literal["balancer", "service", "cache", "store", "queue", "worker"]
MOST_PARTS, MOST_LINES, MOST_LINE_CHARS = 24, 60, 400
MOST_RPS = 2_000_000.0
CHAIN_WORDS = 3  # of one part in a chain that stands alone: more, and no figure, is prose
LOAD_WORDS = (
    "clients", "client", "load", "users", "user", "traffic",
    "клиенты", "клиент", "нагрузка", "пользователи", "пользователь", "трафик",
)  # fmt: skip
PLACE_WORDS = ("dc", "дц", "цод")
NAMES: dict[Kind, tuple[str, ...]] = {
    "balancer": ("lb", "balancer", "nginx", "haproxy", "envoy", "gslb", "cdn", "балансировщик"),
    "cache": ("cache", "redis", "memcached", "кэш", "кеш"),
    "store": ("db", "pg", "postgres", "postgresql", "store", "database", "mysql", "cassandra", "scylla", "ydb", "tarantool", "clickhouse", "mongo", "mongodb", "elastic", "elasticsearch", "opensearch", "index", "s3", "база", "бд", "хранилище", "индекс"),
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
PLACE = re.compile(r"(?:dc|дц|цод)-?([12])", re.IGNORECASE)


class DesignError(ValueError):
    """A line that cannot be read: which, what is wrong, what would be right. `line`: its number, 0 for the whole."""

    def __init__(self, en: str, ru: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {en}" if line else en)
        self.line = line
        self._ru = f"строка {line}: {ru}" if line else ru

    def of(self, lang: str) -> str:
        return self._ru if lang == "ru" else str(self)


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
    place: int = 0  # the data centre it stands in; 0: not said
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
    """Whether a turn holds a drawing: two lines with arrows, one under the head of a known notation, one chain alone or with its parts' settings."""
    if _one_chain(text.strip()) or _chain_with_settings(text):
        return True
    arrows = sum(bool(re.search(r"->|=>|→|⇒|\.\.>|\w --- \w", line)) for line in text.splitlines())
    return arrows >= (1 if HEAD.search(text) else 2)


def unfolded(text: str) -> str:
    """A drawing that was written in one line, with semicolons between its lines, line by line; other text as it is."""
    pieces = [piece.strip() for piece in text.split(";") if piece.strip()]
    if "\n" in text.strip() or len(pieces) < 2 or HEAD.search(text):
        return text
    first = [piece.split()[0].lower().rstrip(":") for piece in pieces]
    drawn = [
        _one_chain(piece)
        or head in LOAD_WORDS + PLACE_WORDS
        or (re.search(r"\d", piece) and bool(_pieces(piece)))
        for piece, head in zip(pieces, first, strict=True)
    ]
    return "\n".join(pieces) if all(drawn) and ARROW.search(text) else text


def _chain_with_settings(text: str) -> bool:
    """Lines that are chains, the load, or begin with a part of a chain: `lb -> api -> db`, then `db cores 16`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    chains = [line for line in lines if _pieces(line) and (_one_chain(line) or re.search(r"\d", line))]
    parts = {
        one.split()[0].lower()
        for c in chains
        for p in ARROW.split(c)[::3]
        for one in p.split("&")
        if one.split()
    }
    known = parts | set(LOAD_WORDS) | set(PLACE_WORDS)
    others = [line for line in lines if line not in chains]
    return (
        bool(chains)
        and len(lines) > 1
        and all(
            line.split()[0].lower().rstrip(":") in known and not re.search(r"[;!?]|[.,](?!\d)", line)
            for line in others
        )
    )


def _one_chain(line: str) -> bool:
    """A turn that is one chain of parts, one of them of a known kind: `lb -> api x4 -> db`. Prose with an arrow is none."""
    return any(kind_of(piece[0]) != "service" for piece in _pieces(line))


def _pieces(line: str) -> list[list[str]]:
    """The words of each part of a chain; none where it is prose."""
    pieces = [piece.split() for piece in ARROW.split(line)[::3]]
    if "\n" in line or len(pieces) < 2 or re.search(r"[;!?]|[.,](?!\d)", line):
        return []
    if not all(words and NAME.fullmatch(words[0]) for words in pieces):
        return []
    return pieces if all(len(w) <= CHAIN_WORDS or re.search(r"\d", " ".join(w)) for w in pieces) else []


def kind_of(name: str) -> Kind:
    words = re.split(r"[-_.]", name.lower().rstrip("0123456789"))
    for kind, known in NAMES.items():
        if any(word in known for word in words):
            return kind
    return "service"


def read_design(text: str, onto: Design | None = None) -> Design:
    """A drawing, or what its lines make of the one that stands already (`onto`, which stays as it is). Raises DesignError."""
    design = deepcopy(onto) if onto is not None else Design()
    lines = [line.strip() for line in text.splitlines()]
    drawn_lines = sum(bool(line) for line in lines)
    if drawn_lines > MOST_LINES:
        raise DesignError(
            f"{drawn_lines} lines; at most {MOST_LINES}", f"строк {drawn_lines}, а можно {MOST_LINES}"
        )
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        if len(line) > MOST_LINE_CHARS:
            raise DesignError(
                f"longer than {MOST_LINE_CHARS} characters", f"в ней больше {MOST_LINE_CHARS} знаков", number
            )
        head = line.split()[0].lower().rstrip(":")
        if head in LOAD_WORDS:
            _clients(design, line, number)
        elif head in PLACE_WORDS and len(line.split()) >= 2 and not ARROW.search(line):
            design.places = _places(line, number)
        else:
            _chain(design, line, number)
    if not design.edges:
        raise DesignError(
            "no chain of parts: write at least one line such as `lb -> api x20 -> db cores 16`",
            "нет ни одной цепочки: хватит строки вида `lb -> api x20 -> db cores 16`",
        )
    return settled(design)


def settled(design: Design) -> Design:
    """A design whose kinds and defaults follow from all of its lines. Raises DesignError where it closes a circle."""
    for part in design.parts.values():
        if part.kind == "cache" and part.given & {"cores", "key"} and "hit" not in part.given:
            part.kind = "store"  # a Redis that holds the data is no cache
        if part.kind == "service" and "hit" in part.given:
            part.kind = "cache"
        if part.kind == "service" and part.given & OF_STORES and not design.children(part.name, waits=True):
            part.kind = "store"  # whatever its name: what is split by a key, copied or given cores keeps data
    _redis_that_keeps(design)
    for part in design.parts.values():
        part.count = part.count or DEFAULT_COUNT[part.kind]
        part.time_ms = part.time_ms or DEFAULT_MS[part.kind]
    if any(p.place for p in design.parts.values()):
        design.places = 2
    _no_circle(design)
    return design


def _redis_that_keeps(design: Design) -> None:
    """A bare Redis beside a cache, in a drawing with no other store, is where the data are."""
    caches = [p for p in design.parts.values() if p.kind == "cache"]
    bare = [p for p in caches if "redis" in p.name and "cache" not in p.name and "hit" not in p.given]
    if len(caches) > len(bare) == 1 and not any(p.kind == "store" for p in design.parts.values()):
        bare[0].kind, bare[0].count = "store", bare[0].count or DEFAULT_COUNT["store"]


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
        most = f"{MOST_RPS:,.0f}"
        raise DesignError(
            f"the load must lie between 1 and {most} requests a second",
            f"нагрузка бывает от 1 до {separated(most, 'ru')} запросов в секунду",
            number,
        )


def _places(line: str, number: int) -> int:
    word = line.split()[1]
    if word not in ("1", "2"):
        raise DesignError(
            f"dc {word}: one or two data centres can be run",
            f"dc {word}: прогнать могу один ЦОД или два",
            number,
        )
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
        raise DesignError(
            f"{piece[:40]!r} does not begin with a part's name",
            f"{piece[:40]!r} начинается не с имени части",
            number,
        )
    name = words[0].lower()
    if name not in design.parts:
        if len(design.parts) >= MOST_PARTS:
            raise DesignError(
                f"more than {MOST_PARTS} parts; keep to what matters",
                f"частей больше {MOST_PARTS}; оставьте главное",
                number,
            )
        kind = kind_of(name)
        if kind == "service" and len(words) > 1:  # `stock redis x1`: what it is stands behind its name
            kind = kind_of(words[1].lower())
        design.parts[name] = Part(name, kind)
    _settings(design.parts[name], words[1:], number)
    return name


COUNTED = {"cores": "cores", "ядер": "cores", "slots": "slots", "слотов": "slots", "pool": "pool", "пул": "pool",
           "retries": "retries", "retry": "retries", "повторов": "retries", "replicas": "replicas", "реплик": "replicas",
           "shards": "count", "шардов": "count", "pods": "count", "подов": "count", "partitions": "count", "партиций": "count"}  # fmt: skip
SPLIT_WORDS = ("shards", "шардов")
OF_STORES = frozenset({"key", "replicas", "cores", "shards"})
LIMITS = {"cores": 512, "slots": 100_000, "pool": 10_000, "retries": 10, "replicas": 15, "count": 5000}


def only_settings(words: list[str]) -> bool:
    """Whether words behind a part's name are settings, each of them."""
    try:
        passed = _settings(Part("part", "service"), words, 0)
    except DesignError:
        return False
    return bool(words) and not set(passed) - {"rps", "cpu", "sync", "async", "in", "в"}


def _settings(part: Part, words: list[str], number: int) -> list[str]:
    """Sets what the words say; the words that say nothing are passed over and returned."""
    rest, passed = list(words), list[str]()
    while rest:
        word = rest.pop(0).lower()
        value = rest[0] if rest else ""
        if {word, value.lower()} & set(SPLIT_WORDS):
            part.given.add("shards")
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
        elif PLACE.fullmatch(word):
            part.place = int(word[-1])
        elif SHARE.fullmatch(word):
            part.share = min(1.0, max(0.001, float(word.rstrip("%").replace(",", ".")) / 100))
        elif TIME.fullmatch(word):
            part.time_ms = min(60_000.0, max(0.01, _ms(word)))
        elif NAME.fullmatch(word):
            passed.append(word)
        else:
            raise DesignError(
                f"{word[:40]!r} of {part.name} is not understood",
                f"не понял {word[:40]!r} у {part.name}",
                number,
            )
    return passed


def _ms(word: str) -> float:
    found = TIME.fullmatch(word.lower())
    assert found is not None
    return float(found[1].replace(",", ".")) * (1.0 if found[2] in ("ms", "мс") else 1000.0)


def _count(part: Part, what: str, value: int, number: int) -> None:
    least = 0 if what == "retries" else 1
    if not least <= value <= LIMITS[what]:
        raise DesignError(
            f"{part.name}: {what} {value}: expected {least} to {LIMITS[what]}",
            f"{part.name}: {what} {value}: бывает от {least} до {LIMITS[what]}",
            number,
        )
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
                        f"{edge.source} -> {edge.target} closes a circle; the way back needs no arrow, "
                        "since `->` waits for the answer",
                        f"{edge.source} -> {edge.target} замыкает круг; обратную стрелку рисовать не нужно, "
                        "`->` и так ждёт ответа",
                    )
                walk(edge.target)
        state[name] = 2

    for name in design.parts:
        if name not in state:
            walk(name)
