"""Plain text turned into sentences, items and lemmas, with every offset pointing into the original.

Knows nothing of rubrics, concepts or grades. Pure: the same text gives the same answer in every process.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal

Language = Literal["ru", "en"]

# Letters that look alike, Latin -> Cyrillic; the reverse map is derived below.
_LATIN = "aceopxyAaBEKMHOPCTXyk"
_CYRILLIC = "асеорхуАаВЕКМНОРСТХук"
_TO_CYRILLIC = str.maketrans(_LATIN + "i", _CYRILLIC + "і")
_TO_LATIN = str.maketrans(_CYRILLIC + "іІѕЅјЈԁԛԝһӏ", _LATIN + "iIsSjJdqwhl")
# Greek letters that pass for Latin ones; they never occur in an ordinary word of either language.
_GREEK = str.maketrans("αβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abeikvoptuxABEZHIKMNOPTYX")
_LATIN_LETTER = re.compile(r"[A-Za-z]")
_CYRILLIC_LETTER = re.compile(r"[\u0400-\u04ff\u0500-\u052f]")
_GREEK_LETTER = re.compile(r"[\u0370-\u03ff]")
_WORD = re.compile(r"[^\W\d_]+")
_LINE_ENDS = {"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"}


@dataclass(frozen=True)
class Span:
    """A stretch of the original text: original[start:end] == text."""

    start: int
    end: int
    text: str


# What steers a terminal and is not seen there: a window's title, a colour, a place.
STEERING = re.compile(
    r"\x1b(?:\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]|[PX^_][^\x1b\n]*\x1b\\|[ -/]*[0-~])"
)


@dataclass(frozen=True)
class Token:
    """A word, a number or a sign such as % or <; start and end are offsets into the original text.

    `text` is normalised and lower-cased (ё is е), `lemma` its dictionary form (Cyrillic) or stem (Latin).
    """

    start: int
    end: int
    text: str
    lemma: str


@dataclass(frozen=True)
class Normalised:
    """A text safe to compare; character i of `text` came from original[starts[i]:ends[i]]."""

    original: str
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """The stretch of the original that text[start:end] came from (start < end)."""
        a, b = self.starts[start], self.ends[end - 1]
        return Span(a, b, self.original[a:b])


@lru_cache(maxsize=64)
def normalise(text: str) -> Normalised:
    """NFKC, what nobody sees removed, line ends unified, look-alike letters inside a word folded."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    steering = (
        {i for found in STEERING.finditer(text) for i in range(*found.span())} if "\x1b" in text else ()
    )
    for start, end in _clusters(text):
        for char in _plain(text[start:end]) if start not in steering else "":
            chars.append(char)
            starts.append(start)
            ends.append(end)
    folded = _WORD.sub(lambda word: _fold(word.group()), "".join(chars))
    return Normalised(text, folded, tuple(starts), tuple(ends))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Base characters with the combining marks after them: NFKC never mixes two of these."""
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or not unicodedata.combining(text[i]):
            if text[start:i] == "\r" and text[i : i + 1] == "\n":
                start = i  # the \n alone ends the line
                continue
            if i > start:
                yield start, i
            start = i


def _plain(cluster: str) -> str:
    if cluster.isascii():
        return _LINE_ENDS.get(cluster, cluster)
    if len(cluster) == 1 and "А" <= cluster <= "я":
        return cluster  # already as NFKC has it
    composed = unicodedata.normalize("NFKC", cluster)
    return "".join(_LINE_ENDS.get(c, c) for c in composed if not _invisible(c))


def _invisible(char: str) -> bool:
    if char in _LINE_ENDS:
        return False
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"


def _fold(word: str) -> str:
    """A word of mixed scripts in one script, if look-alikes explain the mixture; else as it was."""
    if word.isascii():
        return word
    if _GREEK_LETTER.search(word):
        word = word.translate(_GREEK)
    latin, cyrillic = len(_LATIN_LETTER.findall(word)), len(_CYRILLIC_LETTER.findall(word))
    if not latin or not cyrillic:
        return word
    to_latin, to_cyrillic = word.translate(_TO_LATIN), word.translate(_TO_CYRILLIC)
    options = [to_latin, to_cyrillic] if latin >= cyrillic else [to_cyrillic, to_latin]
    for option in options:
        if not (_LATIN_LETTER.search(option) and _CYRILLIC_LETTER.search(option)):
            return option
    return word


def guess_language(text: str) -> Language:
    """Russian when at least a third of the letters are Cyrillic: Russian engineers mix in much Latin."""
    cyrillic = len(_CYRILLIC_LETTER.findall(text))
    latin = len(_LATIN_LETTER.findall(text))
    return "ru" if cyrillic * 2 > latin else "en"


# --- items and sentences ---------------------------------------------------------------------------

_BULLET = re.compile(r"[ \t]*(?:>\s*)?(?:[-*+•·▪◦‣–—]|\[[ xXхХ]?\]|\(?\d{1,2}[.)](?!\d)|\(?[a-zа-я]\))[ \t]+")
_INLINE_NUMBER = re.compile(r"(?<=[\s;,.:])\(?(\d{1,2})[.)][ \t]+(?=\S)")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]|={3,}|-{3,}|\*{3,})")
_RULE_ROW = re.compile(r"[ \t|:+=-]+$")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'»”)\]]*(?=\s)")
_SEMICOLON = re.compile(r";(?=\s)")
# After these a full stop does not end a sentence.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(«\"])(?:e\.g|i\.e|etc|vs|approx|min|max|fig|dr|mr|st|т\.?\s?е|т\.?\s?к|т\.?\s?н|т\.?\s?п|"
    r"и\s?др|и\s?пр|см|напр|стр|рис|тыс|млн|млрд|мин|сек|руб|ок|им|ред|кол-во|[^\W\d])\.$",
    re.IGNORECASE,
)
_NUMBER_SIGN = re.compile(r"(?:^|\W)[Nn]o\.\s?\d")  # "no. 5", but "no. Then we"
# "within 30 s. Then we": a unit behind its figure, and a new sentence
_UNIT_THEN = re.compile(
    r"\d\s?(?:min|сек|мин|ms|мс|кб|мб|гб|тб|руб|s|h|m|с|ч|м|д)\.\s+[A-ZА-ЯЁ](?:[a-zа-яё\s]|[A-ZА-ЯЁ])"
)
_SMALL_START = re.compile(r"(?:^|[^\W\d]{3}[.!?]\s)\s*[a-zа-яё]")
_CAPITAL_START = re.compile(r"(?:^|[^\W\d]{3}[.!?]\s|\n)\s*[A-ZА-ЯЁ][^\W\d]*[a-zа-яё]")
_HARD_WRAP = 60  # a line this long may have been broken by an editor rather than by its author


def sentences(text: str) -> list[Span]:
    """Sentences and list entries in order of appearance; headings count as sentences of their own."""
    norm = normalise(text)
    return [_trimmed(norm, s, e) for a, b in _lines(norm.text) for s, e in _split(norm.text, a, b)]


def split_items(text: str) -> list[Span]:
    """What a reader would count as entries: bullets, numbers, table rows; prose falls into sentences.

    Lead-ins that end with a colon, headings and rules are left out. A bullet keeps its later lines.
    """
    norm = normalise(text)
    items: list[Span] = []
    for a, b in _blocks(norm.text):
        body = norm.text[a:b]
        if _is_heading(body):
            continue
        bullet = _BULLET.match(body)
        if bullet:
            items.append(_trimmed(norm, a + bullet.end(), b))
        elif body.lstrip().startswith("|"):
            if not _RULE_ROW.match(body):
                items.append(_trimmed(norm, a, b))
        else:
            items += [_trimmed(norm, s, e) for s, e in _prose_items(norm.text, a, b)]
    return [item for item in items if _WORD.search(item.text)]


def _is_heading(body: str) -> bool:
    stripped = body.strip().strip("*_ ")
    if not stripped or _HEADING.match(body):
        return True
    words = len(stripped.split())
    return (stripped.endswith(":") and words <= 12 and "\n" not in stripped) and not _BULLET.match(body)


def _prose_items(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Inline numbers "1) … 2) …" if there are at least two that count up; otherwise sentences."""
    marks = list(_INLINE_NUMBER.finditer(text, max(start - 1, 0), end))
    if text[start:end].lstrip()[:2] in ("1)", "1."):
        marks = [m for m in marks if m.start() >= start]
    numbers = [int(m.group(1)) for m in marks]
    if len(numbers) >= 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        if marks[0].start() > start:
            yield from _sentences_of(text, start, marks[0].start())
        for i, mark in enumerate(marks):
            yield mark.end(), marks[i + 1].start() if i + 1 < len(marks) else end
        return
    yield from _sentences_of(text, start, end)


