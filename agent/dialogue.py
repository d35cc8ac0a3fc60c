"""What is asked of a language model and how its answer is read: prompts, data marks, checks.

Knows no vendor and no network: it talks to a `Chat`. An answer that does not pass its checks is a
ModelFailure or a verdict of "cannot assess", never a guess.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.model import (
    Chat,
    CriterionTask,
    MappingTask,
    ModelFailure,
    PhraseTask,
    Question,
    RecordingChat,
    Spent,
)
from agent.replay_port import InterventionCall
from agent.rewording import same_meaning
from agent.verdict import Quote, Verdict

PROMPTS = Path(__file__).resolve().parent.parent / "prompts"
_LEVELS = tuple(n / 2 for n in range(7))
_MAX_WHY = 600
_MAX_QUOTES = 6
_MIN_QUOTE = 8  # characters: a shorter "quote" is found in any text
_MAX_CALLS = 3
_QUOTED = re.compile(r"[«“\"„]([^«»“”\"„]{2,})[»”\"“]")

_VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "level": {"type": ["number", "null"]},
        "quotes": {"type": "array", "items": {"type": "string"}},
        "why": {"type": "string"},
    },
    "required": ["level", "quotes", "why"],
    "additionalProperties": False,
}
_PARAMETER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "value": {"type": "number"}},
    "required": ["name", "value"],
    "additionalProperties": False,
}
_REMEDY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "item": {"type": "integer"},
        "id": {"type": "string"},
        "quote": {"type": "string"},
        "parameters": {"type": "array", "items": _PARAMETER_SCHEMA},
    },
    "required": ["item", "id", "quote", "parameters"],
    "additionalProperties": False,
}
_MAPPING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"remedies": {"type": "array", "items": _REMEDY_SCHEMA}},
    "required": ["remedies"],
    "additionalProperties": False,
}
_PHRASE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


class ChatModel:
    """A `Model` on top of a `Chat`; records everything that was said."""

    def __init__(self, chat: Chat) -> None:
        self._chat = RecordingChat(chat)

    @property
    def name(self) -> str:
        return self._chat.name

    def transcript(self) -> list[dict[str, Any]]:
        return self._chat.transcript()

    def spent(self) -> Spent | None:
        return self._chat.spent()

    def judge_criterion(self, task: CriterionTask) -> Verdict:
        """The model's verdict with verified quotes; level None when it is unreadable or unproven."""
        levels = {f"level{n}": text for n, text in enumerate(task.levels)}
        values = {
            "criterion": task.criterion,
            "question": task.question,
            "context": task.context or "-",
            "evidence": task.evidence or "-",
            "text": task.text,
            **levels,
        }
        key = f"judge/{task.rubric}/{task.criterion}/{_digest(task.text)}"
        reply = self._ask("judge", key, task.text, lang=task.lang, values=values, schema=_VERDICT_SCHEMA)
        return _verdict(task, reply)

    def map_items(self, task: MappingTask) -> list[list[InterventionCall]]:
        listed = "\n".join(f"{n}. {item}" for n, item in enumerate(task.items, 1))
        catalogue = "\n".join(
            f"{line.id}({', '.join(line.parameters)}): {line.title}" for line in task.catalogue
        )
        values = {"items": listed, "catalogue": catalogue}
        reply = self._ask(
            "map", f"map/{_digest(listed)}", listed, lang=task.lang, values=values, schema=_MAPPING_SCHEMA
        )
        return _remedies(task, reply)

    def phrase(self, task: PhraseTask) -> str:
        key = f"phrase/{_digest(task.draft)}"
        values = {"draft": task.draft, "speaker": load_prompts()["speakers"][task.speaker]}
        reply = self._ask("phrase", key, task.draft, lang=task.lang, values=values, schema=_PHRASE_SCHEMA)
        text = reply.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ModelFailure("malformed", "no text in the answer")
        same_meaning(task.draft, text)
        return text.strip()

    def _ask(
        self,
        name: str,
        key: str,
        data: str,
        *,
        lang: str,
        values: Mapping[str, str],
        schema: Mapping[str, Any],
    ) -> dict[str, Any]:
        prompts = load_prompts()
        # Derived from the data, so nobody can write it into the data; the same on every replay.
        marks = {"nonce": _digest(data, 16), "lang": prompts["languages"].get(lang, lang)}
        system = _filled(prompts[name]["system"], {**marks, "speaker": values.get("speaker", "")})
        user = _filled(prompts[name]["user"], {**marks, **values})
        return self._chat.ask(Question(key, name, system, user, schema))


