"""Whether what a sentence says hangs together: figures that fit what they are of, measures that somebody means.

Works on words and quantities, for any subject: a figure glued to every sentence is told once, a wait is no number
of gigabytes, and what was turned down is no measure.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.concepts import Match
from agent.quantities import Quantity, Unit, quantities
from agent.text import Span, Token, normalise

_RUN = 4  # so many words in the same order as before are a tail pasted again
_FIGURE_AGAIN = 2  # a figure with the same neighbour may be needed twice; from then on it is an ornament
_REACH = 3  # words between a thing and the figure said of it

# What things are measured in. Only nouns with one reading; a bare number fits anything.
_DURATION: frozenset[Unit] = frozenset({"duration"})
_MEASURED_IN: tuple[tuple[tuple[str, ...], frozenset[Unit]], ...] = (
    (
        ("timeout", "таймаут", "ttl", "jitter", "джиттер", "backoff", "бэкофф"),
        frozenset({"duration", "share"}),
    ),
    (("p99", "p95", "p50", "latency", "латентност"), _DURATION),
    (("pool", "пул", "quorum", "кворум", "replicas", "partitions", "партици"), frozenset({"count", "share"})),
    (("rps", "qps", "throughput"), frozenset({"rate", "count", "share"})),
    (("lag", "lags", "отстает", "отставан"), frozenset({"duration", "count", "size"})),
)
_OF_BETWEEN = ("of", "на", "by", "is", "составля", "at", "отста", "lags", "to", "до", "=", "в")

_LINE_OF_VERSE = re.compile(r"(?![-*•|>#\d])(?:\S+\s+){2,9}\S*[^\W\d_][,.;:!?—–-]*")
_STANZA, _RHYMING = 4, 0.5

_TURNED_DOWN = re.compile(
    r"\b(?:turned (?:it|them|this|that|all of (?:it|them)|(?:the )?\w+) down|(?:was|were|is|are|been|got|they) (?:all )?"
    r"(?:rejected|declined|vetoed|refused|dropped)|(?:rejected|declined|refused|vetoed) (?:it|them|this|that|all)\b"
    r"|not (?:been )?(?:planned|intended|proposed|foreseen|going to happen)|none of (?:the|this|these|that|it|them|what)"
    r"|neither of (?:the|these)|nothing of)"
    r"|(?:это|их|всё|все|его|её|ее|нам|мне|мы|идею|предложение) (?:\w+ )?(?:отклонил|отверг|отказал|зарубил|завернул|отмел)\w*"
    r"|\b(?:отклонил|отверг|зарубил|завернул)\w* (?:это|их|всё|все|его|её|ее|идею|предложени\w+)"
    r"|\bотказал(?:ся|ась|ись) от (?:этого|этой|них|него|всего)"
    r"|\b(?:decided|chose|agreed|opted|preferred|resolved|choose|decide) (?:against|not to)\b|\bwe (?:will not|won'?t|shall not) (?:be )?\w+"
    r"|\b(?:реши|договори|предпоч|выбра)\w+ не \w+|\bне (?:стал|будем|станем)\w* \w+ть\b"
    r"|\bне (?:планиру|предполага|предлага|собира|намерен)\w*|\b(?:ничего|ничто|ни один|ни одно|ни одна) из\b",
    re.IGNORECASE,
)


_NOT_CHOSEN = re.compile(
    r"^\W*(?:considered (?:and|but) )?(?:rejected|not (?:doing|chosen|done|taken|used|proposed)|won'?t do|out of scope|"
    r"alternatives? (?:rejected|considered)|"
    r"(?:чего )?(?:не (?:дела|бер|выбра|предлага|стал|буд)\w+)|отклон\w+|отверг\w+|отказал\w+|отброс\w+)"
    r"(?: \w+){0,3}\s?(?::|\s[—–-]\s)",
    re.IGNORECASE,
)


_LEFT = re.compile(
    r"\b(?:considered|weighed|looked at|thought (?:of|about)|tempted by|suggested|proposed|wanted)\b.{0,120}"
    r"\b(?:rejected|declined|refused|dropped|discarded|left it|ruled (?:it )?out|decided against|turned (?:it|that) down)\b"
    r"|\b(?:rejected|ruled out|decided against|turned down|refused|argued against|said no to)\s(?:the |an? |any )?\w+"
    r"|\b(?:рассматрива|дума|смотре|взвеси|предлага|предложи|хоте)\w+.{0,120}\b(?:отказа|отклони|отверг|отброси|не ста|не взя|передума|не пош)\w+"
    r"|\b(?:отказа\w+ от|отклони\w+|отверг\w*|отброси\w+)\s\w+",
    re.IGNORECASE,
)


def not_chosen(plain: str) -> bool:
    """Whether a sentence tells what was weighed and left, or opens the list of it: harm named there is harm avoided."""
    return bool(_NOT_CHOSEN.match(plain) or _LEFT.search(plain))


def turned_down(plain: str) -> bool:
    """Whether a sentence says that what it names was refused or is not going to be done."""
    return bool(_TURNED_DOWN.search(plain))


def rhymed(text: str) -> list[tuple[int, int]]:
    """Where lines are verse: short, unmarked, and most of them rhyme with one of the next two."""
    found, block = [], []
    for match in re.finditer(r"[^\n]*(?:\n|$)", text):
        line = match.group().strip()
        if _LINE_OF_VERSE.fullmatch(line):
            block.append((match.start(), match.end(), _ending(line)))
            continue
        found += _verse(block)
        block = []
    return found + _verse(block)


def _verse(block: list[tuple[int, int, str]]) -> list[tuple[int, int]]:
    ends = [end for _, _, end in block]
    if len(block) < _STANZA:
        return []
    rhymes = sum(end in ends[max(0, i - 2) : i] + ends[i + 1 : i + 3] for i, end in enumerate(ends))
    return [(block[0][0], block[-1][1])] if rhymes >= _RHYMING * len(block) else []


def _ending(line: str) -> str:
    """The sound a line ends on, as far as letters tell it: the last vowel and what follows, at least two letters."""
    letters = re.sub(r"[\W\d_]+", "", line.lower().replace("ё", "е"))
    found = re.search(r"[aeiouyаеиоуыэюя]+[^aeiouyаеиоуыэюя]*$", letters.rstrip("e"))
    tail = found.group() if found else letters
    return tail if len(tail) > 1 else letters[-2:]


class Told:
    """What earlier sentences of a text said: the runs of words and the figures, so that pasting pays once."""

    def __init__(self) -> None:
        self._runs: set[tuple[str, ...]] = set()
        self._figures: dict[tuple[str, str], int] = {}

    def again(self, words: Sequence[Token]) -> frozenset[int]:
        """Where words of this sentence start that earlier ones already said; then remembers the sentence."""
        stems = [w.lemma for w in words]
        runs = [tuple(stems[i : i + _RUN]) for i in range(len(stems) - _RUN + 1)]
        stale = {i + k for i, run in enumerate(runs) if run in self._runs for k in range(_RUN)}
        figures = [
            (i, (stem, stems[i + 1] if i + 1 < len(stems) else ""))
            for i, stem in enumerate(stems)
            if stem[0].isdigit()
        ]
        stale |= {i for i, figure in figures if self._figures.get(figure, 0) >= _FIGURE_AGAIN}
        self._runs.update(runs)
        for figure in sorted({f for _, f in figures}):
            self._figures[figure] = self._figures.get(figure, 0) + 1
        return frozenset(words[i].start for i in stale)


def without_stale(found: Sequence[Match], stale: frozenset[int], words: Sequence[Token]) -> list[Match]:
    """The matches that have at least one word of their own."""
    if not stale:
        return list(found)
    fresh = [w.start for w in words if w.start not in stale]
    return [m for m in found if any(m.start <= at < m.end for at in fresh)]


_OF_NOTHING = re.compile(
    r"\b(?:if|when|once|если|когда|при)\s+(?:it is\s|it's\s)?(?:above|below|over|under|more than|less than|>|<|больше|меньше|выше|"
    r"ниже|более|менее)\s*\d+(?:[.,]\d+)?\s*(?=[,;:.)]|$|\b(?:then|то|-)\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=2000)  # each sentence is asked about by many signals
def misfits(span: Span) -> int:
    """Figures whose unit cannot belong to the noun right before them ("a pool of 37 ms", "lags by 40 rps"), and bounds
    of nothing ("if above 5, then")."""
    plain = normalise(span.text).text.lower().replace("ё", "е")
    return sum(_misfit(plain, q) for q in quantities(plain) if not q.bare) + len(_OF_NOTHING.findall(plain))


def _misfit(plain: str, quantity: Quantity) -> bool:
    before = re.findall(r"[\w=]+", plain[max(0, quantity.start - 40) : quantity.start])[-_REACH:]
    for i in range(len(before) - 1, -1, -1):
        for stems, fitting in _MEASURED_IN:
            if before[i].startswith(stems):
                return quantity.unit not in fitting and _joined(before[i + 1 :])
    return False


def _joined(between: list[str]) -> bool:
    return all(word.startswith(_OF_BETWEEN) for word in between)
