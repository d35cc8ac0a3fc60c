"""The bot on Telegram's side: updates in, messages out. The only file that talks to python-telegram-bot.

Polling for one machine; behind the service a webhook with a secret. One chat's updates are handled one after another,
different chats side by side. An update that was handled before is dropped by its number, also after a restart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from typing import Any

from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ChatAction, ChatType, ParseMode
from telegram.error import TelegramError
from telegram.ext import AIORateLimiter, Application, ApplicationBuilder, TypeHandler
from telegram.helpers import escape

from api.limits import Buckets
from api.store import StoreError
from api.telegram.door import Asked, Door, Out
from api.telegram.texts import say

log = logging.getLogger("dropprod")
PER_S, BURST = 1.0, 12.0  # messages a person may send before it is told to wait
LIVE_EVERY_S = 10.0
LIVE_FOR_S = 1_800.0  # live pace stops when nobody has written for so long
TEXT_IN = 50_000
COMMANDS = {
    "start": ("демо и начало", "the demo, the beginning"),
    "scenarios": ("все сценарии", "all scenarios"),
    "hint": ("подсказка", "a hint"),
    "chart": ("графики", "charts"),
    "wait": ("пропустить время", "let time pass"),
    "postmortem": ("отдать постмортем CTO", "hand the post-mortem to the CTO"),
    "actions": ("отдать план действий CTO", "hand the action items to the CTO"),
    "story": ("рассказ о баге", "tell about a bug"),
    "interview": ("интервью по системному дизайну", "a system-design interview"),
    "progress": ("результаты", "results"),
    "sessions": ("мои сессии", "my sessions"),
    "lang": ("English", "Русский"),
    "help": ("что я умею", "what I can do"),
}


class TelegramDoor:
    """Handles updates; `application` is python-telegram-bot's own."""

    def __init__(self, door: Door, token: str, api: str | None = None) -> None:
        self.door = door
        builder: Any = ApplicationBuilder().token(token).concurrent_updates(64)
        builder = builder.rate_limiter(AIORateLimiter(max_retries=3))
        if api is not None:
            builder = builder.base_url(f"{api}/bot").base_file_url(f"{api}/file/bot")
        self.application: Application[Any, Any, Any, Any, Any, Any] = builder.updater(None).build()
        self.application.add_handler(TypeHandler(Update, self._on_update))
        self._lines: OrderedDict[int, asyncio.Lock] = OrderedDict()
        self._budget = Buckets(PER_S, BURST)
        self._live: dict[int, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def bot(self) -> Bot:
        found: Bot = self.application.bot
        return found

    async def start(self, polling: bool = True) -> None:
        await self.application.initialize()
        await self.application.start()
        for language, index in (("ru", 0), (None, 1)):
            commands = [BotCommand(name, texts[index]) for name, texts in COMMANDS.items()]
            await self.bot.set_my_commands(commands, language_code=language)
        if polling:
            await self.bot.delete_webhook()
            self._tasks.append(asyncio.create_task(self._poll()))
        self._tasks.append(asyncio.create_task(self._let_time_pass()))

    async def stop(self) -> None:
        """Finish what was begun; what is not handled comes again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.application.stop()
        await self.application.shutdown()

    async def take(self, raw: dict[str, Any]) -> None:
        """An update that a webhook delivered; returns once it is handled, so that a lost one is delivered again."""
        update = Update.de_json(raw, self.bot)
        await self._on_update(update, None)

    async def _poll(self) -> None:
        """An update is confirmed by asking for a later one: only once it was handled, whatever became of it."""
        working: dict[int, asyncio.Task[None]] = {}
        latest = 0
        while True:
            working = {number: task for number, task in working.items() if not task.done()}
            offset = min(working) if working else latest + 1
            try:
                found = await self.bot.get_updates(
                    offset=offset, timeout=0 if working else 25, read_timeout=35
                )
            except TelegramError as error:
                log.warning("telegram: %s", error)
                await asyncio.sleep(2)
                continue
            fresh = [u for u in found if u.update_id > latest]
            for update in fresh:
                working[update.update_id] = asyncio.create_task(self._on_update(update, None))
                latest = update.update_id
            if working and not fresh:
                await asyncio.wait(working.values(), timeout=0.3, return_when=asyncio.FIRST_COMPLETED)

    async def _on_update(self, update: Update, _: Any) -> None:
        asked = await self._read(update)
        if asked is None:
            return
        line = self._lines.setdefault(asked.chat, asyncio.Lock())
        self._lines.move_to_end(asked.chat)
        while len(self._lines) > 10_000 and not next(iter(self._lines.values())).locked():
            self._lines.popitem(last=False)
        async with line:
            await self._answer(asked)

    async def _answer(self, asked: Asked) -> None:
        wait = self._budget.take(str(asked.user))
        if wait > 0.0:
            await self._send(asked.chat, [Out(say(_language(asked.language), "busy", seconds=int(wait) + 1))])
            return
        acting = asyncio.create_task(self._acting(asked.chat))
        try:
            outs = await asyncio.to_thread(self.door.handle, asked)
        except StoreError as error:
            log.error("telegram: store: %s", error)
            outs = [Out(say(_language(asked.language), "away"))]
        except Exception as error:  # one chat's bug must not stop the others; it is logged whole
            log.exception("telegram: update %s", asked.update, exc_info=error)
            outs = [Out(say(_language(asked.language), "sorry"))]
        finally:
            acting.cancel()
        await self._send(asked.chat, outs)
        if await asyncio.to_thread(self.door.is_live, asked.chat):
            self._live[asked.chat] = time.monotonic()
        else:
            self._live.pop(asked.chat, None)

    async def _acting(self, chat: int) -> None:
        """“typing…” while something takes longer than a moment."""
        await asyncio.sleep(0.7)
        while True:
            try:
                await self.bot.send_chat_action(chat, ChatAction.TYPING)
            except TelegramError:
                return
            await asyncio.sleep(4.5)

    async def _let_time_pass(self) -> None:
        while True:
            await asyncio.sleep(LIVE_EVERY_S)
            for chat, then in list(self._live.items()):
                if time.monotonic() - then > LIVE_FOR_S:
                    del self._live[chat]
                    continue
                line = self._lines.setdefault(chat, asyncio.Lock())
                async with line:
                    try:
                        outs = await asyncio.to_thread(self.door.tick, chat, LIVE_EVERY_S)
                    except Exception as error:  # as above
                        log.exception("telegram: live chat", exc_info=error)
                        self._live.pop(chat, None)
                        continue
                    await self._send(chat, outs)

    async def _read(self, update: Update) -> Asked | None:
        chat, user = update.effective_chat, update.effective_user
        if chat is None or user is None or user.is_bot:
            return None
        group = chat.type in (ChatType.GROUP, ChatType.SUPERGROUP)
        common = (update.update_id, chat.id, user.id, user.full_name[:60], user.language_code or "ru")
        if update.callback_query is not None:
            try:
                await update.callback_query.answer()
            except TelegramError as error:  # an old tap: its little clock has stopped by itself
                log.info("telegram: %s", error)
            return Asked(*common, data=(update.callback_query.data or "")[:64], group=group)
        message = update.message
        if message is None or not message.text:
            return None
        replied = message.reply_to_message
        to_us = replied is not None and replied.from_user is not None and replied.from_user.id == self.bot.id
        addressed = not group or message.text.startswith("/") or to_us
        return Asked(*common, text=message.text[:TEXT_IN], group=group, addressed=addressed)

    async def _send(self, chat: int, outs: list[Out]) -> None:
        for out in outs:
            try:
                await self._send_one(chat, out)
            except TelegramError as error:
                log.warning("telegram: chat left unanswered: %s", error)

    async def _send_one(self, chat: int, out: Out) -> None:
        keys = InlineKeyboardMarkup(
            [[InlineKeyboardButton(t[:60], callback_data=d[:64]) for t, d in row] for row in out.buttons]
        )
        markup = keys if out.buttons else None
        text = escape(out.text)
        if out.code:
            text = f"{text}\n<pre>{escape(out.code)}</pre>".strip()
        if out.picture is not None:
            await self.bot.send_photo(
                chat, out.picture, caption=text[:1000] or None, parse_mode=ParseMode.HTML, reply_markup=markup
            )
            return
        await self.bot.send_message(
            chat, text, parse_mode=ParseMode.HTML, reply_markup=markup, disable_web_page_preview=True
        )
        if out.file is not None:
            await self.bot.send_document(chat, out.file[1], filename=out.file[0])


def _language(code: str) -> str:
    return "ru" if code.lower().startswith(("ru", "be", "kk", "uk")) else "en"