def _sentences_of(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for s, e in _split(text, start, end):
        if not _is_heading(text[s:e]):
            yield s, e


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines that stand alone; a line that an editor wrapped is joined with the one before it."""
    start = 0
    widths = _widths(text)
    for number, match in enumerate(re.finditer(r"\n|$", text)):
        nxt = match.end()
        line = text[start : match.start()].rsplit("\n", 1)[-1]
        following = text[nxt : nxt + 200].split("\n", 1)[0]
        if match.group() and _continues(line, following, widths[number]) and not _casual(text):
            continue
        if text[start : match.start()].strip():
            yield start, match.start()
        start = nxt
        if not match.group():
            break


def _widths(text: str) -> list[int]:
    """For each line, the longest line of its paragraph: where an editor would have wrapped."""
    found: list[int] = []
    for paragraph, group in groupby(text.split("\n"), key=lambda line: bool(line.strip())):
        lines = [len(line) for line in group]
        found += [max(lines) if paragraph else 0] * len(lines)
    return found


def _continues(line: str, following: str, width: int) -> bool:
    """Whether the next line goes on with this one: there was no room left for its first word."""
    word = following.lstrip()[:1]
    if not line.strip() or not word or _BULLET.match(following) or following.lstrip().startswith("|"):
        return False
    if line.rstrip()[-1] in ".!?:;…" or not (word.islower() or word in "(«\"'"):
        return False
    if _BULLET.match(line) and not following[:1].isspace():
        return False  # an entry's later lines are indented
    first = following.split(maxsplit=1)[0]
    return len(line) >= _HARD_WRAP and len(line.rstrip()) + 1 + len(first) >= width


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Lines, with the indented lines that continue a bullet joined to it."""
    held: tuple[int, int] | None = None
    for start, end in _lines(text):
        body = text[start:end]
        indented = body[:2].isspace() and not _BULLET.match(body)
        if held and indented and _BULLET.match(text[slice(*held)]) and "\n\n" not in text[held[1] : start]:
            held = (held[0], end)
            continue
        if held:
            yield held
        held = (start, end)
    if held:
        yield held


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut text[start:end] at full stops and semicolons; pieces without a letter join the one before."""
    cuts = [m.end() for m in _SENTENCE_END.finditer(text, start, end) if _ends(text, start, m)]
    cuts += [m.end() for m in _SEMICOLON.finditer(text, start, end)]
    held: tuple[int, int] | None = None
    for cut in [*sorted(cuts), end]:
        if held and not _WORD.search(text[start:cut]):
            held = (held[0], cut)
        elif text[start:cut].strip():
            if held:
                yield held
            held = (start, cut)
        start = cut
    if held:
        yield held


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    if match.group()[0] in "!?…" or len(match.group()) > 1:
        return True
    before = text[max(start, match.start() - 6) : match.end()].rsplit("\n", 1)[-1]
    if re.fullmatch(r"\s*\(?\d{1,2}\.", before):
        return False  # "3. Fix it"
    if _NUMBER_SIGN.search(text[max(start, match.start() - 4) : match.end() + 3]):
        return False
    if _ABBREVIATION.search(text[max(start, match.start() - 10) : match.end()]):
        return bool(_UNIT_THEN.search(text[max(start, match.start() - 10) : match.end() + 4]))
    if _casual(text):
        return True
    return not text[match.end() : match.end() + 8].lstrip()[:1].islower() or match.start() - start > 400


@lru_cache(maxsize=64)
def _casual(text: str) -> bool:
    """Whether a text is typed without capitals, as in a chat: then a small letter begins a sentence, too."""
    small, capital = len(_SMALL_START.findall(text)), len(_CAPITAL_START.findall(text))
    return small > 1 and small > 3 * capital


def _trimmed(norm: Normalised, start: int, end: int) -> Span:
    while start < end and norm.text[start].isspace():
        start += 1
    while end > start and norm.text[end - 1].isspace():
        end -= 1
    if start == end:
        at = norm.starts[start] if start < len(norm.starts) else len(norm.original)
        return Span(at, at, "")
    return norm.span(start, end)


# --- words -----------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"[Nn]\s?\+\s?1(?!\d)"  # n+1 is one word
    r"|[45][xх0]{2}\b"  # 5xx, 500
    r"|[A-Za-zА-Яа-яЁё]+\d[\w.]*\w|[A-Za-zА-Яа-яЁё]+\d"  # p99, k6, v2.8.1, dc2
    r"|\d+(?:[.,:]\d+)*"
    r"|[A-ZА-ЯЁ]?[a-zа-яё]+|[A-ZА-ЯЁ]+(?![a-zа-яё])|[^\W\d_]+"  # camelCase and snake_case fall apart
    r"|[%<>≥≤=±×~$€₽→≠]"
)


@lru_cache(maxsize=64)
def tokens(text: str) -> tuple[Token, ...]:
    """The words, numbers and signs of a text, in order, with offsets into the original."""
    norm = normalise(text)
    found = []
    for match in _TOKEN.finditer(norm.text):
        span = norm.span(match.start(), match.end())
        word = re.sub(r"\s", "", match.group().lower().replace("ё", "е"))
        found.append(Token(span.start, span.end, word, lemma(word)))
    return tuple(found)


def lemmas(text: str) -> list[str]:
    """The lemmas of tokens(text)."""
    return [token.lemma for token in tokens(text)]


@lru_cache(maxsize=200_000)
def lemma(word: str) -> str:
    """Dictionary form of a lower-case Cyrillic word (ё as е), Snowball stem of a Latin one."""
    if _CYRILLIC_LETTER.search(word):
        return _parsed(word)[0]
    if word.isalpha() and word.isascii():
        stem: str = _stemmer().stemWord(word)
        return stem
    return word


@lru_cache(maxsize=100_000)
def _parsed(word: str) -> tuple[str, str, str]:
    """Dictionary form, part of speech and case of a Cyrillic word: the dictionary is asked once."""
    found = _morphology().parse(word)[0]
    return found.normal_form.replace("ё", "е"), str(found.tag.POS or ""), str(found.tag.case or "")


def is_known_word(word: str) -> bool:
    """Whether the Russian dictionary has this lower-case word; always False for Latin ones."""
    return bool(_CYRILLIC_LETTER.search(word)) and bool(_morphology().word_is_known(word))


def word_set(words: str) -> frozenset[str]:
    """The blank-separated words of a literal: keeps long vocabularies readable in code."""
    return frozenset(words.split())


@lru_cache(maxsize=1)
def _morphology() -> Any:
    import pymorphy3  # lazily: its dictionaries take 0.1 s, and most commands never judge a text

    return pymorphy3.MorphAnalyzer()


_THREAD = threading.local()


def _stemmer() -> Any:
    """A stemmer keeps the word it works on, so every thread has its own."""
    found = getattr(_THREAD, "stemmer", None)
    if found is None:
        import snowballstemmer  # lazily, for the same reason

        found = _THREAD.stemmer = snowballstemmer.stemmer("english")
    return found


def part_of_speech(word: str) -> str:
    """OpenCorpora part of speech of a lower-case Cyrillic word ("VERB", "INFN", …); "" if unknown."""
    return _parsed(word)[1] if _CYRILLIC_LETTER.search(word) else ""


def case_of(word: str) -> str:
    """OpenCorpora case of a lower-case Cyrillic word ("nomn", "gent", …); "" if it has none."""
    return _parsed(word)[2] if _CYRILLIC_LETTER.search(word) else ""
