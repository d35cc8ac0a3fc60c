"""Interviews as sessions: the same append-only log, folded back into what was said. No terminal, no clock in here.

A candidate's turn is an `answer`; what only a model could have said, and every debrief, is a `model` entry, so that a
replay needs no model and says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from api.ports import SessionError
from api.store import Effect, Entry, Header, Store

if TYPE_CHECKING:
    from agent.interview.turns import Interview

SCHEME = "interview"
TEXT_LIMIT = 12_000  # characters of one answer


@dataclass(frozen=True)
class Interviewer:
    """The mind as this service sees it; composed in `api.bootstrap`."""

    digest: Callable[[], str]
    begin: Callable[[str, str, str, str], tuple[Interview, str]]
    take_turn: Callable[[Interview, str], tuple[Interview, str, str]]
    replay_turn: Callable[[Interview, str], tuple[Interview, str]]
    debrief: Callable[[Interview, dict[str, Any] | None], dict[str, Any]]


@dataclass
class Talk:
    """An interview in memory. `lines` is what was said so far: (who, text)."""

    header: Header
    state: Interview
    next_seq: int = 1
    lines: list[tuple[str, str]] = field(default_factory=list)
    result: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        return self.state.over


class Talks:
    """Interviews by session id."""

    def __init__(
        self,
        store: Store,
        interviewer: Interviewer,
        version: str,
        new_id: Callable[[], str],
        utc_now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._mind = interviewer
        self._version = version
        self._new_id = new_id
        self._utc_now = utc_now

    def begin(self, prompt: str, level: str, length: str, language: str) -> Talk:
        """Start an interview. Raises PromptError, StoreError."""
        state, opening = self._mind.begin(prompt, level, length, language)
        header = Header(
            id=self._new_id(),
            scenario=":".join((SCHEME, prompt, level, length)),
            scenario_digest=self._mind.digest(),
            seed=1,
            version=self._version,
            language=language,
            created=self._utc_now().astimezone(UTC).isoformat(timespec="seconds"),
        )
        self._store.create(header)
        return Talk(header, state, lines=[("interviewer", opening)])

    def say(self, talk: Talk, text: str) -> str:
        """Log the candidate's turn, then answer it; a note in brackets when the model could not be used."""
        if talk.result is not None:
            raise SessionError(f"interview {talk.header.id} is over")
        text = text[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
        self._append(talk, "answer", text)
        plain_state, plain = self._mind.replay_turn(talk.state, text)
        state, answer, note = self._mind.take_turn(talk.state, text)
        talk.state = state if state.turns == plain_state.turns else plain_state
        if answer != plain:
            self._append(talk, "model", json.dumps({"say": answer}, ensure_ascii=False))
        talk.lines += [("candidate", text), ("interviewer", answer)]
        return f"{answer}\n[{note}]" if note else answer

    def finish(self, talk: Talk) -> dict[str, Any]:
        """The debrief; logged once, the same ever after."""
        if talk.result is None:
            talk.result = self._mind.debrief(talk.state, self.earlier(talk.header))
            self._append(talk, "model", json.dumps({"debrief": talk.result}, ensure_ascii=False))
        return talk.result

    def resume(self, session: str) -> Talk:
        """Fold a log back into an interview. Raises SessionError, StoreError, PromptError."""
        header = self._store.header(session)
        if header is None or not header.scenario.startswith(SCHEME + ":"):
            raise SessionError(f"no interview {session!r}: `dropprod sessions` lists them")
        if header.scenario_digest != self._mind.digest() or header.version != self._version:
            raise SessionError(
                f"interview {session} was held with other questions or another version: it cannot go on"
            )
        _, prompt, level, length = header.scenario.split(":")
        state, opening = self._mind.begin(prompt, level, length, header.language)
        talk = Talk(header, state, lines=[("interviewer", opening)])
        for entry in self._store.entries(session):
            talk.next_seq = entry.seq + 1
            self._apply(talk, entry)
        return talk

    def earlier(self, header: Header) -> dict[str, Any] | None:
        """The latest debrief of the same question in another session."""
        prefix = ":".join(header.scenario.split(":")[:2]) + ":"
        for other, _, _ in self._store.headers():
            if other.id == header.id or not other.scenario.startswith(prefix):
                continue
            for entry in reversed(self._store.entries(other.id)):
                if entry.kind == "model" and "debrief" in (found := json.loads(entry.line)):
                    result: dict[str, Any] = found["debrief"]
                    return result
        return None

    def _apply(self, talk: Talk, entry: Entry) -> None:
        if entry.kind == "answer":
            talk.state, answer = self._mind.replay_turn(talk.state, entry.line)
            talk.lines += [("candidate", entry.line), ("interviewer", answer)]
            return
        found = json.loads(entry.line)
        if "say" in found:
            talk.lines[-1] = ("interviewer", found["say"])
        talk.result = found.get("debrief", talk.result)

    def _append(self, talk: Talk, kind: Any, line: str) -> None:
        said = "\n".join(talk.state.said) + str(talk.state.turns)
        effect = Effect(hashlib.sha256(said.encode()).hexdigest()[:16], float(talk.state.turns))
        self._store.append(talk.header.id, Entry(talk.next_seq, float(talk.state.turns), kind, line, effect))
        talk.next_seq += 1
