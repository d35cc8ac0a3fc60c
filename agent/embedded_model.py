"""The mind without a key: the embedded judge and the phrasings behind the same port as a language model.

Deterministic, offline, never fails; says nothing that would have to be recorded.
"""

from dataclasses import dataclass, field
from typing import Any

from agent.judge import Evidence, Judgement, judge
from agent.mapping import map_item
from agent.model import CriterionTask, MappingTask, PhraseTask
from agent.replay_port import InterventionCall
from agent.text import Language
from agent.verdict import Verdict


@dataclass
class EmbeddedModel:
    """Judges a whole text once and answers criterion by criterion."""

    context_id: str | None = None
    context_text: str | None = None
    evidence: Evidence | None = None
    _judged: dict[tuple[str, str], Judgement] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "embedded"

    def judgement(self, rubric: str, text: str, lang: str) -> Judgement:
        """The judgement of a text; the same text is judged once."""
        key = (rubric, text)
        if key not in self._judged:
            spoken: Language = "ru" if lang == "ru" else "en"
            self._judged[key] = judge(text, rubric, spoken, self.context_id, self.context_text, self.evidence)
        return self._judged[key]

    def judge_criterion(self, task: CriterionTask) -> Verdict:
        return self.judgement(task.rubric, task.text, task.lang).levels[task.criterion]

    def map_items(self, task: MappingTask) -> list[list[InterventionCall]]:
        known = {line.id for line in task.catalogue}
        return [[c for c in map_item(item).calls if c.id in known] for item in task.items]

    def phrase(self, task: PhraseTask) -> str:
        return task.draft

    def transcript(self) -> list[dict[str, Any]]:
        return []

    def spent(self) -> None:
        return None
