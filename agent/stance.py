"""Whether an item proposes what it names: rejected, merely considered or told as history is no proposal.

Knows words of refusal, study and telling, and no remedy.
"""

import re
from typing import Literal

from agent.phrasings import Words, words
from agent.text import Token, part_of_speech, sentences, tokens, word_set

State = Literal["mapped", "unmapped", "rejected", "considered", "stated", "instruction"]

_NEGATION_REACH = 3
_INSIDE_REACH = 2
_DISMISSAL_REACH = 4
_STUDY_REACH = 8
_STUDY_FIRST = 3  # a study verb this early in a sentence makes all of it a study
_NEGATORS = words(
    "не нет ни без нельзя вместо не никакой никаких not no never without don doesn didn isn aren cannot won "
    "wouldn shouldn nor instead"
)
_WITHOUT = ("без", "without")
_DENIERS = words("не not don doesn shouldn won wouldn isn never")
_HARMLESS = words("более больше дольше реже позднее позже менее меньше только more longer later less only")
_REFUSALS = words("отказаться отказываться против against отложить")
_NEEDS = words(
    "нужный надо требоваться стоить помочь помогать спасти спасать решить поможет need needed necessary "
    "required help helps worth fix solve save"
)
# "no more retries" refuses them, "no more than three" only limits them.
_MORE = ("more", "longer")
_LIMITS = words("than % one two three four five ten half")
_STOPS = words("stop quit cease хватит перестать переставать прекратить прекращать завязать завязывать")
_LONGER_NOT = words("не ни нет никакой никаких никогда")  # "пул больше не увеличиваем": no longer, not more
_DISMISSALS = words("лишний бессмысленный бесполезный излишний unnecessary useless pointless overkill")
_STUDY = words(
    "изучить рассмотреть подумать обдумать оценить проработать исследовать обсудить consider evaluate "
    "explore investigate revisit assess research discuss think"
)
_PAST_EN = word_set("was were had did got came failed worked happened needed fired took went noticed")
_MODAL = words(
    "надо нужный должен следовать необходимо будем давать предлагать хотеть если когда should must will "
    "shall need let propose want would if when"
)
_BREAKERS = words("но а чтобы чтоб иначе поэтому but however because otherwise so")
_CLAUSE_BREAK = re.compile(r"[,;:()\[\]\n—–]|\s-\s")
_REJECTION = re.compile(
    r"\W*(?:considered and )?(?:rejected|not doing|won'?t do|out of scope|deliberately not|"
    r"we (?:do|will) not|"
    r"отклон\w+|отверг\w+|отказались|(?:чего )?не (?:дела\w+|бер[её]м|предлага\w+|будем(?: делать)?))\b"
    r"[^:.\n]{0,40}(?::|\s[—–-]\s)",
    re.IGNORECASE,
)


def stance(
    item: str,
    toks: tuple[Token, ...],
    lo: int,
    hi: int,
    listed: bool,
    negation: Literal["gate", "inside", "ignore"],
) -> State:
    """What is said of the remedy named by tokens lo..hi. `negation`: see agent/phrasings.py."""
    sentence = next((s for s in sentences(item) if s.start <= toks[lo].start < s.end), None)
    head = item[sentence.start : toks[lo].start] if sentence else ""
    if _REJECTION.match(item) or _REJECTION.match(head):
        return "rejected"
    first = next((i for i, t in enumerate(toks) if sentence and t.start >= sentence.start), 0)
    left, right = clause(item, toks, lo, hi)
    if negation != "ignore" and (
        (
            _denied_before(toks, max(left, first), lo)
            and not _required(toks, max(left, first), (lo, hi), right)
        )
        or (negation == "gate" and (_denied_inside(toks, lo, hi) or _stopped(toks, max(left, first), lo)))
        or _no_longer(toks, lo, min(hi, right))
        or _dismissed_after(toks, hi, right)
    ):
        return "rejected"
    studied = (*toks[first : min(lo, first + _STUDY_FIRST)], *toks[max(first, lo - _STUDY_REACH) : lo])
    if any(_STUDY.match(t) for t in studied):
        return "considered"
    if (not listed or first > 0) and tells_history(toks[left : right + 1]):
        return "stated"
    return "mapped"


def clause(item: str, toks: tuple[Token, ...], lo: int, hi: int) -> tuple[int, int]:
    """First and last token of the clause that holds tokens lo..hi."""
    left = lo
    while left > 0 and not _breaks(item, toks, left - 1, left):
        left -= 1
    right = hi
    while right + 1 < len(toks) and not _breaks(item, toks, right, right + 1):
        right += 1
    return left, right


