"""Why a sentence may not count: it speaks to the grader, copies, repeats, lists names, defines, pastes or is not seen.

One sentence at a time, with what came before it; whole stretches are judged in reading.py. Nothing here knows a level.
"""

import re
from functools import lru_cache
from typing import Literal

from agent.concepts import Match
from agent.judge.groups import TRADE, group_of
from agent.judge.patterns import PAST_ENDINGS, PAST_WORDS
from agent.judge.set_aside import AUTHORITY, DEFINITION, INSTRUCTION, OTHER_TONGUE, UNREAL
from agent.text import Span, Token, lemmas, normalise, part_of_speech, word_set

Reason = Literal[
    "",
    "instruction",
    "authority",
    "copied",
    "repeated",
    "word list",
    "heading",
    "question",
    "unreal",
    "definition",
    "disorder",
    "verse",
    "general",
    "other language",
    "disowned",
]
_COPIED_SHARE = 0.6
_REPEATED_SHARE = 0.8
_GRAM = 4
_OTHER_WORDS = 3  # different little words of another language
_MANY, _WORDS_A_NAME = 10, 2.5  # fragments of a list, and the words that one of them has on average
_QUESTION = re.compile(r"[\w)%\"'»”]\s?\?[\"'»”)]*$")
_AGAIN = re.compile(
    r"\b(?:in other words|to repeat|once (?:again|more)|to stress|let me (?:stress|repeat)|as (?:i|we)? ?said)\b"
    r"|(?:иными|другими) словами|\bповтор(?:ю|им|юсь)\b|ещ[её] раз (?:подчеркн|скаж|отмеч)",
    re.IGNORECASE,
)
_AGAIN_SHARE = 0.5
_VERSION = re.compile(r"\b[A-Z]\w+\s\d+\.\d+")
_LOG_LINE = re.compile(
    r"^\W*(?:\d{4}-\d{2}-\d{2}[T ])?\d{2}:\d{2}:\d{2}\S*\s+(?:\S+\s+)?\[?(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|PANIC)\b"
    r"|^\W*(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|PANIC)\]?:?\s+\S*\d{2}:\d{2}:\d{2}"
)
_CODE = re.compile(  # a statement of a program: "wait(600);", "if errors > 1: rollback();"
    r"(?:(?:def|func|function|fn) \w+\(.*|(?:(?:else )?if|while|for|with) .{1,60}[:{]\s*\w[\w.]*\([^()]*\)\s*[;}]*"
    r"|\w[\w.]*\([^()]*\)\s*;|return\b[^.]{0,40};?)"
)
_SPELT = re.compile(r"\b([A-ZА-Я]{2,6})\s\(([^()]{5,60})\)")
_SPELT_OUT = 2
_BLOB = re.compile(r"(?<![\w/])[A-Za-z0-9+/]{48,}={0,2}(?![\w/])")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TURN = re.compile(r"<\|(?:im_)?start\w*\|>.*?(?:<\|(?:im_)?end\w*\|>|\Z)", re.DOTALL)
_FENCE = re.compile(r"^\s*```[^\n]*\n.*?(?:^\s*```|\Z)", re.DOTALL | re.MULTILINE)
_UNSEEN_TAG = re.compile(
    r"<\s*(\w+)\b[^>]*(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0|font-size\s*:\s*0|\bhidden\b|"
    r"color\s*:\s*(?:white|transparent|#fff(?:fff)?))[^>]*>",
    re.IGNORECASE,
)
_LINK_NOTE = re.compile(
    r"^\s*\[[^\]\n]*\]:\s*(?:#|<>)\s*[(\"'].*$", re.MULTILINE
)  # [//]: # (nobody sees this)
_OPEN_TAG = re.compile(r"<\s*(system|assistant|admin|instructions?|prompt|verdict)\s*>", re.IGNORECASE)
_EN_VERBS = word_set(
    "add allow alert assert assign automat avoid block break bring build call cap carri cach chang check choos "
    "clean close commit compar comput confirm convert copi count cover creat cut deal decid declar delet deploy "
    "describ detect disabl do document drain drop dump enabl enforc expir export extend fail fall fetch fill find "
    "finish fire fix flag flip get give go grow halt happen have hold hash hit introduc issu join keep kill know "
    "lag let limit link lock log lose lost make mark measur meet merg migrat miss monitor move need notic notifi "
    "open own page pass pay pin pick poll prevent promot prove publish put queue raise read rebuild reconcil record "
    "redriv reduc refus reject releas remain remov renam repeat replac replay reproduc requir reserv resend restor "
    "retri return revert rewrit roll rotat run save saw send serv set shard shed ship show shut sit size skip "
    "sort spend split stage start stay stop store sum swap switch take tell test think throttl time took track tri "
    "trip turn updat use valid verifi wait wake warm warn watch went work wrap write wrote is are was were be been "
    "has had can must should will would could did doe may might cannot don doesn didn isn found knew saw "
    "became began broke brought built chose came got gave held kept led left made met paid ran said sent sat "
    "shipped stood told thought tried understood wrote writes"
)
_RU_VERBAL = frozenset({"VERB", "INFN", "GRND", "PRTS", "PRED", "PRTF"})


