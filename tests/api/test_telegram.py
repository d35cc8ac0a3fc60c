"""The bot against a Bot API server over HTTP: the whole demo, groups, doubles, other people's sessions, a webhook."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("telegram")

from api.http.context import Context
from api.telegram import bot as bot_module
from api.telegram.run import Bot, TelegramSettings
from tests.api.http_client import fake_context, real_context
from tests.api.telegram_server import TOKEN, FakeTelegram

PNG = b"\x89PNG"


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    found = FakeTelegram()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_module, "BURST", 1000.0)


def made(context: Context, telegram: FakeTelegram, webhook: str | None = None) -> Bot:
    parts = (context.store, context.service, context.players, context.interviews, context.stories)
    return Bot(TelegramSettings(TOKEN, webhook, telegram.address), *parts, context.catalogue)


@contextmanager
def polling(context: Context, telegram: FakeTelegram) -> Iterator[Bot]:
    """The bot in a loop of its own, as the service runs it."""
    bot = made(context, telegram)
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with bot.running():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield bot
    loop.call_soon_threadsafe(over.set)
    thread.join(20)
    assert not thread.is_alive()


def buttons(fields: dict[str, Any]) -> list[str]:
    rows = json.loads(fields["reply_markup"])["inline_keyboard"]
    return [key["callback_data"] for row in rows for key in row]


def test_the_whole_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, telegram: FakeTelegram) -> None:
    context = real_context(tmp_path, monkeypatch)
    with polling(context, telegram):
        telegram.say("/start")
        at, hello = telegram.wait_for("Бесплатное демо")
        assert "go:payment-pool" in buttons(hello)
        telegram.tap("go:payment-pool")
        at, brief = telegram.wait_for("пул соединений исчерпан", since=at)
        assert "do:kubectl get pods" in buttons(brief)
        telegram.say("deploy payment-service v2.8.1")
        at, _ = telegram.wait_for("rolling update", since=at)
        telegram.say("/wait 180")
        at, _ = telegram.wait_for("🚨", since=at)
        telegram.tap("chart:")
        at, chart = telegram.wait_for("sendPhoto", since=at)
        assert chart["photo"].startswith(PNG) if isinstance(chart["photo"], bytes) else True
        telegram.say("откати payment-service")
        at, _ = telegram.wait_for("Выполнить?", since=at)
        telegram.say("да")
        at, _ = telegram.wait_for("rolled back", since=at)
        telegram.say("/wait 800")
        at, done = telegram.wait_for("Инцидент закрыт", since=at)
        assert buttons(done) == ["write:action-items", "write:postmortem", "story:"]
        telegram.tap("write:action-items")
        at, _ = telegram.wait_for("по мере в строке", since=at)
        telegram.say("Канарейка с автоматическим откатом по доле ошибок, Иванов, до 5 декабря\nПул 50 -> 500")
        at, _ = telegram.wait_for("Оценка", since=at, seconds=120)
        telegram.wait_for("sendPhoto", since=at)
        at, _ = telegram.wait_for("Вопрос CTO", since=at)
        telegram.say("Первой канарейка, она режет отказы на порядок")
        telegram.wait_for("Вопрос CTO", since=at + 1)
        telegram.say("Не знаю")
        telegram.wait_for("Записал", since=at)
        telegram.say("/progress")
        telegram.wait_for("sendPhoto", since=at + 2)
    lines = [e.line for e in context.service.log(_session(context))]
    assert "kubectl rollout undo" not in lines[0]
    assert lines.count("deploy payment-service v2.8.1") == 1


def _session(context: Context) -> str:
    name: str = context.players.sessions("tg7", 1, 0)[0][0].id
    return name


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    return fake_context(tmp_path, monkeypatch)


def log(context: Context, chat: str = "tg7") -> list[str]:
    return [e.line for e in context.service.log(context.players.sessions(chat, 1, 0)[0][0].id)]


def test_english_is_spoken_to_who_speaks_it(fake: Context, telegram: FakeTelegram) -> None:
    with polling(fake, telegram):
        telegram.say("/start", language="en-GB")
        at, _ = telegram.wait_for("The free demo")
        telegram.say("/lang ru", language="en")
        telegram.wait_for("Язык: русский", since=at)


def test_an_update_counts_once_also_after_a_restart(fake: Context, telegram: FakeTelegram) -> None:
    with polling(fake, telegram):
        telegram.tap("go:payment-pool")
        telegram.wait_for("Сессия")
        twice = telegram.say("look 1")
        telegram.wait_for("did look 1")
    telegram.updates = [twice]
    with polling(fake, telegram):
        telegram.say("look 2")
        telegram.wait_for("did look 2")
    assert log(fake) == ["look 1", "look 2"]


def test_people_do_not_meet(fake: Context, telegram: FakeTelegram) -> None:
    with polling(fake, telegram):
        for person in (7, 8):
            telegram.tap("go:payment-pool", chat=person, user=person)
            telegram.wait_for("Сессия", chat=person)
            telegram.say(f"look {person}", chat=person, user=person)
            telegram.wait_for(f"did look {person}", chat=person)
        other = fake.players.sessions("tg8", 1, 0)[0][0].id
        telegram.say(f"/resume {other}")
        telegram.wait_for("ничего нет")
    assert log(fake, "tg7") == ["look 7"]
    assert log(fake, "tg8") == ["look 8"]


def test_a_group_is_a_war_room(fake: Context, telegram: FakeTelegram) -> None:
    room = {"chat": -5}
    with polling(fake, telegram):
        telegram.tap("go:payment-pool", chat=-5, user=1, name="Вера")
        telegram.wait_for("командует Вера", chat=-5)
        telegram.say("обычная болтовня", **room, user=2, name="Пётр")
        telegram.say("/do kubectl get pods", **room, user=2, name="Пётр")
        telegram.wait_for("did kubectl get pods", chat=-5)
        telegram.say("/do deploy payment-service v2.8.1", **room, user=2, name="Пётр")
        at, asked = telegram.wait_for("Пётр предлагает", chat=-5)
        assert buttons(asked) == ["decide:yes", "decide:no"]
        telegram.tap("decide:yes", chat=-5, user=2, name="Пётр")
        telegram.wait_for("Решает Вера", chat=-5, since=at + 1)
        telegram.tap("decide:yes", chat=-5, user=1, name="Вера")
        telegram.wait_for("did deploy payment-service", chat=-5)
    assert log(fake, "tg-5") == ["kubectl get pods", "deploy payment-service v2.8.1"]


def test_long_output_comes_as_a_file(fake: Context, telegram: FakeTelegram) -> None:
    with polling(fake, telegram):
        telegram.tap("go:payment-pool")
        telegram.wait_for("Сессия")
        telegram.say("look " + "<b>&" * 900)
        telegram.wait_for("sendDocument")
        shown = next(t for t in telegram.texts() if "показано начало" in t)
        assert "&lt;b&gt;&amp;" in shown
        assert len(shown) < 25_000


def test_who_writes_too_fast_is_told(
    fake: Context, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_module, "BURST", 3.0)
    with polling(fake, telegram):
        for n in range(6):
            telegram.say(f"/help {n}")
        telegram.wait_for("Слишком быстро")


def test_every_replica_knows_the_same_secret(fake: Context, telegram: FakeTelegram) -> None:
    here, there = (made(fake, telegram, "https://play.example.org") for _ in range(2))
    assert here.secret == there.secret
    assert here.is_secret(there.secret)
    assert TOKEN not in here.secret
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", here.secret)  # what the Bot API takes


def test_a_webhook_needs_its_secret(fake: Context, telegram: FakeTelegram) -> None:
    from fastapi.testclient import TestClient

    from api.http.app import create_app

    bot = made(fake, telegram, "https://example.org")
    with TestClient(create_app(fake, bot)) as client:
        assert telegram.webhook is not None
        assert telegram.webhook["url"] == "https://example.org/telegram"
        update = telegram.message("/start")
        assert client.post("/telegram", json=update).status_code == 403
        secret = {"X-Telegram-Bot-Api-Secret-Token": telegram.webhook["secret_token"]}
        assert client.post("/telegram", content=b"{", headers=secret).status_code == 400
        for _ in range(2):
            assert client.post("/telegram", json=update, headers=secret).status_code == 200
        telegram.wait_for("Бесплатное демо")
        assert len(telegram.texts()) == 1


def test_the_store_being_away_is_said(
    fake: Context, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.store import StoreError

    with polling(fake, telegram):
        telegram.tap("go:payment-pool")
        at, _ = telegram.wait_for("Сессия")

        def away(*_: Any) -> Any:
            raise StoreError("gone")

        monkeypatch.setattr(type(fake.store), "append", away)
        telegram.say("look 1")
        telegram.wait_for("не отвечает", since=at)
        monkeypatch.undo()
        monkeypatch.setattr(bot_module, "BURST", 1000.0)
        telegram.say("look 2")
        telegram.wait_for("did look 2")


def test_commands_are_all_described() -> None:
    assert {"start", "hint", "postmortem", "actions", "story", "interview", "progress", "lang"} <= set(
        bot_module.COMMANDS
    )
