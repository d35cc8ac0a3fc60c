"""The embedded judge: no key, no network, the same answer for the same text in every process.

    text → reading (what counts) → signals (what is there) → frozen model → levels with verified quotes

Only this file puts the steps together; each step lives in its own file.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

from agent.concepts import Lexicon, load_lexicon
from agent.judge.contexts import Context, context_of
from agent.judge.explain import nothing, quotes_for, why
from agent.judge.model import load_models
from agent.judge.reading import Reading, read
from agent.judge.register import register, vocabulary
from agent.judge.signals import signals
from agent.rubric import LEXICON_FILE, RUBRIC_IDS, RUBRICS, Rubric, bundle_digest, load_rubric
from agent.text import Language, guess_language
from agent.verdict import Quote, Verdict

JUDGE = "embedded"
_STORY = "told"  # a rubric that needs it judges what somebody went through
_OF_INCIDENT = "of_incident"  # a rubric that needs it judges texts about one incident


class Evidence(TypedDict):
    """What replays showed about the measures: the level of `effective`, 0 to 3, the reason, and on which words."""

    effective: float
    why: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Judgement:
    """A text judged by one rubric. `overall` is 0 to 3, unrounded; `digest` names rubrics and model."""

    rubric: str
    digest: str
    language: Language
    levels: dict[str, Verdict]
    overall: float
    judge: str = JUDGE


def judge(
    text: str,
    rubric: Rubric | str,
    language: Language | None = None,
    context_id: str | None = None,
    context_text: str | None = None,
    evidence: Evidence | None = None,
) -> Judgement:
    """Judge a text. Raises RubricError for an unknown rubric or a damaged rubrics folder."""
    chosen = load_rubric(rubric) if isinstance(rubric, str) else rubric
    spoken: Language = language or guess_language(text)
    context = context_of(context_id, context_text)
    reading = reading_of(text, context, chosen)
    model = load_models()[chosen.id]
    found = signals(reading) | register(vocabulary(reading), model.words)
    levels = model.levels(found)
    verdicts = {}
    for criterion in chosen.criteria:
        level = levels[criterion.id]
        quotes = quotes_for(reading, criterion, level)
        if not quotes:  # no quote, no credit
            level = levels[criterion.id] = 0.0
        reason = (
            why(criterion, model.criteria[criterion.id], found, level, spoken) if quotes else nothing(spoken)
        )
        verdicts[criterion.id] = Verdict(criterion.id, level, quotes, reason, "embedded").verified(text)
    if evidence and "effective" in verdicts:
        verdicts["effective"] = _measured(verdicts["effective"], evidence, text)
        levels["effective"] = verdicts["effective"].level or 0.0
    return Judgement(chosen.id, bundle_digest(), spoken, verdicts, model.overall(chosen, levels))


def _measured(said: Verdict, evidence: Evidence, text: str) -> Verdict:
    """The replays' level instead of the text's, bound to the items that they measured."""
    level = min(3.0, max(0.0, evidence["effective"]))
    return Verdict("effective", level, evidence["quotes"], evidence["why"], "simulator").verified(text)


def reading_of(text: str, context: Context, rubric: Rubric | None = None) -> Reading:
    """The reading that `judge` rests on; the rubrics' own wording counts as copied, too."""
    incident = rubric is None or _OF_INCIDENT in rubric.needs
    plan = rubric is not None and rubric.plan
    story = rubric is not None and _STORY in rubric.needs
    return read(text, lexicon(), context.shown, rubric_wording(), context.about, incident, plan, story)


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The shipped lexicon, compiled once."""
    return load_lexicon(RUBRICS / LEXICON_FILE)


@lru_cache(maxsize=1)
def rubric_wording() -> str:
    """Questions, prompts and level descriptions: echoing them answers nothing."""
    parts = []
    for name in RUBRIC_IDS:
        rubric = load_rubric(name)
        for language in ("ru", "en"):
            parts.append(rubric.prompt.of(language))
            for criterion in rubric.criteria:
                parts += [criterion.question.of(language), *criterion.levels.of(language)]
    return "\n".join(parts)


__all__ = ["JUDGE", "Evidence", "Judgement", "judge", "lexicon", "reading_of"]