def reason_of(
    span: Span,
    words: tuple[Token, ...],
    known: frozenset[tuple[str, ...]],
    seen: list[frozenset[str]],
    tagged: list[tuple[int, int]],
    found: list[Match],
) -> Reason:
    plain = normalise(span.text).text
    if any(a < span.end and span.start < b for a, b in tagged) or INSTRUCTION.search(plain):
        return "instruction"
    if AUTHORITY.search(plain):
        return "authority"
    if _QUESTION.search(plain) and len(words) > 2:
        return "question"
    if UNREAL.search(plain):
        return "unreal"
    if len({m.group().lower() for m in OTHER_TONGUE.finditer(plain)}) >= _OTHER_WORDS:
        return "other language"
    if _is_copied(plain, words, span, known):
        return "copied"
    if _is_repeated(plain, frozenset(w.lemma for w in words), seen):
        return "repeated"
    if _is_word_list(plain, words) or _is_dump(plain, words):
        return "word list"
    if _defines(plain, span, found) or _spells_out(plain):
        return "definition"
    return "heading" if _is_heading(plain, words) else ""


def _is_copied(plain: str, words: tuple[Token, ...], span: Span, known: frozenset[tuple[str, ...]]) -> bool:
    """The question's own words, all of the sentence or what stands behind its colon."""
    cut = plain.rfind(": ")
    for start in (0, cut + 1) if cut > 0 else (0,):
        stems = [w.lemma for w in words if w.start - span.start >= start]
        grams = _grams_of(_shapes(stems)) if not start or len(stems) > _GRAM else []
        if grams and sum(g in known for g in grams) >= _COPIED_SHARE * len(grams):
            return True
    return False


def _is_repeated(plain: str, mine: frozenset[str], seen: list[frozenset[str]]) -> bool:
    """Said before, in the same words or behind "in other words"."""
    if mine in seen:
        return True
    share = _AGAIN_SHARE if _AGAIN.search(plain) else _REPEATED_SHARE
    return len(mine) >= _GRAM and any(len(mine & other) >= share * len(mine) for other in seen)


def _is_dump(plain: str, words: tuple[Token, ...]) -> bool:
    """A log line, encoded letters, tags, or figures without words: pasted or dropped, not said."""
    if (
        _LOG_LINE.match(plain)
        or _CODE.fullmatch(plain.strip())
        or _BLOB.search(plain)
        or len(re.findall(r"(?:^|\s)#\w", plain)) >= 3
    ):
        return True
    named = sum(w.text.isalpha() and len(w.text) > 2 for w in words)
    return not named and sum(w.text[0].isdigit() for w in words) >= 3


def _defines(plain: str, span: Span, found: list[Match]) -> bool:
    """ "A canary is a release to a few": what a word means, not what is done with it."""
    match = DEFINITION.match(plain)
    if not match:
        return False
    return any(m.start - span.start < match.end("what") and group_of(m.concept) in TRADE for m in found)


