"""The model port: what a review asks of a mind, and the one failure every mind may answer with.

No vendor library, no prompt and no grading rule may live here. Whatever a language model says passes
through a `Chat`, so that it can be recorded and replayed word for word.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agent.replay_port import InterventionCall
from agent.verdict import Verdict

FailureKind = Literal[
    "deadline", "budget", "allowance", "connection", "http", "malformed", "refused", "not_recorded"
]


class ModelFailure(Exception):
    """A mind could not answer. The caller falls back; nothing of the failed answer is used."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FailureKind = kind
        self.detail = detail


@dataclass(frozen=True)
class CriterionTask:
    """One criterion to judge. `text` is data; `offsets` of quotes refer to it; `evidence` is measured."""

    rubric: str
    criterion: str
    question: str
    levels: tuple[str, str, str, str]
    text: str
    lang: str
    context: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class CatalogueLine:
    """An intervention as a mind may choose it."""

    id: str
    title: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class MappingTask:
    """Items that no phrasing recognised, and what they could mean."""

    items: tuple[str, ...]
    catalogue: tuple[CatalogueLine, ...]
    lang: str


@dataclass(frozen=True)
class PhraseTask:
    """A draft whose facts stand; only its wording may change."""

    draft: str
    lang: str
    speaker: Literal["cto", "interviewer", "listener"] = "cto"


@dataclass(frozen=True)
class Spent:
    """What was asked of a language model so far, and what may be asked in all: calls, tokens, seconds."""

    calls: int
    tokens: int
    seconds: float
    most_calls: int
    most_tokens: int
    most_seconds: float


class Model(Protocol):
    """A mind. Every method raises ModelFailure and nothing else. `transcript` is all it was told so far."""

    @property
    def name(self) -> str: ...

    def judge_criterion(self, task: CriterionTask) -> Verdict: ...

    def map_items(self, task: MappingTask) -> list[list[InterventionCall]]:
        """One list an item, in order; an empty one leaves it unmapped."""
        ...

    def phrase(self, task: PhraseTask) -> str: ...

    def transcript(self) -> list[dict[str, Any]]: ...

    def spent(self) -> Spent | None:
        """None of a mind that costs nothing."""
        ...


@dataclass(frozen=True)
class Question:
    """One exchange. `key` names it across versions of the prompts; the reply is an object of `schema`."""

    key: str
    name: str
    system: str
    user: str
    schema: Mapping[str, Any] = field(default_factory=dict)


class Chat(Protocol):
    """Asks a language model one question and returns its JSON object. Raises ModelFailure."""

    @property
    def name(self) -> str: ...

    def ask(self, question: Question) -> dict[str, Any]: ...


class RecordingChat:
    """Passes questions on and keeps what was answered, failures included. Safe to use from threads."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._entries: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._chat.name

    def ask(self, question: Question) -> dict[str, Any]:
        try:
            reply = self._chat.ask(question)
        except ModelFailure as failure:
            said = {"failure": {"kind": failure.kind, "detail": failure.detail}}
            self._keep(question.key, said)
            raise
        self._keep(question.key, {"reply": reply})
        return reply

    def spent(self) -> Spent | None:
        spent: Callable[[], Spent] | None = getattr(self._chat, "spent", None)  # a recorded one costs nothing
        return spent() if spent is not None else None

    def transcript(self) -> list[dict[str, Any]]:
        """The exchanges by key: threads finish in any order, the record must not show it."""
        with self._lock:
            return [self._entries[key] for key in sorted(self._entries)]

    def _keep(self, key: str, said: dict[str, Any]) -> None:
        with self._lock:
            self._entries[key] = {"key": key, "model": self.name, **said}


class RecordedChat:
    """Answers from a transcript; a question that was not asked then fails as not_recorded."""

    def __init__(self, transcript: Sequence[Mapping[str, Any]]) -> None:
        self._entries = {str(entry["key"]): entry for entry in transcript}
        self._name = str(transcript[0]["model"]) if transcript else "recorded"

    @property
    def name(self) -> str:
        return self._name

    def ask(self, question: Question) -> dict[str, Any]:
        entry = self._entries.get(question.key)
        if entry is None:
            raise ModelFailure("not_recorded", f"nothing was recorded for {question.key}")
        if "failure" in entry:
            raise ModelFailure(entry["failure"]["kind"], entry["failure"]["detail"])
        reply: dict[str, Any] = entry["reply"]
        return reply
