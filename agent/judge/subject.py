"""Whether a text is an answer at all: about software, in earnest, and of this incident.

Each is a share that the levels keep: what misses its subject cannot be excellent at it. Nothing here raises a level.
"""

from agent.judge.figures import only_named
from agent.judge.groups import ANYWHERE, IDEAS, TRADE, group_of, mechanism_of
from agent.judge.reading import Reading

_TRICKS = ("instruction", "authority", "word list", "unreal", "disorder", "verse")
_TRADE_WORDS = 5  # distinct ones, which a text of any length needs at most
_TRADE_LEAST, _SENTENCE = 2, 4  # and a short one at least; words of what is no label
_ELSEWHERE, _OTHER = 0.5, 0.3  # of a text that is mostly, and wholly, about another incident
_FOREIGN_LEAST = 2  # ideas of other mechanisms; one may be named in passing
_LONG = 3  # signs below which a figure is shared by chance
_BRIEF, _WORDS_OF_LINE, _WORDS_OF_BRIEF = (
    60,
    3,
    6,
)  # words of a question, and how many in common are no chance


def on_subject(reading: Reading) -> float:
    """Distinct words and ideas of the trade, said in earnest and in an order that one can follow."""
    said: set[str] = set()
    for sentence in reading.sentences:
        for match in () if sentence.refused or only_named(sentence) else sentence.matches:
            group = group_of(match.concept)
            if group == "term":
                said.add(reading.text[match.start : match.end].lower()[:5])  # inflections count once
            elif group in IDEAS:
                said.add(match.concept)
    return (
        max(min(1.0, len(said) / _TRADE_WORDS), _of_trade(reading, len(said)))
        * _earnest(reading)
        * reading.in_order
    )


def _of_trade(reading: Reading, ideas: int) -> float:
    """A short text is on its subject when most of its sentences are."""
    full = [s for s in reading.sentences if len(s.words) >= _SENTENCE]
    if ideas < _TRADE_LEAST or not full:
        return 0.0
    trade = sum(not only_named(s) and any(group_of(m.concept) in TRADE for m in s.matches) for s in full)
    return trade / len(full)


def _earnest(reading: Reading) -> float:
    """1 unless more than half of the words speak to the grader, boast, drop names or tell what is unreal.

    Words without order weigh double: nobody writes a page and throws a third of it together.
    """
    idle = sum(
        len(s.words) * (2 if s.reason == "disorder" else 1) for s in reading.set_aside if s.reason in _TRICKS
    )
    said = sum(len(s.words) for s in reading.sentences)
    return min(1.0, 2.0 * said / max(1, said + idle))


def of_incident(reading: Reading) -> float:
    """Less for a text whose mechanisms, and the measures against them, are another incident's than the question's."""
    asked = {c for c in reading.context_concepts if group_of(c) in IDEAS} - ANYWHERE
    mechanisms = {mechanism_of(c) for c in asked} - {""}
    if not mechanisms:
        return 1.0
    said = {
        m.concept for s in reading.sentences for m in s.matches if group_of(m.concept) in IDEAS
    } - ANYWHERE
    own = {c for c in said if c in asked or mechanism_of(c) in mechanisms}
    foreign = len({c for c in said if mechanism_of(c)} - own)
    if foreign < _FOREIGN_LEAST + 2 * len(own) - (len(own) == 1) or _speaks_of_it(reading):
        return 1.0
    return _OTHER if not own else _ELSEWHERE


def _speaks_of_it(reading: Reading) -> bool:
    """Whether a text has the question's figures, or so many of its words that it speaks of it in terms unknown here."""
    words = {w for s in reading.sentences for w in s.words}
    if {w.text for w in words if w.text[0].isdigit() and len(w.text) >= _LONG} & reading.context_numbers:
        return True
    shared = len({w.lemma for w in words} & reading.context_words)
    return shared >= (_WORDS_OF_BRIEF if len(reading.context_words) > _BRIEF else _WORDS_OF_LINE)