def _spells_out(plain: str) -> bool:
    """Letters with the words that they stand for, several times: "SLO (service level objective), MTTR (mean …)"."""
    return sum(_initials(m.group(1), m.group(2)) for m in _SPELT.finditer(plain)) >= _SPELT_OUT


def _initials(letters: str, words: str) -> bool:
    first = [w[0].lower() for w in re.split(r"[\s-]+", words.strip()) if w]
    return len(first) > 1 and first[0] == letters[0].lower() and first[-1] == letters[-1].lower()


def _is_heading(plain: str, words: tuple[Token, ...]) -> bool:
    """A few words that only announce what follows."""
    if len(words) > 8 or any(w.text[0].isdigit() for w in words[1:]):
        return False
    bare = plain.strip()
    return (
        bare.startswith("#")
        or bare.endswith(":")
        or (bare.startswith("**") and bare.rstrip(".").endswith("**"))
    )


def _is_word_list(plain: str, words: tuple[Token, ...]) -> bool:
    """Many short fragments between commas and hardly a verb or a number: names dropped, nothing said.

    Verbs do not help when every fragment is a word or two: "check, limit, roll back" is a list of names, too.
    """
    between = r"[,;/]|\s[—–-]\s" if plain.lstrip().startswith("|") else r"[,;/|]|\s[—–-]\s"
    fragments = [f for f in re.split(between, plain) if f.strip()]
    if len(fragments) < 7 or re.search(r"\w\(\w", plain):  # a table's columns are no list of names
        return False
    short = sum(len(f.split()) <= 3 for f in fragments)
    figures = sum(w.text[0].isdigit() for w in words) - len(_VERSION.findall(plain))
    if len(fragments) >= _MANY and short >= 0.7 * len(fragments) and figures * 3 <= len(fragments):
        return len(words) <= _WORDS_A_NAME * len(fragments)
    said = sum(is_verb(w, suffixes=False) for w in words) + figures
    return short >= 0.7 * len(fragments) and said * 6 <= len(words)


def unseen_regions(text: str) -> list[tuple[int, int]]:
    """What stands in a forged role, a comment or a tag that nobody sees, up to its end or that of the text."""
    regions = []
    for pattern in (_COMMENT, _TURN, _FENCE, _LINK_NOTE):
        regions += [match.span() for match in pattern.finditer(text)]
    for match in (*_OPEN_TAG.finditer(text), *_UNSEEN_TAG.finditer(text)):
        close = re.compile(rf"<\s*/\s*{match.group(1)}\s*>", re.IGNORECASE).search(text, match.end())
        regions.append((match.start(), close.end() if close else len(text)))
    return regions


@lru_cache(maxsize=64)
def grams(text: str) -> frozenset[tuple[str, ...]]:
    stems = _shapes(lemmas(text))
    shorter = [tuple(stems[i : i + n]) for n in range(2, _GRAM) for i in range(len(stems) - n + 1)]
    return frozenset([*_grams_of(stems), *shorter])


def _shapes(stems: list[str]) -> list[str]:
    """Every number the same: a copy with other figures is a copy."""
    return ["#" if stem[0].isdigit() else stem for stem in stems]


def _grams_of(stems: list[str]) -> list[tuple[str, ...]]:
    """Runs of four lemmas; a shorter sentence is one run (of two or three)."""
    if 2 <= len(stems) < _GRAM:
        return [tuple(stems)]
    return [tuple(stems[i : i + _GRAM]) for i in range(len(stems) - _GRAM + 1)]


def is_verb(word: Token, suffixes: bool = True) -> bool:
    if word.text.isascii():
        if word.lemma in _EN_VERBS or word.text in _EN_VERBS:
            return True
        return suffixes and len(word.text) > 4 and word.text.endswith(("ed", "ing"))
    return part_of_speech(word.text) in _RU_VERBAL


def is_past(word: Token) -> bool:
    """Whether a word tells what was."""
    if word.text.isascii():
        return word.text in PAST_WORDS
    return word.text.endswith(PAST_ENDINGS) and part_of_speech(word.text) == "VERB"
