"""The bot without Telegram: what somebody wrote or tapped goes in, what is to be sent comes out. Blocking, no I/O."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api import views
from api.players import FREE, FULL, Players
from api.ports import Observation, SessionError
from api.rooms import Room, once_more
from api.service import ApplicationService
from api.store import SqlStore
from api.talks import FROM_LIFE
from api.telegram import pictures
from api.telegram.state import Chat, Chats
from api.telegram.texts import say

if TYPE_CHECKING:
    from simulator.scenario import Scenario

TEXT_MOST = 3_300  # characters of one message; Telegram's own limit is 4,096 after its entities
DEMO = "payment-pool"
ALARMS = ("page", "alert")
Button = tuple[str, str]  # what it says, what it sends


@dataclass
class Out:
    """One message to send. `code`: a terminal's output; `file`: (name, content) beside the text."""

    text: str = ""
    code: str = ""
    picture: bytes | None = None
    file: tuple[str, bytes] | None = None
    buttons: list[list[Button]] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """An update. `data` is what a button sends; `addressed`: in a group, whether it was meant for the bot."""

    update: int
    chat: int
    user: int
    name: str
    language: str = "ru"
    text: str = ""
    data: str = ""
    group: bool = False
    addressed: bool = True


class Door:
    """One chat at a time: whoever calls keeps a chat's updates in line."""

    def __init__(
        self,
        store: SqlStore,
        service: ApplicationService,
        players: Players,
        interviews: Room[Any],
        stories: Room[Any],
        catalogue: dict[str, Scenario],
        known_of: Callable[[str], dict[str, Any]],
        prompts: Callable[[], list[tuple[str, dict[str, str]]]],
        charged_to: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._charged_to = charged_to  # whose a model's tokens are: a chat's
        self._service = service
        self._players = players
        self._talks: dict[str, Room[Any]] = {"interview": interviews, "story": stories}
        self._catalogue = catalogue
        self._known_of = known_of
        self._prompts = prompts
        self._chats = Chats(store)
        self._store = store

    def handle(self, asked: Asked) -> list[Out]:
        """Raises StoreError: the update was not handled, and may come again."""
        chat = self._chats.load(_key(asked.chat))
        if chat is None:
            chat = Chat(
                _key(asked.chat),
                "ru" if asked.language.lower().startswith(("ru", "be", "kk", "uk")) else "en",
            )
        if not chat.is_new(asked.update) or not asked.addressed:
            return []
        try:
            with self._charged_to(chat.id):
                found = self._tapped(chat, asked) if asked.data else self._wrote(chat, asked)
        except SessionError as error:
            found = [Out(str(error))]
        self._chats.save(chat)
        return found

    def tick(self, chat_id: int, seconds: float) -> list[Out]:
        """Live pace: time passes, and only alarms and the end are told."""
        chat = self._chats.load(_key(chat_id))
        if chat is None or not chat.live or chat.session is None:
            return []
        before = self._service.now_s(chat.session) or 0.0
        seen = self._service.pass_time(chat.session, before + seconds)
        return self._news(chat, seen, alarms_only=True)

    def is_live(self, chat_id: int) -> bool:
        chat = self._chats.load(_key(chat_id))
        return chat is not None and chat.live

    # what was written

    def _wrote(self, chat: Chat, asked: Asked) -> list[Out]:
        text = asked.text.strip()
        if text.startswith("/"):
            word, _, rest = text[1:].partition(" ")
            return self._command(chat, asked, word.split("@")[0].lower(), rest.strip())
        if chat.mode in ("interview", "story"):
            return self._talk(chat, text)
        if chat.mode in ("action-items", "postmortem"):
            return self._judge(chat, text)
        if chat.mode == "answer":
            return self._answer(chat, text)
        return self._play(chat, asked, text)

    def _command(self, chat: Chat, asked: Asked, word: str, rest: str) -> list[Out]:
        simple: dict[str, Callable[[], list[Out]]] = {
            "start": lambda: self._start(chat, rest),
            "help": lambda: [Out(say(chat.language, "help"))],
            "scenarios": lambda: self._scenarios(chat),
            "sessions": lambda: self._sessions(chat),
            "resume": lambda: self._resume(chat, rest),
            "hint": lambda: (
                self._say_in_talk(chat, "/hint") if chat.talk else self._play(chat, asked, "hint")
            ),
            "chart": lambda: self._chart(chat),
            "wait": lambda: self._wait(chat, asked, rest),
            "live": lambda: self._live(chat, True),
            "stop": lambda: self._live(chat, False),
            "actions": lambda: self._write(chat, "action-items"),
            "postmortem": lambda: self._write(chat, "postmortem"),
            "cancel": lambda: self._cancel(chat),
            "interview": lambda: self._interview(chat, rest),
            "story": lambda: self._story(chat),
            "finish": lambda: self._finish(chat),
            "skip": lambda: self._say_in_talk(chat, "/skip"),
            "run": lambda: self._say_in_talk(chat, "/run"),
            "facts": lambda: self._say_in_talk(chat, "/facts"),
            "progress": lambda: self._progress(chat),
            "lang": lambda: self._language(chat, rest),
            "code": lambda: self._code(chat, rest),
            "do": lambda: self._play(chat, asked, rest),
            "ic": lambda: self._commander(chat, asked),
        }
        found = simple.get(word)
        return found() if found else [Out(say(chat.language, "help"))]

    def _tapped(self, chat: Chat, asked: Asked) -> list[Out]:
        verb, _, value = asked.data.partition(":")
        taps: dict[str, Callable[[], list[Out]]] = {
            "go": lambda: self._begin(chat, asked, value),
            "lang": lambda: self._language(chat, value),
            "list": lambda: self._scenarios(chat),
            "do": lambda: self._play(chat, asked, value),
            "chart": lambda: self._chart(chat),
            "write": lambda: self._write(chat, value),
            "resume": lambda: self._resume(chat, value),
            "prompt": lambda: self._interview(chat, value),
            "talk": lambda: self._finish(chat) if value == "finish" else self._say_in_talk(chat, f"/{value}"),
            "story": lambda: self._story(chat),
            "decide": lambda: self._decide(chat, asked, value == "yes"),
        }
        found = taps.get(verb)
        return found() if found else [Out(say(chat.language, "gone"))]

    # beginnings

    def _start(self, chat: Chat, rest: str) -> list[Out]:
        chat.mode, chat.talk = "play", None
        if rest in self._catalogue:
            return [Out(self._title(chat, rest), buttons=[[(say(chat.language, "drop"), f"go:{rest}")]])]
        other = "en" if chat.language == "ru" else "ru"
        buttons = [
            [(say(chat.language, "drop"), f"go:{DEMO}")],
            [(say(chat.language, "more"), "list:"), (say(chat.language, "other_language"), f"lang:{other}")],
        ]
        return [Out(say(chat.language, "hello"), buttons=buttons)]

    def _title(self, chat: Chat, scenario: str) -> str:
        return self._catalogue[scenario].title.of(chat.language)

    def _begin(self, chat: Chat, asked: Asked, scenario: str) -> list[Out]:
        found = self._catalogue.get(scenario)
        if found is None:
            return self._scenarios(chat)
        player = self._players.named(chat.id, self._players.plan_for(None) or FREE)
        if found.tier != "free" and self._plan(chat) != FULL:
            return [Out(say(chat.language, "locked"))]
        opened = self._service.create(scenario, 1, chat.language)
        self._players.give(opened.header.id, player.id)
        chat.session, chat.scenario, chat.mode, chat.talk = opened.header.id, scenario, "play", None
        chat.proposal, chat.live = None, False
        if asked.group:
            chat.commander, chat.commander_name = asked.user, asked.name
        brief = f"{opened.scenario.title.of(chat.language)}\n\n{_flowing(opened.scenario.brief.of(chat.language))}"
        found_outs = [
            Out(f"{brief}\n\n{say(chat.language, 'begun', id=opened.header.id)}", buttons=self._keys(chat))
        ]
        if asked.group:
            found_outs.append(Out(say(chat.language, "commander", name=asked.name)))
        return found_outs

    def _plan(self, chat: Chat) -> str:
        open_to_all = self._players.plan_for(None) == FULL
        return FULL if open_to_all or self._players.has_plan(chat.id, FULL) else FREE

    def _scenarios(self, chat: Chat) -> list[Out]:
        rows = [
            [
                (
                    ("" if s.tier == "free" or self._plan(chat) == FULL else "🔒 ")
                    + s.title.of(chat.language),
                    f"go:{s.id}",
                )
            ]
            for s in self._catalogue.values()
        ]
        return [Out(say(chat.language, "choose_scenario"), buttons=rows)]

    def _sessions(self, chat: Chat) -> list[Out]:
        found = [(h, n) for h, n, _ in self._players.sessions(chat.id, 8, 0)]
        if not found:
            return [Out(say(chat.language, "none"))]
        rows = [
            [(f"{h.scenario.replace(':', ' ')} · {h.created[5:16].replace('T', ' ')}", f"resume:{h.id}")]
            for h, _ in found
        ]
        return [Out(say(chat.language, "choose_session"), buttons=rows)]

    def _resume(self, chat: Chat, session: str) -> list[Out]:
        if not session:
            return self._sessions(chat)
        header = self._store.header(session)
        if header is None or not self._players.owns(chat.id, session):
            raise SessionError(f"{session}: {say(chat.language, 'none')}")
        kind = header.scenario.partition(":")[0]
        if kind in self._talks:
            chat.mode, chat.talk = ("interview" if kind == "interview" else "story"), session
            talk = self._talks[kind].look(session)
            return [Out(talk.lines[-1][1], buttons=self._talk_keys(chat))]
        opened = self._service.resume(session)
        chat.session, chat.scenario, chat.mode, chat.talk = session, header.scenario, "play", None
        text = f"{opened.scenario.title.of(chat.language)} · {opened.seen.clock:%H:%M:%S}"
        return [
            Out(
                f"{text}\n{opened.read_only or say(chat.language, 'begun', id=session)}",
                buttons=self._keys(chat),
            )
        ]

    def _language(self, chat: Chat, language: str) -> list[Out]:
        chat.language = language if language in ("ru", "en") else ("en" if chat.language == "ru" else "ru")
        found = [Out(say(chat.language, "language"))]
        return found if chat.session else [*found, *self._start(chat, "")]

    def _code(self, chat: Chat, code: str) -> list[Out]:
        if not code or self._players.plan_for(code) != FULL:
            return [Out(say(chat.language, "code_bad"))]
        self._players.upgrade(chat.id, FULL)
        return [Out(say(chat.language, "code_ok"))]

    # playing

    def _keys(self, chat: Chat) -> list[list[Button]]:
        words = ("status", "pods", "wait30", "wait120", "hint")
        lines = {
            "status": "status",
            "pods": "kubectl get pods",
            "wait30": "wait 30",
            "wait120": "wait 120",
            "hint": "hint",
        }
        keys = [(say(chat.language, w), f"do:{lines[w]}") for w in words]
        return [[keys[0], keys[1], (say(chat.language, "chart"), "chart:")], keys[2:]]

    def _play(self, chat: Chat, asked: Asked, line: str) -> list[Out]:
        session = chat.session
        if session is None:
            return [Out(say(chat.language, "no_session"))]
        line = (
            " ".join(line.splitlines()) if not line.lstrip().lower().startswith(("select", "with")) else line
        )
        if not line:
            return [Out(say(chat.language, "help"))]
        if asked.group and chat.commander not in (None, asked.user) and self._needs_a_word(line):
            return self._propose(chat, asked, line)
        return self._carry_out(chat, session, line, asked.name if asked.group else "")

    def _carry_out(self, chat: Chat, session: str, line: str, who: str) -> list[Out]:
        seen = once_more(lambda: self._service.submit(session, line))
        word = line.split(maxsplit=1)[0].lower()
        if word in ("postmortem", "разбор"):
            return self._write(chat, "postmortem")
        if word in ("actions", "план"):
            return self._write(chat, "action-items")
        head = f"{who}: {line}" if who else ""
        found = [_printed(chat, seen.text or seen.pending or "✓", head)]
        found += self._news(chat, seen)
        found[-1].buttons = found[-1].buttons or self._keys(chat)
        return found

    def _news(self, chat: Chat, seen: Observation, alarms_only: bool = False) -> list[Out]:
        """What happened meanwhile: alarms each in a message of its own, the rest in one."""
        assert chat.session is not None
        stamps = self._service.look(
            chat.session, lambda world, *_: {e.t_s: f"{world.at(e.t_s):%H:%M:%S}" for e in seen.news}
        )
        alarms = [e for e in seen.news if e.kind in ALARMS]
        rest = [e for e in seen.news if e.kind not in (*ALARMS, "command")]
        found = [Out(f"🚨 {stamps[e.t_s]} {e.text}") for e in alarms[-6:]]
        if rest and not alarms_only:
            found.insert(0, Out("\n".join(f"• {stamps[e.t_s]} {e.text}" for e in rest[-25:])))
        if any(e.kind == "resolved" for e in seen.news):
            chat.live = False
            buttons = [
                [
                    (say(chat.language, "items"), "write:action-items"),
                    (say(chat.language, "postmortem"), "write:postmortem"),
                ],
                [(say(chat.language, "tell"), "story:")],
            ]
            found.append(Out(say(chat.language, "resolved"), buttons=buttons))
        return found

    def _wait(self, chat: Chat, asked: Asked, seconds: str) -> list[Out]:
        if not seconds.isdecimal():
            return [Out(say(chat.language, "wait_usage"))]
        return self._play(chat, asked, f"wait {seconds}")

    def _live(self, chat: Chat, on: bool) -> list[Out]:
        if chat.session is None:
            return [Out(say(chat.language, "no_session"))]
        chat.live = on
        return [Out(say(chat.language, "live_on" if on else "live_off"))]

    def _chart(self, chat: Chat) -> list[Out]:
        if chat.session is None:
            return [Out(say(chat.language, "no_session"))]
        state = self._service.look(chat.session, views.state())
        outline = self._service.look(chat.session, views.outline)
        picture = pictures.incident(state, datetime.fromisoformat(outline["starts_at"]), chat.language)
        return [Out(outline["title"], picture=picture, buttons=self._keys(chat))]

    # a group is a war room

    def _needs_a_word(self, line: str) -> bool:
        from simulator.commands import changes

        return changes(line) and line.split(maxsplit=1)[0] not in ("wait", "hint")

    def _propose(self, chat: Chat, asked: Asked, line: str) -> list[Out]:
        chat.proposal = (line, asked.name)
        text = say(chat.language, "proposal", who=asked.name, line=line, name=chat.commander_name)
        return [
            Out(
                text,
                buttons=[
                    [
                        (say(chat.language, "approve"), "decide:yes"),
                        (say(chat.language, "reject"), "decide:no"),
                    ]
                ],
            )
        ]

    def _decide(self, chat: Chat, asked: Asked, approved: bool) -> list[Out]:
        if chat.proposal is None or chat.session is None:
            return [Out(say(chat.language, "gone"))]
        if asked.user != chat.commander:
            return [Out(say(chat.language, "not_commander", name=chat.commander_name))]
        (line, who), chat.proposal = chat.proposal, None
        if not approved:
            return [Out(say(chat.language, "rejected", line=line))]
        return self._carry_out(chat, chat.session, line, who)

    def _commander(self, chat: Chat, asked: Asked) -> list[Out]:
        """The commander gives the command to whoever asks next; without one, whoever asks takes it."""
        if chat.commander in (None, asked.user):
            handing_over = chat.commander == asked.user
            chat.commander = None if handing_over else asked.user
            chat.commander_name = "/ic" if handing_over else asked.name
        return [Out(say(chat.language, "commander", name=chat.commander_name))]

    # the CTO

    def _write(self, chat: Chat, kind: str) -> list[Out]:
        if chat.session is None:
            return [Out(say(chat.language, "no_session"))]
        chat.mode = "postmortem" if kind == "postmortem" else "action-items"
        return [Out(say(chat.language, "write_postmortem" if kind == "postmortem" else "write_items"))]

    def _cancel(self, chat: Chat) -> list[Out]:
        chat.mode, chat.talk, chat.questions = "play", None, []
        return [Out(say(chat.language, "cancelled"))]

    def _judge(self, chat: Chat, text: str) -> list[Out]:
        session, kind = chat.session, chat.mode
        if session is None:
            return [Out(say(chat.language, "no_session"))]
        result = self._service.review(session, "postmortem" if kind == "postmortem" else "action-items", text)
        chat.questions = list(result["questions"])[:2]
        chat.mode = "answer" if chat.questions else "play"
        score = say(chat.language, "score", score=round(result["score"]))
        found = [Out(part) for part in _parts(f"{score}\n\n{result['feedback']}")]
        picture = pictures.effects(result["action_items"], chat.language)
        if picture is not None:
            found.append(Out(picture=picture))
        links = "\n".join(f"• {r['title']}\n  {r['source_url']}" for r in result["references"][:3])
        if links:
            found.append(Out(links))
        if chat.questions:
            found.append(Out(say(chat.language, "asks", question=chat.questions[0])))
        return found

    def _answer(self, chat: Chat, text: str) -> list[Out]:
        if chat.session is None or not chat.questions:
            return self._cancel(chat)
        response = self._service.answer(chat.session, chat.questions.pop(0), text)
        found = [Out(f"CTO: {response['text']}")] if response else []
        if chat.questions:
            return [*found, Out(say(chat.language, "asks", question=chat.questions[0]))]
        chat.mode = "play"
        return [*found, Out(say(chat.language, "thanks"))]

    # interviews and stories

    def _interview(self, chat: Chat, prompt: str) -> list[Out]:
        known = dict(self._prompts())
        if prompt not in known:
            rows = [[(title[chat.language], f"prompt:{name}")] for name, title in known.items()]
            return [Out(say(chat.language, "choose_prompt"), buttons=rows)]
        if self._plan(chat) != FULL:
            return [Out(say(chat.language, "locked"))]
        return self._open_talk(chat, "interview", (prompt, "senior", "short"), None)

    def _story(self, chat: Chat) -> list[Out]:
        if self._plan(chat) != FULL and chat.scenario != DEMO:
            return [Out(say(chat.language, "locked"))]
        known = self._known_of(chat.session) if chat.session else None
        return self._open_talk(chat, "story", (chat.session or FROM_LIFE,), known)

    def _open_talk(
        self, chat: Chat, kind: str, topic: tuple[str, ...], known: dict[str, Any] | None
    ) -> list[Out]:
        talk = self._talks[kind].talks.begin(topic, chat.language, known)
        player = self._players.named(chat.id, self._players.plan_for(None) or FREE)
        self._players.give(talk.header.id, player.id)
        chat.mode, chat.talk = ("interview" if kind == "interview" else "story"), talk.header.id
        return [Out(part, buttons=self._talk_keys(chat)) for part in _parts(talk.lines[-1][1])]

    def _talk_keys(self, chat: Chat) -> list[list[Button]]:
        return [[(say(chat.language, w), f"talk:{w}") for w in ("hint", "skip", "finish")]]

    def _say_in_talk(self, chat: Chat, text: str) -> list[Out]:
        return self._talk(chat, text) if chat.talk else [Out(say(chat.language, "help"))]

    def _talk(self, chat: Chat, text: str) -> list[Out]:
        if chat.talk is None:
            return self._cancel(chat)
        answer, over = self._talks[chat.mode].say(chat.talk, text)
        found = [Out(part) for part in _parts(answer)]
        if over:
            return found + self._finish(chat)
        found[-1].buttons = self._talk_keys(chat)
        return found

    def _finish(self, chat: Chat) -> list[Out]:
        if chat.talk is None:
            return [Out(say(chat.language, "help"))]
        result = self._talks[chat.mode].finish(chat.talk)
        chat.mode, chat.talk = "play", None
        return [Out(part) for part in _parts(result.get("text") or json.dumps(result, ensure_ascii=False))]

    def _progress(self, chat: Chat) -> list[Out]:
        results: list[tuple[str, float]] = []
        for header, _, _ in reversed(self._players.sessions(chat.id, 100, 0)):
            results += views.results(self._service.log(header.id))
        if not results:
            return [Out(say(chat.language, "none"))]
        text = "\n".join(f"{kind}: {level:.1f}/3" for kind, level in results[-15:])
        return [Out(text, picture=pictures.progress(results, chat.language))]


def _key(chat: int) -> str:
    return f"tg{chat}"


def _printed(chat: Chat, text: str, head: str = "") -> Out:
    """Output of a console: what fits is shown, all of it goes along as a file."""
    if len(text) <= TEXT_MOST:
        return Out(head, code=text)
    cut = text[:TEXT_MOST].rsplit("\n", 1)[0]
    return Out(f"{head}\n{say(chat.language, 'cut')}".strip(), code=cut, file=("output.txt", text.encode()))


def _parts(text: str) -> list[str]:
    """A long text as several messages, cut between lines."""
    parts, rest = [], text.strip()
    while len(rest) > TEXT_MOST:
        cut = rest.rfind("\n", TEXT_MOST // 2, TEXT_MOST)
        cut = cut if cut > 0 else TEXT_MOST
        parts.append(rest[:cut])
        rest = rest[cut:].lstrip("\n")
    return [*parts, rest or "…"]


def _flowing(text: str) -> str:
    """Lines that only the scenario's file broke become one again."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if lines and lines[-1] and lines[-1][-1] not in ".:!?":
            lines[-1] += " " + line
        else:
            lines.append(line)
    return "\n".join(lines)
