"""Interviews and stories as sessions: the same append-only log, folded back into what was said. No terminal, no clock.

A turn is an `answer`; what the talk was known to be about when it began, what only a model could have said, and
every debrief, is a `model` entry, so that a replay needs no model and no simulator and says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from api.ports import SessionError
from api.store import Effect, Entry, Header, Kind, Store

TEXT_LIMIT = 12_000  # characters of one answer
FROM_LIFE = "-"  # stands for the session in the topic of a story that has none


class Said(Protocol):
    """What every kind of talk has: whether it is over, how many turns it had and what counts of them."""

    @property
    def over(self) -> bool: ...

    @property
    def turns(self) -> int: ...

    @property
    def said(self) -> tuple[str, ...]: ...


State = TypeVar("State", bound=Said)
Topic = Sequence[str]  # what a talk is about, in words without colons; the first one names the attempt's kin
Known = dict[str, Any] | None  # what was known when it began and is not known from the topic alone


@dataclass(frozen=True)
class Listener(Generic[State]):
    """The mind as this service sees it; composed in `api.bootstrap`. `scheme` is the kind of talk."""

    scheme: str
    digest: Callable[[], str]
    begin: Callable[[Topic, str, Known], tuple[State, str]]
    take_turn: Callable[[State, str], tuple[State, str, str]]
    replay_turn: Callable[[State, str], tuple[State, str]]
    debrief: Callable[[State, list[dict[str, Any]]], dict[str, Any]]


@dataclass
class Talk(Generic[State]):
    """A talk in memory. `lines` is what was said so far: (who, text)."""

    header: Header
    state: State
    next_seq: int = 1
    lines: list[tuple[str, str]] = field(default_factory=list)
    noted: str = ""  # the last note on the model, which is not said twice in a row
    draft: str = ""  # begun and not sent when the talk was left
    result: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        return self.state.over


class Talks(Generic[State]):
    """Talks of one kind by session id."""

    def __init__(
        self,
        store: Store,
        listener: Listener[State],
        version: str,
        new_id: Callable[[], str],
        utc_now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._mind = listener
        self._version = version
        self._new_id = new_id
        self._utc_now = utc_now

    def begin(self, topic: Topic, language: str, known: Known = None) -> Talk[State]:
        """Start a talk. Raises StoreError and what the listener raises of a topic."""
        state, opening = self._mind.begin(topic, language, known)
        header = Header(
            id=self._new_id(),
            scenario=":".join((self._mind.scheme, *topic)),
            scenario_digest=self._mind.digest(),
            seed=1,
            version=self._version,
            language=language,
            created=self._utc_now().astimezone(UTC).isoformat(timespec="seconds"),
        )
        talk = Talk(header, state, lines=[("interviewer", opening)])
        line = json.dumps({"known": known}, ensure_ascii=False)
        self._store.create(header, [self._entry(talk, "model", line)] if known is not None else [])
        return talk

    def say(self, talk: Talk[State], text: str) -> str:
        """Log the turn, then answer it; a note in brackets when the model could not be used."""
        if talk.result is not None:
            raise SessionError(f"{self._mind.scheme} {talk.header.id} is over")
        text = text[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
        self._append(talk, "answer", text)
        talk.draft = ""
        plain_state, plain = self._mind.replay_turn(talk.state, text)
        state, answer, note = self._mind.take_turn(talk.state, text)
        talk.state = state if state.turns == plain_state.turns else plain_state
        if answer != plain or note:
            self._append(talk, "model", json.dumps({"say": answer, "note": note}, ensure_ascii=False))
        talk.lines += [("candidate", text), ("interviewer", answer)]
        said_before, talk.noted = talk.noted, note or talk.noted
        return f"{answer}\n[{note}]" if note and note != said_before else answer

    def keep_draft(self, talk: Talk[State], text: str) -> None:
        """Log a turn that was being written when the talk was left, for whoever resumes it."""
        talk.draft = text[:TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8")
        self._append(talk, "model", json.dumps({"draft": talk.draft}, ensure_ascii=False))

    def finish(self, talk: Talk[State]) -> dict[str, Any]:
        """The debrief; logged once, the same ever after."""
        if talk.result is None:
            talk.result = self._mind.debrief(talk.state, self.earlier(talk.header))
            self._append(talk, "model", json.dumps({"debrief": talk.result}, ensure_ascii=False))
        return talk.result

    def resume(self, session: str) -> Talk[State]:
        """Fold a log back into a talk. Raises SessionError, StoreError and what the listener raises of a topic."""
        header = self._store.header(session)
        scheme, *topic = header.scenario.split(":") if header is not None else [""]
        if header is None or scheme != self._mind.scheme:
            raise SessionError(f"no {self._mind.scheme} {session!r}: `dropprod sessions` lists them")
        if header.scenario_digest != self._mind.digest() or header.version != self._version:
            raise SessionError(
                f"{scheme} {session} was held with other questions or another version: it cannot go on"
            )
        entries = self._store.entries(session)
        state, opening = self._mind.begin(topic, header.language, _known(entries))
        talk = Talk(header, state, lines=[("interviewer", opening)])
        for entry in entries:
            talk.next_seq = entry.seq + 1
            self._apply(talk, entry)
        return talk

    def earlier(self, header: Header) -> list[dict[str, Any]]:
        """The debriefs of the attempts at the same thing that were begun before, oldest first."""
        kin, found = header.scenario.split(":")[:2], []
        for other, _, _ in self._store.headers():
            if other.id == header.id or other.scenario.split(":")[:2] != kin:
                continue
            said = (json.loads(e.line) for e in reversed(self._store.entries(other.id)) if e.kind == "model")
            debrief = next((s["debrief"] for s in said if "debrief" in s), None)
            if debrief is not None:
                found.append(debrief)
        return found[::-1]

    def _apply(self, talk: Talk[State], entry: Entry) -> None:
        if entry.kind == "answer":
            talk.state, answer = self._mind.replay_turn(talk.state, entry.line)
            talk.draft = ""
            talk.lines += [("candidate", entry.line), ("interviewer", answer)]
            return
        found = json.loads(entry.line)
        if "say" in found:
            talk.lines[-1] = ("interviewer", found["say"])
        talk.draft = found.get("draft", talk.draft)
        talk.result = found.get("debrief", talk.result)

    def _append(self, talk: Talk[State], kind: Kind, line: str) -> None:
        self._store.append(talk.header.id, self._entry(talk, kind, line))

    def _entry(self, talk: Talk[State], kind: Kind, line: str) -> Entry:
        """The next entry of a talk's log."""
        said = "\n".join(talk.state.said) + str(talk.state.turns)
        effect = Effect(hashlib.sha256(said.encode()).hexdigest()[:16], float(talk.state.turns))
        entry = Entry(talk.next_seq, float(talk.state.turns), kind, line, effect)
        talk.next_seq += 1
        return entry


def _known(entries: list[Entry]) -> Known:
    """What a talk was known to be about when it began: its first entry, if it is that."""
    first = json.loads(entries[0].line) if entries and entries[0].kind == "model" else {}
    known: Known = first.get("known")
    return known