def _breaks(item: str, toks: tuple[Token, ...], a: int, b: int) -> bool:
    return bool(_CLAUSE_BREAK.search(item[toks[a].end : toks[b].start])) or _BREAKERS.match(toks[b])


def doubtful(item: str, toks: tuple[Token, ...]) -> bool:
    """Whether an item refuses, dismisses or only studies something, whatever it is."""
    return bool(_REJECTION.match(item)) or any(
        _REFUSALS.match(t) or _DISMISSALS.match(t) or _STUDY.match(t) for t in toks
    )


def _denied_before(toks: tuple[Token, ...], left: int, lo: int) -> bool:
    if any(_REFUSALS.match(t) for t in toks[max(left, lo - _NEGATION_REACH) : lo]):
        return True
    if any(_denies(toks, k, _NEGATORS) for k in range(max(left, lo - _NEGATION_REACH), lo)):
        return True
    two = lo - _NEGATION_REACH - 1  # "no longer" is one negator in two words
    return two >= left and toks[two + 1].text in _MORE and _denies(toks, two, _NEGATORS)


def _required(toks: tuple[Token, ...], left: int, named: tuple[int, int], right: int) -> bool:
    """ "no release without a load test", "без прогона не выпускать": what is denied is doing without it."""
    lo, hi = named
    without = [k for k in range(max(left, lo - _NEGATION_REACH), lo) if toks[k].text in _WITHOUT]
    if not without:
        return False
    others = (*range(left, without[0]), *range(hi + 1, right + 1))
    return any(_denies(toks, k, _NEGATORS) for k in others)


def _denied_inside(toks: tuple[Token, ...], lo: int, hi: int) -> bool:
    return any(_denies(toks, k, _DENIERS) for k in range(lo + 1, hi))


def _denies(toks: tuple[Token, ...], k: int, negators: Words) -> bool:
    if not negators.match(toks[k]):
        return False
    if k + 1 >= len(toks) or not _HARMLESS.match(toks[k + 1]) or toks[k].text.startswith("никак"):
        return True
    if toks[k + 1].text not in _MORE or toks[k].text != "no":
        return False
    after = toks[k + 2] if k + 2 < len(toks) else None
    return after is not None and not _LIMITS.match(after) and not after.text[0].isdigit()


def _stopped(toks: tuple[Token, ...], left: int, lo: int) -> bool:
    """ "stop raising the pool", "хватит увеличивать пул": what is done so far, and shall end."""
    for k in range(max(left, lo - _NEGATION_REACH), lo):
        if _STOPS.match(toks[k]):
            word = toks[k + 1].text
            if word.endswith("ing") or part_of_speech(word) == "INFN":
                return True
    return False


def _no_longer(toks: tuple[Token, ...], lo: int, hi: int) -> bool:
    return any(
        toks[k].text == "больше" and k + 1 < len(toks) and _LONGER_NOT.match(toks[k + 1])
        for k in range(lo, hi + 1)
    )


def _dismissed_after(toks: tuple[Token, ...], hi: int, right: int) -> bool:
    """ "a canary is not needed", "канарейка не нужна", "пул увеличить нельзя", "HPA не спасёт"."""
    after = toks[hi + 1 : min(right, hi + _DISMISSAL_REACH) + 1]
    for k, token in enumerate(after):
        if _DISMISSALS.match(token) or token.text == "нельзя":
            return True
        if _DENIERS.match(token) and any(_NEEDS.match(t) for t in after[k + 1 : k + 1 + _INSIDE_REACH + 1]):
            return True
    return False


def tells_history(clause: tuple[Token, ...]) -> bool:
    if any(_MODAL.match(t) and t.text not in _PAST_EN for t in clause):
        return False
    return any(
        (t.text in _PAST_EN and (k == 0 or clause[k - 1].text not in ("as", "if"))) or _is_past_ru(t)
        for k, t in enumerate(clause)
    )


def _is_past_ru(token: Token) -> bool:
    past = token.text.endswith(("л", "ла", "ло", "ли", "лся", "лась", "лось", "лись"))
    return past and part_of_speech(token.text) == "VERB"


def proposes(sentence: str) -> bool:
    """Whether a sentence of prose asks for something to be done."""
    toks = tokens(sentence)
    if any(_DENIERS.match(t) for t in toks):
        return False
    return any(_MODAL.match(t) for t in toks) or any(part_of_speech(t.text) == "INFN" for t in toks[:3])


def under_rejection(text: str, start: int) -> bool:
    """Whether the nearest unindented line above that ends with a colon says these are not done."""
    for line in reversed(text[:start].split("\n")[:-1]):
        stripped = line.strip()
        if not stripped:
            return False
        if stripped.rstrip("*_ ").endswith(":"):
            return bool(_REJECTION.match(stripped.strip("*_# ")))
    return False