@lru_cache(maxsize=2)
def load_prompts(path: Path = PROMPTS / "model.yaml") -> dict[str, Any]:
    """The prompts by name; a missing one is our bug."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in ("judge", "map", "phrase"):
        for part in ("system", "user"):
            assert isinstance(loaded[name][part], str), f"{path.name}: {name}.{part}"
    return loaded


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Placeholders replaced in one pass: braces inside a value stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), m.group()), template)


def _digest(text: str, digits: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


# --- reading answers -----------------------------------------------------------------------------------


def _verdict(task: CriterionTask, reply: Mapping[str, Any]) -> Verdict:
    level = reply.get("level")
    if isinstance(level, bool) or not isinstance(level, int | float) or float(level) not in _LEVELS:
        said = "null" if level is None else repr(level)[:40]
        return Verdict(task.criterion, None, (), f"the model gave no usable level ({said})", "model")
    quotes = reply.get("quotes")
    listed = [q for q in quotes if isinstance(q, str)] if isinstance(quotes, list) else []
    found = [quote for q in listed[:_MAX_QUOTES] if (quote := find_quote(q, task.text))]
    why = _why(reply.get("why"), task.text)
    return Verdict(task.criterion, float(level), tuple(found), why, "model").verified(task.text)


def find_quote(words: str, text: str) -> Quote | None:
    """Where the words stand in the text, blanks aside; None when the text does not say them."""
    wanted = words.strip().strip("«»\"“”„'").strip()
    if len(wanted) < _MIN_QUOTE:
        return None
    start = text.find(wanted)
    if start >= 0:
        return Quote(start, start + len(wanted), wanted)
    pattern = r"\s+".join(re.escape(word) for word in wanted.split())
    match = re.search(pattern, text)
    return Quote(match.start(), match.end(), match.group()) if match else None


def _why(said: Any, text: str) -> str:
    """The model's reason, unless it puts words into the author's mouth."""
    if not isinstance(said, str):
        return ""
    plain = " ".join(said.split())[:_MAX_WHY]
    flat = " ".join(text.split())
    if any(" ".join(m.group(1).split()) not in flat for m in _QUOTED.finditer(plain)):
        return ""
    return plain


def _remedies(task: MappingTask, reply: Mapping[str, Any]) -> list[list[InterventionCall]]:
    """Calls by item; what is not in the catalogue or not said by the item is dropped."""
    known = {line.id: line for line in task.catalogue}
    calls: list[list[InterventionCall]] = [[] for _ in task.items]
    remedies = reply.get("remedies")
    if not isinstance(remedies, list):
        raise ModelFailure("malformed", "no list of remedies in the answer")
    for remedy in remedies:
        if not isinstance(remedy, dict):
            continue
        number, line = remedy.get("item"), known.get(str(remedy.get("id")))
        if line is None or not isinstance(number, int) or not 1 <= number <= len(calls):
            continue
        quote = remedy.get("quote")
        if not isinstance(quote, str) or find_quote(quote, task.items[number - 1]) is None:
            continue
        mine = calls[number - 1]
        if len(mine) < _MAX_CALLS and all(c.id != line.id for c in mine):
            mine.append(InterventionCall(line.id, _parameters(remedy.get("parameters"), line.parameters)))
    return calls


def _parameters(said: Any, names: Sequence[str]) -> dict[str, float]:
    found = {}
    for pair in said if isinstance(said, list) else ():
        if isinstance(pair, dict) and pair.get("name") in names:
            value = pair.get("value")
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
                found[str(pair["name"])] = float(value)
    return found
