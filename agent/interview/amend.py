"""What a candidate changes in a drawing that stands: by lines of the notation, or in a plain sentence that names its boxes.

    db x32                              api -> cache hit 95%                 without kafka
    add a cache in front of the db      replace redis by postgres            убери кэш      увеличим api до 80 подов

Gives the changed design, or nothing where a turn changes nothing that can be named for certain: it is shown back before it
is run, and who meant something else says so. Reads words alone; whether a turn may be a change, agent/interview/turns.py knows.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass

from agent.interview.design import (
    ARROW,
    COUNTED,
    HEAD,
    LOAD_WORDS,
    MOST_RPS,
    NAME,
    NAMES,
    PLACE_WORDS,
    Design,
    DesignError,
    Edge,
    Kind,
    Part,
    kind_of,
    only_settings,
    read_design,
    settled,
    unfolded,
)

MOST_WORDS = 24  # of a clause that changes one thing
SHORT = 12  # words of a turn that is nothing but a change
FIGURE_WORDS = 6  # of a clause with no verb that gives a box a figure
MOST_OF_IT = 0.6  # of the boxes: a drawing that names so many stands by itself
_CLAUSE = re.compile(r"[;!\n]|[.:](?=\s|$)|,?\s+(?:и|а|а также|then|and|потом|также|also)\s+|,\s+")
_LEAD = re.compile(
    r"^(?:\d{1,2}[.)]\s|\W|да\b|нет\b|ок\b|ну\b|но\b|и\b|а\b|так\b|верно\b|только\b|тогда\b|ещё\b|еще\b|также\b|пожалуйста\b|давайте\b|давай\b|хотя\b|сначала\b|"
    r"yes\b|no\b|ok\b|okay\b|right\b|but\b|only\b|just\b|then\b|so\b|also\b|please\b|let's\b|let us\b|lets\b|i would\b|i'd\b|we would\b|we'd\b|"
    r"i'll\b|we'll\b|i will\b|i\b|we\b|can\b|could\b|you\b|забыл\w*(?: \w+)?:|forgot(?: \w+)?:|well\b|хочу\b|нужно\b|надо\b|если\b|может быть\b|может\b|наверное\b|скажем\b|what if\b|if\b|maybe\b|perhaps\b|say\b|i want\b|need to\b|should\b|i'd like\b|я бы\b|мы бы\b|я\b|мы\b)+\s*",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"(?:добав(?:им|ь|ьте|ить|ила? бы|или бы|лю|ляем|ляю)|постав(?:им|ь|ьте|ить|ила? бы|лю)|встав(?:им|ь|ьте|ить|лю)|введ[её]м|"
    r"add|put|insert|introduce|place)\b",
    re.IGNORECASE,
)
_REMOVE = re.compile(
    r"(?:убер[её]м|убер\w+|убрать|убираем|убираю|убрала? бы|удал(?:им|и|ите|ить|яем|ю)|выкин(?:ем|у|ь|уть)|выбрасыва(?:ем|ю)|выбро(?:сим|шу|сь|сить)|откаж(?:емся|усь) от|без|"
    r"remove|drop|delete|get rid of|throw (?:out|away)|take out|without|no)\b",
    re.IGNORECASE,
)
_REPLACE = re.compile(
    r"(?:замен(?:им|и|ите|ить|яем|яю|ю|ила? бы)|поменя(?:ем|й|ть|ю)|replace|swap|exchange)\s+(?P<old>.+?)\s+(?:на|by|with|for|to)\s+(?P<new>.+)"
    r"|вместо\s+(?P<old2>\S+)\s+(?:\w+(?:им|ем|ьте|ить|лю|ю)\s+)?(?P<new2>.+)|(?:(?:use|put|take|add)\s+)?(?P<new3>\S+(?: [x×]\d+)?)\s+instead of\s+(?P<old3>.+)"
    r"|(?:постав\w+|возьм\w+|добав\w+|использ\w+)\s+(?P<new4>\S+)\s+вместо\s+(?P<old4>\D+)",
    re.IGNORECASE,
)
_SET = re.compile(
    r"(?:увелич(?:им|ь|ьте|ить|у|иваем|ила? бы)|подним(?:ем|и|ите|у|аем)|поднять|уменьш(?:им|и|ите|ить|у)|сократ(?:им|и|ить)|расшир(?:им|ить|ю)|"
    r"масштабир\w+|удво\w+|шардир\w+|раздел(?:им|ить|ю)|подел(?:им|ить|ю)|сдела(?:ем|й|йте|ть|ю)|пусть (?:будет|стоит|стоят|у)|возьм[её]м|дадим|"
    r"increase|raise|scale|bump|grow|make|set|give|reduce|lower|shrink|cut|extend|double|shard|split)\b",
    re.IGNORECASE,
)
_STANDS = re.compile(
    r"(?:стоит|стоят|сидит|сидят|лежит|лежат|живут|живёт|находятся|находится|размещ\w+|держим|все|вс[её]|"
    r"sits?|stands?|lives?|is|are|all|runs?|located)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\b(?:in front of|ahead of|before|перед|над)\s+(?P<box>.+)", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:between|между)\s+(?P<a>\S+(?: \S+)?)\s+(?:and|и)\s+(?P<b>.+)", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|behind|below|за|после|под)\s+(?P<box>.+)", re.IGNORECASE)
_INSTEAD = re.compile(r"\b(?:instead of|rather than|вместо|а не|from|с)\s+[x×]?\d+\S*", re.IGNORECASE)
_PROPOSES = re.compile(
    r"\W*(?:(?:а|и|ок|да|and|ok|also|ещё|еще)\W+)*(?:давайте|давай|хочу|поправлю|исправлю|изменю|на схеме|в схеме|let'?s|let us|in the drawing|i want|i'd like|change)\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\b(?:back|обратно)$", re.IGNORECASE
)  # "put the cache back": which and where, another clause says
_MORE = re.compile(r"\b(?:another|more|ещё|еще)\b", re.IGNORECASE)
_TWICE = re.compile(r"\b(?:double|twice|вдвое больше|вдвое|удво\w+)\b", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?P<to>\b(?:до|to|на)\s+)?(?:\b[x×х](?P<times>\d{1,5})\b|(?<![\w.,])(?P<number>\d{1,5}|two|three|four|две|двух|три|тр[её]х|четыре)"
    r"\s*(?P<unit>[^\W\d]\w*)?)",
    re.IGNORECASE,
)
_WORDS = {"two": 2, "three": 3, "four": 4, "две": 2, "двух": 2, "три": 3, "трех": 3, "трёх": 3, "четыре": 4}
_UNITS = {
    "pod": "count", "под": "count", "shard": "count", "шард": "count", "partition": "count", "парти": "count",
    "instance": "count", "инстанс": "count", "node": "count", "нод": "count", "узл": "count", "узел": "count",
    "worker": "count", "воркер": "count", "machine": "count", "машин": "count", "copies": "count",
    "replica": "replicas", "реплик": "replicas", "core": "cores", "ядер": "cores", "ядр": "cores",
    "slot": "slots", "слот": "slots", "retr": "retries", "повтор": "retries", "connection": "pool", "соединен": "pool", "pool": "pool", "пул": "pool",
}  # fmt: skip
_OF_A_STORE = ("shard", "шард", "replica", "реплик", "core", "ядер", "ядра", "pool", "пул")
_OF_A_SERVICE = ("pods", "подов", "пода")
_SHARE_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s?(?:%|percent|процент\w*)", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:time-?out|тайм-?аут\w*)\s*(?:of|в|до|to)?\s*(\d+(?:[.,]\d+)?)\s?(ms|мс|s|с)\b", re.IGNORECASE
)
_KEPT_BY = re.compile(r"\b(?:by|по|key|ключ\w*)\s+([a-z]\w*)", re.IGNORECASE)
_SECOND_PLACE = re.compile(
    r"(?:втор(?:ой|ом)|два|двух|second|another|two|other)\s+(?:цод\w*|дц|dc\b|дата-?центр\w*|data cent(?:er|re)s?)",
    re.IGNORECASE,
)
_IN_BOTH = re.compile(r"\b(?:в обоих|в обеих|в двух|in both|in each|in either)\b", re.IGNORECASE)
_LOAD = re.compile(
    r"(?:the )?(?:нагрузк\w*|load)\W+(?:(?:is|будет|равна|of|в)\s+)?(?P<number>\d{1,3}(?:[ \u00a0,]\d{3})+|\d+)\s?(?P<size>[kкmм]?)(?![^\W\d_])",
    re.IGNORECASE,
)
_IN_PLACE = re.compile(
    r"\b(?:dc|дц|цод|data cent(?:er|re)|дата-?центр)[ -]?(?P<n>[12])\b|(?P<first>перв\w+|first|one|одном|single)\s+(?:цод\w*|дц|dc\b|дата-?центр\w*|data cent(?:er|re))|"
    r"(?P<second>втор\w+|second)\s+(?:цод\w*|дц|dc\b|дата-?центр\w*|data cent(?:er|re))",
    re.IGNORECASE,
)
_IN_PARTS = re.compile(
    r"половин|кажд|част[ьи]\b|\bhalf|\beach|\bevery|\bsome\b|если|\bif\b|when|когда", re.IGNORECASE
)
_NOT_ANY = re.compile(r"(?:no|without|без)\b", re.IGNORECASE)
_ALL_STORES = re.compile(
    r"\b(?:баз\w*|бд|шард\w*|хранилищ\w*|мастер\w*|stores?|databases?|dbs?|shards?|primar\w+)\b",
    re.IGNORECASE,
)
_OBJECTS = re.compile(
    r"^(?:replic|реплик|shard|шард|pods?\b|под(?:ы|ов|а)?\b|core|ядр|ядер|slot|слот|retr|повтор|time-?out|тайм)"
)
_SYNONYMS: dict[Kind, str] = {
    "store": r"баз(?:а|ы|у|е|ой|ам|ами|ах)?|бд|хранилищ\w*|db|database|store",
    "cache": r"к[эе]ш\w*|caches?",
    "queue": r"очеред\w*|queue|broker|брокер\w*",
    "worker": r"воркер\w*|workers?|consumers?|консьюмер\w*|потребител\w*",
    "balancer": r"балансировщик\w*|балансер\w*|(?:load )?balancers?|lb",
    "service": r"сервис\w*|services?|бэкенд\w*|backend|апи",
}
_CALLED = {
    "кафк": "kafka", "редис": "redis", "постгрес": "postgres", "раббит": "rabbitmq", "рэббит": "rabbitmq", "кролик": "rabbitmq",
    "монго": "mongo", "кассандр": "cassandra", "кликхаус": "clickhouse", "тарантул": "tarantool", "нгинкс": "nginx",
    "энвой": "envoy", "мемкеш": "memcached", "мемкэш": "memcached", "эластик": "elastic", "кэш": "cache", "кеш": "cache",
    "очеред": "queue", "воркер": "worker", "балансировщик": "lb", "балансер": "lb", "баз": "db",
}  # fmt: skip
_NO_BOXES = frozenset(
    "hit instances layer breaker circuit circuit-breaker timeout time-out jitter backoff retry alert alerts monitoring metrics lock "
    "locks bulkhead bulkheads pool pools idempotency key keys canary limit limits ttl slo transaction saga outbox wal".split()
)
_ARTICLES = frozenset(
    "a an the our one another more some new to for of in on at with its this that same direct в к на у с для ещё еще "
    "один одну одна новый новую наш нашу этот эту ему ей им её туда там сюда здесь тоже бы".split()
)


@dataclass
class _Change:
    """A design being changed, and whether anything was."""

    design: Design
    done: bool = False
    refused: bool = False
    short: bool = True  # the turn: in a long one only a verb makes a change


def amended(design: Design, text: str) -> Design | None:
    """The design after what a turn changes in it; nothing if it changes nothing, or is a drawing of its own."""
    lines = by_lines(design, text)
    if lines is not None:
        return lines
    words, _, notation = text.partition(":")
    if ARROW.search(notation) and not ARROW.search(words):  # "more workers: api => kafka -> worker x80"
        by_words = amended(design, words)
        return by_lines(by_words or design, notation) or by_words
    if ARROW.search(text):
        return None
    change = _Change(deepcopy(design), short=len(text.split()) <= SHORT)
    for clause in _clauses(text):
        _by_words(change, clause)
    if not change.done or change.refused:
        return None
    try:
        changed = settled(change.design)
    except DesignError:
        return None
    return changed if changed != design and changed.edges else None


def proposes(text: str) -> bool:
    """Whether a turn, whatever was asked, speaks of the drawing that stands and of nothing else."""
    return len(text.split()) <= SHORT and _PROPOSES.match(text) is not None


def tries_to_amend(text: str) -> bool:
    """Whether a turn speaks of a change to a drawing at all."""
    return any(
        verb.match(clause) is not None
        for clause in _clauses(text)
        for verb in (_ADD, _REMOVE, _REPLACE, _SET)
    )


def _clauses(text: str) -> list[str]:
    """The clauses of a turn without what only leads up to them; "between a and b" and "a, b" of a verb stay whole."""
    whole = re.sub(
        r"\b(between|между)\s+(\S+(?: \S+)?)\s+(?:and|и)\s+", r"\1 \2 &&& ", text, flags=re.IGNORECASE
    )
    found: list[str] = []
    for piece in _CLAUSE.split(whole):
        clause = _LEAD.sub("", piece.replace("&&&", "and").strip()).strip(" .,:")
        if clause and len(clause.split()) <= MOST_WORDS:
            found.append(clause)
    return found


# -- lines of the notation


def by_lines(design: Design, text: str) -> Design | None:
    """Lines that add to the drawing: each is a setting of a box, a chain that a box stands in, the load or the places."""
    if HEAD.search(text):
        return None
    lines = [_LEAD.sub("", line.strip()).strip() for line in unfolded(text.strip()).splitlines()]
    lines = [line for line in lines if line]
    if not lines or not all(_is_line(design, line) for line in lines):
        return None
    try:
        alone = read_design("\n".join(line for line in lines if ARROW.search(line)) or "a -> b")
    except DesignError:
        return None
    entry, own = alone.entry, design.entry
    redrawn = entry is not None and own is not None and entry.name == own.name and len(alone.edges) > 1
    chains = [line for line in lines if ARROW.search(line)]
    shared = set(alone.parts) & set(design.parts)
    known = all(edge in design.edges for edge in alone.edges)
    if chains and not (len(chains) == 1 and known):
        most = len(chains) > 1 and len(alone.parts) > MOST_OF_IT * len(design.parts)
        if redrawn or not shared or most:
            return None
    return _merged(design, lines)


def _merged(design: Design, lines: list[str]) -> Design | None:
    try:
        merged = read_design("\n".join(lines), design)
    except DesignError:
        return None
    return merged if merged != design and not _loose(merged) - _loose(design) else None


def _loose(design: Design) -> set[str]:
    """The boxes that nothing leads to from the entry: a name that was mistyped, or a box from elsewhere."""
    reached = [design.entry.name] if design.entry is not None else []
    for name in reached:
        reached += [e.target for e in design.edges if e.source == name and e.target not in reached]
    return set(design.parts) - set(reached)


def _is_line(design: Design, line: str) -> bool:
    words = line.replace(",", " ").replace(":", " ").split()
    head = words[0].lower()
    if ARROW.search(line):
        return all(
            one.split()
            and NAME.fullmatch(one.split()[0])
            and (len(one.split()) == 1 or only_settings(one.split()[1:]))
            for piece in ARROW.split(line)[::3]
            for one in piece.split("&")
        )
    if head in LOAD_WORDS:
        return bool(re.search(r"\d", line)) and len(words) <= 5
    if head in PLACE_WORDS:
        return len(words) == 2
    return head in design.parts and only_settings(words[1:])


# -- sentences


def _by_words(change: _Change, clause: str) -> None:
    """One clause: a box more, a box less, another box, another figure, a place."""
    if _placed(change, clause) or _BACK.search(clause) or (change.short and _loaded(change.design, clause)):
        change.done |= not _BACK.search(clause)
        return
    replaced = _REPLACE.match(clause)
    if replaced:
        old = replaced["old"] or replaced["old2"] or replaced["old3"] or replaced["old4"]
        new = replaced["new"] or replaced["new2"] or replaced["new3"] or replaced["new4"]
        _noted(change, _replace(change.design, old, new) or _set(change.design, clause))
        return
    if _REMOVE.match(clause) and (change.short or not _NOT_ANY.match(clause)):
        _noted(change, _remove(change.design, _REMOVE.sub("", clause, count=1).strip()))
        return
    if _ADD.match(clause):
        said = _ADD.sub("", clause, count=1).strip()
        _noted(change, _set(change.design, said, more=not _INSTEAD.search(said)) or _add(change.design, said))
        return
    if _SET.match(clause):
        _noted(change, _set(change.design, clause, whose=_whose(change, clause)))
        return
    if change.short and len(clause.split()) <= FIGURE_WORDS and _NUMBERED.search(clause):
        whose = _whose(change, clause)
        if whose or _boxes(change.design, clause):
            _noted(change, _set(change.design, clause, whose=whose))


def _noted(change: _Change, done: bool) -> None:
    """A change that was meant and not understood leaves nothing half done."""
    change.done |= done
    change.refused |= not done


def _placed(change: _Change, clause: str) -> bool:
    """ "All databases are in dc1", "второй ЦОД": where what stands, and how many data centres there are."""
    design, found = change.design, _IN_PLACE.search(clause)
    both = _IN_BOTH.search(clause)
    if both and change.short:
        placed = [p for p in _boxes(design, clause[: both.start()]) if p.kind == "store" and p.place]
        for part in placed:
            part.place = 0
        return bool(placed)
    if (
        found
        and not _IN_PARTS.search(clause)
        and (change.short or _STANDS.search(clause) or _ADD.match(clause))
    ):
        place = int(found["n"]) if found["n"] else 2 if found["second"] else 1
        said = clause[: found.start()] + clause[found.end() :]
        stores = [p for p in design.parts.values() if p.kind == "store"]
        named = [p for p in _boxes(design, said) if p.kind == "store"]
        if not named and _ALL_STORES.search(said):
            named = stores
        if named:
            for part in named:
                part.place = place
            return True
    if _SECOND_PLACE.search(clause) and _ADD.match(clause):
        design.places = 2
        _set(design, _SECOND_PLACE.sub("", clause), more=True)
        return True
    return False


def _loaded(design: Design, clause: str) -> bool:
    """ "The load is 90 000": another load for the drawing."""
    found = _LOAD.match(clause)
    if found is None:
        return False
    value = (
        float(re.sub(r"[ \u00a0,]", "", found["number"]))
        * {"": 1, "k": 1e3, "к": 1e3, "m": 1e6, "м": 1e6}[(found["size"] or "").lower()]
    )
    if not 1 <= value <= MOST_RPS:
        return False
    design.rps = value
    return True


def _replace(design: Design, old: str, new: str) -> bool:
    boxes, called = _boxes(design, old), _new_name(new)
    if len(boxes) != 1 or not called or called in design.parts:
        return False
    part = boxes[0]
    kind, before = kind_of(called), part.kind
    design.parts = {(called if name == part.name else name): one for name, one in design.parts.items()}
    design.edges = [
        Edge(
            called if e.source == part.name else e.source,
            called if e.target == part.name else e.target,
            e.waits,
            e.label,
        )
        for e in design.edges
    ]
    part.name = called
    if kind not in ("service", before):
        fresh = Part(called, kind, given=set(part.given) & {"key", "pool"}, key=part.key, place=part.place)
        design.parts[called] = fresh
        design.edges = [
            Edge(
                e.source,
                e.target,
                e.waits and "queue" not in (design.parts[e.source].kind, design.parts[e.target].kind),
                e.label,
            )
            for e in design.edges
        ]
    _set(design, f"{called} {new.partition(' ')[2]}")
    return True


def _remove(design: Design, said: str) -> bool:
    """A box less: who called it calls what stood behind it."""
    if _OBJECTS.match(said):
        return False
    boxes = _boxes(design, said)
    if len(boxes) != 1:
        return False
    name = boxes[0].name
    above = [e for e in design.edges if e.target == name]
    below = [e for e in design.edges if e.source == name]
    design.edges = [e for e in design.edges if name not in (e.source, e.target)]
    for up in above:
        for down in below:
            if not any((e.source, e.target) == (up.source, down.target) for e in design.edges):
                design.edges.append(Edge(up.source, down.target, boxes[0].kind == "queue" or up.waits))
    del design.parts[name]
    alone = {p for p in design.parts if not any(p in (e.source, e.target) for e in design.edges)}
    design.parts = {n: p for n, p in design.parts.items() if n not in alone}
    return True


def _add(design: Design, said: str) -> bool:
    """A box more, between two others, before or behind one; a cache with no place stands before the only store."""
    between, before, after = _BETWEEN.search(said), _BEFORE.search(said), _AFTER.search(said)
    place = between or before or after
    called = _new_name(said[: place.start()] if place else said)
    if before and not called:  # "перед базой pgbouncer"
        rest = [word for word in before["box"].split() if _box(design, word.lower()) is None]
        called = _new_name(" ".join(rest))
    if not called:
        return False
    kind = design.parts[called].kind if called in design.parts else kind_of(called)
    if between:
        above, below = _boxes(design, between["a"]), _boxes(design, between["b"])
    elif before:
        below = _boxes(design, before["box"])
        above = _callers(design, below[0].name) if len(below) == 1 else []
        if len(below) == 1 and not above and kind == "balancer":  # a new entry
            design.parts = {called: Part(called, kind), **design.parts}
            design.edges.insert(0, Edge(called, below[0].name, True))
            return True
    elif after:
        above, below = _boxes(design, after["box"]), []
    elif kind == "cache":
        stores = [p for p in design.parts.values() if p.kind == "store"]
        below = stores if len(stores) == 1 else []
        above = _callers(design, below[0].name) if below else []
    else:
        return False
    if (
        not above
        or len(below) > 1
        or (between and (len(above), len(below)) != (1, 1))
        or (after and len(above) != 1)
    ):
        return False
    if called in {p.name for p in (*above, *below)}:
        return False
    design.parts.setdefault(called, Part(called, kind))
    beside = kind == "cache" and below and below[0].kind == "store"
    for up in above:
        _joined(design, up.name, called)
        if below and not beside:
            design.edges = [e for e in design.edges if (e.source, e.target) != (up.name, below[0].name)]
    if below and not beside:
        _joined(design, called, below[0].name)
    _set(design, f"{called} {said[: place.start()] if place else said}", whose=called)
    return True


def _joined(design: Design, source: str, target: str) -> None:
    waits = "queue" not in (design.parts[source].kind, design.parts[target].kind)
    if not any((e.source, e.target) == (source, target) for e in design.edges):
        design.edges.append(Edge(source, target, waits))


def _callers(design: Design, name: str) -> list[Part]:
    return [design.parts[e.source] for e in design.edges if e.target == name]


def _set(design: Design, said: str, more: bool = False, whose: str = "") -> bool:
    """Figures of one box: so many pods, shards, replicas, cores; a hit ratio, a time-out, a key. `more`: so many on top."""
    boxes = [design.parts[whose]] if whose else _boxes(design, said)
    plain = _INSTEAD.sub("", said)
    if len(boxes) != 1:
        boxes = (
            [p for p in boxes if p.kind == "store"]
            if re.search(r"replic|реплик|shard|шард|core|ядер", plain, re.IGNORECASE)
            else boxes
        )
    if len(boxes) != 1:
        return False
    part, done = boxes[0], False
    share, wait = _SHARE_OF.search(plain), _WAIT.search(plain)
    if share and part.kind == "cache":
        part.hit = min(0.9999, float(share[1].replace(",", ".")) / 100)
        part.given.add("hit")
        done = True
    if wait:
        part.timeout_ms = float(wait[1].replace(",", ".")) * (
            1.0 if wait[2].lower() in ("ms", "мс") else 1000.0
        )
        done = True
    for found in _NUMBERED.finditer(_WAIT.sub("", _SHARE_OF.sub("", plain))):
        unit = (found["unit"] or "").lower()
        what = (
            "count"
            if found["times"]
            else next((w for stem, w in _UNITS.items() if unit.startswith(stem)), "")
        )
        if not what and ((found["to"] and not unit) or _box(design, unit)):
            what = "count"
        if not what:
            continue
        number = found["times"] or found["number"]
        value = _WORDS.get(number.lower()) or int(number)
        now = getattr(part, what)
        on_top = more and not found["to"] and (not found["times"] or _MORE.search(plain)) and bool(part.count)
        value = now + value if on_top else value
        if not 1 <= value <= 5000:
            continue
        setattr(part, what, value)
        part.given.add("shards" if unit.startswith(("shard", "шард")) else what)
        done = True
    bare = re.findall(r"(?<![\w.,])\d{1,5}(?![\w.,%])", plain)
    units = {
        what
        for word in re.findall(r"[^\W\d]\w*", plain.lower())
        for stem, what in _UNITS.items()
        if word.startswith(stem)
    }
    units -= {"count"} if _box(design, "worker") is part else set()
    if not done and len(bare) == len(units) == 1 and 1 <= int(bare[0]) <= 5000:  # "ядер базе 4"
        what = units.pop()
        setattr(part, what, int(bare[0]))
        part.given.add(what)
        done = True
    if not done and _TWICE.search(plain) and part.count:
        part.count, done = 2 * part.count, True
    if not done and more and re.search(r"\b(?:replic|реплик)", plain, re.IGNORECASE) and part.kind == "store":
        part.replicas += 1
        part.given.add("replicas")
        done = True
    key = _KEPT_BY.search(plain)
    if key and part.kind == "store":
        part.key, done = key[1], True
        part.given.add("key")
    return done


def _whose(change: _Change, said: str) -> str:
    """The box whose figure it is where none is named: shards, replicas, cores are a store's, pods a service's, if there is one."""
    if not change.short or _boxes(change.design, said):
        return ""
    words = re.findall(r"[^\W\d]\w*", said.lower())
    for kind, stems in (("store", _OF_A_STORE), ("service", _OF_A_SERVICE)):
        of_kind = [p for p in change.design.parts.values() if p.kind == kind]
        if len(of_kind) == 1 and any(word.startswith(stems) for word in words):
            return of_kind[0].name
    return ""


# -- which box is meant


def _boxes(design: Design, said: str) -> list[Part]:
    """The boxes that words name, in the order of the words: by their names, else by what they are if there is only one."""
    found: list[Part] = []
    words = [w for w in re.findall(r"[^\W_][\w.-]*", said.lower().replace("_", "-")) if w not in _ARTICLES]
    for word in words:
        part = _box(design, word)
        if part is not None and part not in found:
            found.append(part)
    return found


def _box(design: Design, word: str) -> Part | None:
    word = word.strip(".-")
    if word in design.parts:
        return design.parts[word]
    latin = next((name for stem, name in _CALLED.items() if word.startswith(stem)), word)
    named = [p for p in design.parts.values() if latin in re.split(r"[-_.]", p.name)]
    if len(named) == 1:
        return named[0]
    kinds = [kind for kind, pattern in _SYNONYMS.items() if re.fullmatch(pattern, word)]
    kinds = kinds or [kind_of(latin)] * (
        kind_of(latin) != "service"
    )  # "postgres", where the only store is called db
    of_kind = [p for p in design.parts.values() if p.kind in kinds]
    return of_kind[0] if len(of_kind) == 1 else None


def _new_name(said: str) -> str:
    """What a new box is called: the first word that names a thing of a known kind, or else the first Latin one."""
    words = [w for w in re.findall(r"[^\W\d_][\w.-]*", said.lower()) if w not in _ARTICLES]
    latin = [next((name for stem, name in _CALLED.items() if w.startswith(stem)), w) for w in words]
    known = {one for names in NAMES.values() for one in names}
    skipped = set(COUNTED) | _NO_BOXES
    first = next((w for w in latin if any(p in known for p in re.split(r"[-_.]", w))), "")
    return first or next((w for w in latin if re.fullmatch(r"[a-z][a-z0-9.-]*", w) and w not in skipped), "")
