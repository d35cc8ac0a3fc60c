"""Which of the candidate's sentences speaks of which axis: the debrief quotes it there, or quotes nothing.

A level may rest on the whole answer; a quote under an axis is read as what was said about that axis. So each sentence
is quoted once, where it says most and says it more than it speaks of the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.interview.prompts import RUBRIC
from agent.judge import reading_of
from agent.judge.contexts import Context
from agent.judge.explain import evidence_in
from agent.judge.reading import Reading, Sentence
from agent.judge.signals import anchored, concreteness
from agent.rubric import load_rubric
from agent.text import Span

NOT_SAID = frozenset({"communication"})  # how it is told shows in the whole, in no sentence of it
ENOUGH = 1.0
_WHOLE = "design"  # the axis of the whole: what speaks of a narrower one belongs there
_OTHERS = 0.5  # what a sentence says of another axis counts that much against it here
_SOLID = 0.1
_NAMED, _ASKED = 1.0, 0.7  # what the axis's own words count, and that it was asked about
# Words by which a listener knows what a sentence is about; without them the judge's marks are of the whole answer.
CUES = {
    axis: re.compile(pattern, re.IGNORECASE)
    for axis, pattern in {
        "requirements": r"\brps\b|qps|p9\d|запрос\w* в секунду|requests? a second|/с\b|/s\b|доступност|availab|задержк|latency|свежест|freshness|[×x*] ?\d.{0,30}=|в сутки|\ba day\b|\bпик|\bpeak",
        "design": r"запрос (?:ид[её]т|приходит|проходит|попадает)|клиент\w*\b.{0,40}(?:->|→|затем|потом|через)|через (?:шлюз|балансер|lb|api)|шлюз|gateway|балансер|\blb\b|из кэша|из кеша|from (?:a |the )?cache|served by|"
        r"request (?:goes|passes|walks|comes)|client (?:calls|sends|asks)|go(?:es)? to kafka|в кафку|в kafka",
        "data_scale": r"шард|shard|партици|partition|ключ\w* (?:шард|раздел|партиц)|по ключу|shard key|keyed by|\b(?:by|по) \w+_id\b|\b[гт]б\b|\b[gt]b\b|bucket|бакет|горяч|\bhot\b|перенос|resharding",
        "consistency": r"идемпот|idempot|ровно один|exactly once|дважды|twice|уникальн|unique|условн|conditional|верси[яию]|version|upsert|on conflict|повтор|repeat|duplicat|дубл|порядков|порядок|sequence|транзакц|transaction|"
        r"согласован|consisten|вернётся|no-op|where .{0,30}[=<>]|saga|сага|проверяем перед",
        "failure": r"fail|отказ|упад|упал|упад[её]т|ляжет|лежит|пропал|пропад|потер\w+ (?:цод|дц|дата)|\bdies?\b|is lost|goes down|is down|\bdown\b|hangs?\b|slow|медленн|тайм-?аут|time-?out|breaker|bulkhead|degrad|деград|"
        r"перезапус|рестарт|restart|частичн\w+ ответ|partial answer|hedg|falls behind|отста[её]т|stops\b|fallback|переключ|promote",
        "operations": r"alert|алерт|\bpage (?:the|us|me|on|at|when|if)\b|\bpages[.;]?$|\bpaged\b|пейдж|будим|дежурн|on-call|\bslo\b|метрик|metric|график|dashboard|канаре|canary|выкат|roll ?out|откат|rollback|флаг|\bflag\b|сверк|reconcil",
        "tradeoffs": r"альтернатив|alternative|рассматрив|consider|взял бы|would take|i'd take|выбрал бы|отказал|дешевл|cheaper|дорож|цена|price|плат(?:им|ит)|\bpay\b|costs?\b|стоит|обходит|instead of|вместо|rather than|"
        r"we lose|теряем|\bvs\b|против\b|budget|бюджет",
    }.items()
}  # fmt: skip
_PATH = re.compile(
    r"kafka|кафк|воркер|worker|projector|проектор|к[эе]ш|cache|очеред|queue|gateway|шлюз|store|postgres|баз[аеуы]|redis|\bdb\b",
    re.IGNORECASE,
)
_HEAD, _FIRST = 3, 2.0  # words a sentence opens with, and what a mark among them counts


def asked_where(said: Sequence[str], to: Sequence[str]) -> list[tuple[int, str]]:
    """Where each answer ends in the whole text (empty lines between them), and the axis that it answered."""
    found, end = [], 0
    for text, axis in zip(said, to, strict=False):
        end += len(text) + 2
        found.append((end, axis))
    return found


def axis_quotes(text: str, asked: Sequence[tuple[int, str]] = ()) -> dict[str, Span]:
    """The sentence that speaks of each axis; axes that none speaks of are absent. `asked`: what the answers were to."""
    reading = reading_of(text, Context())
    ranked = []
    for i, sentence in enumerate(reading.sentences):
        said = _spoken(reading, sentence, _answered(sentence, asked))
        for axis, worth in said.items():
            elsewhere = max((w for other, w in said.items() if other != axis), default=0.0)
            if worth >= ENOUGH and worth >= elsewhere:
                solid = _SOLID * min(3.0, concreteness(reading, sentence))
                ranked.append((-(worth - _OTHERS * elsewhere + solid), i, axis))
    found: dict[str, Span] = {}
    taken: list[int] = []
    for _, i, axis in sorted(ranked):
        if axis not in found and i not in taken:
            found[axis] = _trimmed(text, reading.sentences[i].span)
            taken.append(i)
    if _WHOLE not in found:
        rest = [
            (s, i)
            for i, s in enumerate(reading.sentences)
            if i not in taken and _PATH.search(_words(reading, s))
        ]
        whole = [(-_said(reading, s).get(_WHOLE, 0.0), i) for s, i in rest]
        worth, i = min(whole, default=(0.0, 0))
        if -worth >= ENOUGH:
            found[_WHOLE] = _trimmed(text, reading.sentences[i].span)
    return found


def _words(reading: Reading, sentence: Sentence) -> str:
    return reading.text[sentence.span.start : sentence.span.end]


def _answered(sentence: Sentence, asked: Sequence[tuple[int, str]]) -> str:
    return next((axis for end, axis in asked if sentence.span.start < end), "")


def _trimmed(text: str, span: Span) -> Span:
    """A half of a sentence is quoted without the sign that parts it from the other half."""
    words = text[span.start : span.end].rstrip(" ;,:")
    return Span(span.start, span.start + len(words), words)


def _spoken(reading: Reading, sentence: Sentence, answered: str) -> dict[str, float]:
    """What a sentence says of the axes that it speaks of in so many words, or that it was the answer to."""
    marks = _said(reading, sentence)
    words = _words(reading, sentence)
    solid = concreteness(reading, sentence) >= 1.0
    found: dict[str, float] = {}
    for axis, cue in CUES.items():
        cued, worth = cue.search(words), marks.get(axis, 0.0)
        opens = cued is not None and len(words[: cued.start()].split()) < _HEAD
        if (cued and (worth > 0.0 or solid or opens)) or (answered == axis and worth > 0.0):
            found[axis] = worth + _NAMED * (bool(cued) + opens) + _ASKED * (answered == axis)
    narrow = [axis for axis in found if axis != _WHOLE]
    if narrow and answered != _WHOLE:
        found.pop(_WHOLE, None)
    return found


def _said(reading: Reading, sentence: Sentence) -> dict[str, float]:
    """What a sentence says of each axis: its marks of that axis, each shared by the axes that know it."""
    marks = {c.id: evidence_in(sentence, c) for c in load_rubric(RUBRIC).criteria if c.id not in NOT_SAID}
    narrower = frozenset().union(*(mine for axis, mine in marks.items() if axis != _WHOLE))
    marks[_WHOLE] -= narrower
    weight = anchored(reading, sentence)
    opening = _opening(sentence)
    return {
        axis: weight
        * sum(
            (_FIRST if mark in opening else 1.0) / sum(mark in other for other in marks.values())
            for mark in sorted(mine)
        )
        for axis, mine in marks.items()
        if mine
    }


def _opening(sentence: Sentence) -> frozenset[str]:
    """What a sentence begins with is what it is about: "The price: 2 ms more", "If the site is lost"."""
    end = sentence.words[min(_HEAD, len(sentence.words)) - 1].start if sentence.words else 0
    return frozenset(m.concept for m in sentence.matches if m.start <= end)
