"""What is promised: a requirement, or an effect that something named carries, is no false guarantee.

"Charged exactly once: the ledger has a unique key" asks for an effect and says what carries it; "Kafka gives us
exactly-once, so no idempotency needed" trusts a word. Knows words around a promise, no worth and no grade.
"""

import re

from agent.concepts import Match
from agent.text import Token

_GUARANTEES = ("harm.wrong_guarantee", "harm.myth")
_ONCE = re.compile(r"\bexactly[- ]once\b", re.IGNORECASE)
_CARRIER = (
    r"(?:\bunique\b|уникальн\w+|\binbox\b|\bdedup\w*|\bдедуп\w*|idempotency[- ]keys?|ключ\w* (?:идемпотент|операц|событ)\w+|"
    r"at[- ]least[- ]once|primary[- ]keys?|первичн\w+ ключ\w*|on conflict|идемпотентн\w+ (?:потребит|консьюм|обработ|по )\w*)"
)
_CARRIES = re.compile(_CARRIER, re.IGNORECASE)
_NEEDS_NONE = re.compile(
    rf"\b(?:no|not|\w+n['’]t|drop|remove|delete|skip|without|instead of|never|unnecessary|без|вместо|не нуж\w+|"
    rf"не надо|лишн\w+|убра\w+|убер\w+|удал\w+)\W+(?:\w+\W+){{0,3}}?{_CARRIER}"
    rf"|{_CARRIER}\W+(?:\w+\W+){{0,3}}?(?:not needed|not required|no longer|unnecessary|redundant|superfluous|overkill|"
    r"не нуж\w+|не требу\w+|не надо|лишн\w+|избыточн\w+)",
    re.IGNORECASE,
)
_REFUTED = re.compile(
    r"(?:\w+\W+){0,3}?(?:do(?:es)?(?: not|n'?t) exist|cannot be (?:had|promised|relied)|"
    r"is (?:not possible|impossible|an? (?:myth|lie|slogan|marketing))|only (?:inside|within)|"
    r"(?:is|are) not enough|insufficient|does(?: not|n'?t) (?:help|suffice)|не (?:бывает|существу|обеща|полага|рассчитыва|"
    r"надеемся|вер\w+|спаса|хвата|помо[гж])\w*|невозмож\w+|миф\w*|(?:только|лишь) внутри|мало\b|недостаточ\w+)",
    re.IGNORECASE,
)
# Whoever has, gives or delivers "exactly once" claims the mechanism; whoever charges or credits so, the effect.
_OF_HAVING = re.compile(
    r"(?:use|enabl|giv|gave|guarant|provid|ha[sv]e?\b|get|got|offer|support|deliver|choos|take|rel[iy]|trust|ensur|assum|"
    r"да[её]т|дадут|использ|включ|гарант|обеспеч|име[еюл]|получ|доставл|полага)\w*",
    re.IGNORECASE,
)
_OF_BEING = re.compile(
    r"(?:be|is|are|was|were|becomes?|буд\w+|это|of|with|by|in|on|to|for|the|an?|its?|our|us|с|со|в|на|о|об|про|за|у|к|и|and)",
    re.IGNORECASE,
)
_A_THING = re.compile(
    r"\W*(?:semantic|deliver|guarantee|processing|mode|семантик|доставк|гаранти|обработк|режим)\w*",
    re.IGNORECASE,
)
_NEEDLESS = re.compile(
    r"\b(?:redundant|superfluous|unnecessary|no need|not need\w*|need no|избыточн\w+|излишн\w+|лишни\w+|не нуж\w+|"
    r"не требу\w+)\b",
    re.IGNORECASE,
)
_HAVING_REACH = 4  # words: "deliver every message exactly once"
_BROKER = re.compile(r"\b(?:kafka|rabbit\w*|broker|pulsar|nats|кафк\w+|брокер\w*|рэббит\w*)\b", re.IGNORECASE)
_SO = re.compile(
    r"[^,;:.—–]{0,15}[,;:—–]\s*(?:(?:поэтому|значит|потому|так что|so|therefore|hence|thus)\b|"
    r"(?:[\w-]+\s+){1,4}?(?:не (?:нуж|треб|надо)|(?:is |are )?not needed|(?:is |are )?unnecessary))",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(
    r"\b(?:no|not|n't|never|without|instead of|rather than|не|нет|без|вместо)\b[^,;:.—–]{0,25}$",
    re.IGNORECASE,
)
_REQUIRED_NEVER = re.compile(r"\b(?:must|should|shall|may|can)\s+never\s+(?!.*\bagain\b)", re.IGNORECASE)
_NAMES_MEANS = ("prevent.", "mitigate.", "detect.", "design.", "mech.")


def no_guarantee(match: Match, sentence: str, at: int, words: tuple[Token, ...], found: list[Match]) -> bool:
    """Whether a match that speaks against its text is a requirement, a carried effect, or a promise refuted.

    `at`: where in the text the sentence begins.
    """
    if match.concept == "vague.absolute":
        return _is_required(match, sentence, at, found)
    if match.concept not in _GUARANTEES:
        return False
    said, after = sentence[match.start - at : match.end - at], sentence[match.end - at :]
    if _REFUTED.match(after.lstrip(" ,\"'»”")):
        return True
    once = _ONCE.search(said)
    if not once or _NEEDS_NONE.search(sentence) or _NEEDLESS.search(sentence):
        return False
    if _REFUTED.match(sentence[match.start - at + once.end() :].lstrip()):
        return True
    before = [w for w in words if w.end <= match.start]
    trusted = any(_OF_HAVING.match(w.text) for w in before[-_HAVING_REACH:])
    broker = bool(_BROKER.search(sentence))
    if trusted and broker:
        return False
    # "A refund comes back exactly once": somebody asks for it; a broker that does so is trusted with it.
    asked = not broker and not trusted and _an_adverb(before, said[once.end() :] + after)
    return asked or bool(_CARRIES.search(sentence))


def _an_adverb(before: list[Token], after: str) -> bool:
    """Whether something is done exactly once: "exactly-once semantics" and "with exactly once" name a mechanism."""
    if not before or _OF_BEING.fullmatch(before[-1].text) or _A_THING.match(before[-1].text):
        return False
    return not _A_THING.match(after)


def still_claimed(match: Match, sentence: str, at: int) -> bool:
    """Whether the "not needed" behind a promise is of another thing: "exactly-once, so idempotency is not needed"."""
    if match.concept not in _GUARANTEES:
        return False
    before, after = sentence[: match.start - at], sentence[match.end - at :]
    return bool(_SO.match(after)) and not _DENIED_BEFORE.search(before)


def _is_required(match: Match, sentence: str, at: int, found: list[Match]) -> bool:
    """ "Two captures must never happen: …" with a figure or a means beside it; alone it stays a wish."""
    window = sentence[max(0, match.start - at - 10) :]
    if (
        not _REQUIRED_NEVER.search(window)
        or "never" not in sentence[match.start - at : match.end - at].lower()
    ):
        return False
    named = any(m.concept.startswith(_NAMES_MEANS) and not m.negated for m in found)
    return named or any(c.isdigit() for c in sentence)
