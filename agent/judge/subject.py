"""Whether a text is an answer at all: about software, in earnest, and of this incident.

Each is a share that the levels keep: what misses its subject cannot be excellent at it. Nothing here raises a level.
"""

from agent.judge.figures import only_named
from agent.judge.groups import IDEAS, group_of
from agent.judge.reading import Reading

_TRICKS = ("instruction", "authority", "word list", "unreal", "disorder", "verse")
_TRADE_WORDS = 5
_ELSEWHERE = 0.5
_MECHANISMS = 2  # one may be named in passing


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
    return min(1.0, len(said) / _TRADE_WORDS) * _earnest(reading) * reading.in_order


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
    """Less for a text that names mechanisms, none of them one of the question's, and repeats none of its figures."""
    asked = {c for c in reading.context_concepts if group_of(c) == "mech"}
    said = {m.concept for s in reading.sentences for m in s.matches if group_of(m.concept) == "mech"}
    if not asked or len(said) < _MECHANISMS or asked & said:
        return 1.0
    figures = {w.text for s in reading.sentences for w in s.words if w.text[0].isdigit() and len(w.text) > 1}
    return 1.0 if figures & reading.context_numbers else _ELSEWHERE
