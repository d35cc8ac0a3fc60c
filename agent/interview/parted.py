"""What a candidate says now against what the same candidate said before: how long data are kept, by what they are split.

Only two values of one thing part: a period beside its own subject (keys and orders are kept for different times), a key of the
same store, a record's size. Who changes a decision in so many words, compares a way that was turned down or says how it
will grow has contradicted nothing. What follows from it, agent/interview/turns.py decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Literal

from agent.interview.design import Design
from agent.number_words import spelled
from agent.text import tokens

Kind = Literal["keep", "key", "size"]
SAME = 0.05  # a month is 30 days, a year is 12 of them
QUOTED = 100  # characters
MOST = 24  # things settled in one turn; who says more is not held to it
_STEM = 5  # letters
_CLAUSE = re.compile(r"[;\n]|[.,:!?…](?=\s|$)")
_PAUSE = re.compile(r"[,:](?=\s)")
_SENTENCE = re.compile(r"[;\n]|[.!?…](?=\s|$)")
# A decision that is changed aloud, in the turn itself.
_REVISED = re.compile(
    r"\bпередума\w*|\bпересмотр\w*|\bпоправлюсь|\bисправлюсь|\bоговорил\w*|\bвернее\b|\bточнее\b|\bна самом деле\b|\bраньше\b.{0,20}\b(?:сказал|говорил|предлож|хотел|делил|хранил)\w*|"
    r"\bзабудьте\b|\bвсё-таки\b|\bвсе-таки\b|changed? my mind|\bi take (?:it|that) back\b|\bscratch that\b|\bon second thought|\bactually\b|\binstead of\b|\bearlier\b.{0,20}\b(?:said|proposed|wanted)|"
    r"\bвместо\b|\brather than\b",
    re.IGNORECASE,
)
# What is weighed, turned down, supposed or still to come is no decision.
_SUPPOSED = re.compile(
    r"\bесли\b|\bбы\b|рассматрив|отказал|\bне стал\w*|вариант|альтернатив|отверг|\bможно (?:было )?|вырас|вырост|раст[её]т|вдвое|втрое|\bпри рост|дороже|дешевле|"
    r"\bif\b|\bwould\b|\bcould\b|\bmight\b|consider|alternative|reject|turned down|decided against|\bgr[eo]w|growth|twice|three times|cheaper|costs? more|\bне\b|\bnot\b|n't\b",
    re.IGNORECASE,
)
_PROPOSED = re.compile(
    r"\b(?:i|we)(?: would|'d) (?:shard|split|partition|keep|store)|\bбы (?:по|раз)?(?:делил|шардировал|хранил)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\bесли\b|\bif\b|\bunless\b", re.IGNORECASE)
_CHOOSES = re.compile(
    r"\b(?:перв|втор|последн|нов|стар|прежн)(?:ее|ий|яя|ое|ый|ая|его|ого|ему|ому|ей|ой)\b|\bоба\b|\bоб[ае]их\b|\bкак (?:раньше|сейчас|на схеме)\b|\b(?:first|second|latter|former|latest|last|new|old|both|neither)\b",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\bнет,? (?:стойте|подождите|погодите|не так|вру|скорее)|\bстойте\b|\bподождите\b|\bто есть нет\b|\bwait\b|\bno, (?:i mean|sorry)|\bi mean\b|\bsorry\b",
    re.IGNORECASE,
)
_KEEPS = re.compile(
    r"\bхран\w+|\bдержим\b|\bудаля\w+|\bretention|\bretain\w*|\bdelete\w*|\bke(?:ep|eps|pt)\b|\bstored? for\b|\bttl\b",
    re.IGNORECASE,
)
_PERIOD = re.compile(
    r"(?<![\w.,-])(?P<number>\d+(?:[.,]\d+)?)[ \u00a0-]?(?P<unit>час\w*|ч\b|дн\w+|день|сут\w+|недел\w+|месяц\w*|год\w*|лет\b|hours?\b|h\b|days?\b|weeks?\b|months?\b|years?\b)",
    re.IGNORECASE,
)
_HOURS = (
    ("час", 1.0), ("ч", 1.0), ("дн", 24.0), ("ден", 24.0), ("сут", 24.0), ("недел", 168.0), ("месяц", 720.0), ("год", 8760.0),
    ("лет", 8760.0), ("h", 1.0), ("day", 24.0), ("week", 168.0), ("month", 720.0), ("year", 8760.0),
)  # fmt: skip
_SIZE = re.compile(
    r"(?<![\w.,-])(?P<number>\d+(?:[.,]\d+)?)[ \u00a0]?(?P<unit>б\b|байт\w*|кб\b|килобайт\w*|мб\b|b\b|bytes?\b|kb\b|kib\b|mb\b)(?!\s?/)",
    re.IGNORECASE,
)
_BYTES = (("байт", 1.0), ("б", 1.0), ("кб", 1e3), ("килобайт", 1e3), ("мб", 1e6), ("byte", 1.0), ("b", 1.0), ("kb", 1e3), ("kib", 1e3), ("mb", 1e6))  # fmt: skip
# Of one thing: what stands in front of the figure, or behind it as "a record".
_WEIGHED = re.compile(
    r"\b(?P<ru>запис|брон|сообщен|документ|объявлен|строк|плат[её]ж|событи|заказ)\w*|\b(?P<en>record|booking|message|document|ad|row|payment|event|order)s?\b",
    re.IGNORECASE,
)
_SUM = re.compile(r"\d\s?\S{0,12}\s?[×x*/=]\s?\d|=|[×*]")
# Things that are kept or split in ways of their own, beside the records.
_APART = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "key": r"\bключ\w* (?:идемп|запрос|повтор)|\bключи\b|\bключ храни|idempotency|\bkeys\b|\bkeep (?:the|a) key\b|the key (?:is|lives)",
        "log": r"\bлог\w*|журнал|\blogs?\b|change ?log|\bwal\b|kafka|кафк|топик|topic|очеред|queue|поток|stream|событи|event|outbox",
        "telemetry": r"метрик|metric|трейс|trace|аудит|audit",
        "session": r"сесси|session|токен|token|корзин|basket|cart\b|hold\b",
        "cache": r"к[эе]ш|cache|redis",
        "copy": r"б[эе]кап|backup|снимо?к|snapshot|реплик|replica",
        "hot": r"горяч\w*|\bhot\b",
        "cold": r"архив|archiv|холодн|\bcold\b|дешёв|cheap",
        "history": r"истори|history|лент[аеуы]|\bfeed\b|отч[её]т|report|аналит|analytic|витрин",
        "index": r"индекс|\bindex|поиск|search",
        "large": r"крупн|больш\w+ (?:клиент|мерчант|продав)|\blarge|\bbiggest|\bbig\b|под-?ключ|sub-?key|salt|солью",
    }.items()
}  # fmt: skip
_PLAIN = {
    word[:_STEM]
    for word in (
        "будем будут нужно надо потом около примерно данные запись записи достаточно хватит только всего после значит скажем наверное должен сначала "
        "хранить храним храню хранятся держим удаляем месяц недель неделя часов сутки суток them дней день about roughly only then after there their data record "
        "enough should will with that days hours weeks months years every least keep keeps kept stored store retention retain deleted"
    ).split()
}
_SPLITS = re.compile(
    r"(?:шард\w*|дел(?:им|ю|ить|ил|ится|ятся)\b|(?:раз|по)дел\w+|партици\w*|shard\w*|partition\w*|split)[^.;!?\n]{0,30}?(?<!\w)(?:по|by|on)\s+"
    r"(?:(?:id|ид|ключу|хэшу|хешу|диапазон\w*|key|the|a|hash of|hash)\s+)*(?:hash\()?(?P<key>[^\W\d]\w*)(?:\s+(?:и|and|\+)\s+(?P<key2>[^\W\d]\w*))?",
    re.IGNORECASE,
)
_BY_FIRST = re.compile(
    r"^\W*(?:по|by)\s+(?:(?:id|ид|ключу|хэшу|хешу|key|the|hash of)\s+)*(?:hash\()?(?P<key>[^\W\d]\w*)(?:\s+(?:и|and|\+)\s+(?P<key2>[^\W\d]\w*))?[^.;!?\n]{0,30}\d+[^.;!?\n]{0,12}(?:шард|част|парт|shard|part)",
    re.IGNORECASE,
)
# One thing by its names in two languages; a word that is none of these and no identifier is no key.
_ENTITIES = {
    "user": "пользоват клиент покупат плательщ человек user customer client buyer payer",
    "seller": "мерчант продав магазин merchant seller shop store_id",
    "zone": "зон zone",
    "city": "город регион гео city region geo",
    "item": "товар sku item product артикул",
    "document": "документ объявлен doc ad_id ads листинг listing",
    "payment": "платеж платёж payment транзакц",
    "order": "заказ order",
    "chat": "чат диалог chat conversation",
    "slot": "слот окн slot window",
    "booking": "брон booking reserv",
    "message": "сообщен message",
    "device": "устройств device",
}
_IDENTIFIER = re.compile(r"^[a-z]+(?:_[a-z]+)+$")
_TIME_KEYS = tuple("day date month week time hour дню дням дат месяц недел врем час суткам".split())


@dataclass(frozen=True)
class Said:
    """One thing said in some words: its value, whose it is, and the words."""

    kind: Kind
    value: float | frozenset[str]
    whose: frozenset[str]  # of `_APART`
    named: frozenset[str]  # stems of what the words are about
    words: str

    def of_same(self, other: Said) -> bool:
        """Whether both speak of one thing, as far as their words tell."""
        if self.kind != other.kind or self.whose != other.whose:
            return False
        return not self.named or not other.named or bool(self.named & other.named)

    def agrees(self, other: Said) -> bool:
        if isinstance(self.value, frozenset) and isinstance(other.value, frozenset):
            return bool(self.value & other.value)
        assert isinstance(self.value, float) and isinstance(other.value, float)
        return abs(self.value / other.value - 1) <= SAME


@dataclass(frozen=True)
class Parted:
    """Two things said that cannot both hold. `drawn`: the store whose key in the drawing is the first of them."""

    kind: Kind
    before: str
    now: str
    drawn: str = ""


def parted(earlier: Sequence[str], latest: str, design: Design | None = None) -> Parted | None:
    """The first thing of a turn that contradicts an earlier turn, unless the turn itself says that it changes it."""
    if _REVISED.search(latest):
        return None
    for now in _decided(latest):
        for turn in reversed(earlier):
            before = [s for s in _decided(turn) if s.of_same(now)]
            if before:  # what was said last of it is what stands
                if not any(s.agrees(now) for s in before):
                    return Parted(now.kind, before[-1].words, now.words)
                break
        else:
            key = _drawn_key(design) if now.kind == "key" and not now.whose else None
            if key is not None and not key[1] & _as_set(now.value):
                return Parted("key", key[2], now.words, key[0])
    return None


def settles(text: str, found: Parted) -> bool:
    """Whether a turn says which of the two holds: by what only one of them says, or by pointing at it."""
    before, now = _stems(found.before), _stems(found.now)
    return bool((before ^ now) & _stems(text)) or _CHOOSES.search(text) is not None


def _stems(text: str) -> set[str]:
    """Figures and stems of words, those aside that any sentence about keeping has."""
    words = {t.text for t in tokens(_in_digits(text)) if t.text[0].isdigit() or len(t.text) > 2}
    return {w if w[0].isdigit() else w[:4] for w in words if w[:_STEM] not in _PLAIN}


def _as_set(value: float | frozenset[str]) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()


@lru_cache(maxsize=256)
def _decided(text: str) -> tuple[Said, ...]:
    """What a turn settles, in order. Of a value taken back at once the second one counts; two that stand side by side, none."""
    found = list(islice(chain(_figures(text), _keys(text)), MOST))
    taken_back, kept = _TAKEN_BACK.search(text) is not None, []
    for one in found:
        rivals = [s for s in found if s.of_same(one) and not s.agrees(one)]
        if not rivals or (taken_back and one is [s for s in found if s.of_same(one)][-1]):
            kept.append(one)
    return tuple(kept)


def _figures(text: str) -> Iterator[Said]:
    for clause in (
        c for sentence in _SENTENCE.split(text) for c in _CLAUSE.split(sentence) if not _supposed(c, sentence)
    ):
        plain = _in_digits(clause)
        if _KEEPS.search(plain):
            yield from _one("keep", clause, plain, _PERIOD, _HOURS, _named(clause))
        if not _SUM.search(plain) and (thing := _weighed(plain)):
            yield from _one("size", clause, plain, _SIZE, _BYTES, frozenset({thing}))


def _one(
    kind: Kind,
    clause: str,
    plain: str,
    pattern: re.Pattern[str],
    units: Sequence[tuple[str, float]],
    named: frozenset[str],
) -> Iterator[Said]:
    """The figure of a clause that has one; of two in a clause it is not clear which is whose."""
    values = [_value(m, units) for m in pattern.finditer(plain)]
    if len(values) == 1 and values[0] > 0:
        yield Said(kind, values[0], _whose(clause), named, _short(clause))


def _value(match: re.Match[str], units: Sequence[tuple[str, float]]) -> float:
    unit = match["unit"].lower()
    size = next(size for stem, size in sorted(units, key=lambda u: -len(u[0])) if unit.startswith(stem))
    return float(match["number"].replace(",", ".")) * size


def _weighed(clause: str) -> str:
    """What a size is a size of: the one thing that the clause names."""
    names = {_THINGS.get((m["ru"] or m["en"]).lower(), "") for m in _WEIGHED.finditer(clause)}
    return names.pop() if len(names) == 1 else ""


_THINGS = {
    "запис": "record", "record": "record", "строк": "record", "row": "record", "брон": "booking", "booking": "booking",
    "сообщен": "message", "message": "message", "документ": "document", "document": "document", "объявлен": "document",
    "ad": "document", "платеж": "payment", "платёж": "payment", "payment": "payment", "событи": "event", "event": "event",
    "заказ": "order", "order": "order",
}  # fmt: skip


def _keys(text: str) -> Iterator[Said]:
    for sentence in _SENTENCE.split(text):
        for match in (*_SPLITS.finditer(sentence), *_BY_FIRST.finditer(sentence)):
            begins = max((m.end() for m in _PAUSE.finditer(sentence, 0, match.start())), default=0)
            ends = next((m.start() for m in _PAUSE.finditer(sentence, match.end("key"))), len(sentence))
            key = frozenset(k for word in (match["key"], match["key2"]) if word and (k := _entity(word)))
            if key and not _supposed(sentence[begins:ends], sentence):
                yield Said("key", key, _whose(sentence[:ends]), frozenset(), _short(sentence[begins:ends]))


def _supposed(clause: str, sentence: str) -> bool:
    """Whether a clause weighs a thing and decides nothing; "I would split it by" decides, unless there is an "if"."""
    if _PROPOSED.search(clause) and not _CONDITION.search(sentence):
        return False
    return _SUPPOSED.search(clause) is not None


def _entity(word: str) -> str:
    """What a key is a key of; nothing where the word names no thing, or a time by which old data are cut off."""
    word = word.lower().replace("-", "_")
    if word.startswith(_TIME_KEYS):
        return ""
    for name, stems in _ENTITIES.items():
        if any(word.startswith(stem) or word.removesuffix("_id") == stem for stem in stems.split()):
            return name
    return word.removesuffix("_id") if _IDENTIFIER.match(word) else ""


def _drawn_key(design: Design | None) -> tuple[str, frozenset[str], str] | None:
    """The only split store of a drawing, its key as a set, and as it is written."""
    stores = (
        [p for p in design.parts.values() if p.kind == "store" and p.count > 1] if design is not None else []
    )
    if len(stores) != 1 or not stores[0].key:
        return None
    key = _entity(stores[0].key)
    return (stores[0].name, frozenset({key}), stores[0].key) if key else None


def _whose(clause: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _APART.items() if pattern.search(clause))


def _named(clause: str) -> frozenset[str]:
    """Stems of the words that say what is kept."""
    stems = {t.text[:_STEM] for t in tokens(clause) if len(t.text) > 3 and t.text.isalpha()}
    apart = {s for s in stems if any(p.search(s) for p in _APART.values())}
    numbers = {t.text[:_STEM] for n in spelled(clause) for t in tokens(clause[n.start : n.end])}
    return frozenset(stems - apart - numbers - _PLAIN)


def _in_digits(clause: str) -> str:
    """The clause with numbers in words written as figures."""
    for number in reversed(list(spelled(clause))):
        clause = f"{clause[: number.start]}{number.value}{clause[number.end :]}"
    return clause


def _short(clause: str) -> str:
    words = " ".join(clause.split()).strip(" ,:")
    return words if len(words) <= QUOTED else words[:QUOTED].rsplit(" ", 1)[0] + "…"
