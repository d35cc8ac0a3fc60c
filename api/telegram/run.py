"""The bot beside the service, in its event loop: by polling, or behind a route that Telegram posts to."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from agent.interview.prompts import book
from api.bootstrap import played_incident
from api.players import Players
from api.rooms import Room
from api.service import ApplicationService
from api.store import SqlStore
from api.telegram.bot import TelegramDoor
from api.telegram.door import Door


@dataclass(frozen=True)
class TelegramSettings:
    """`webhook`: the public https address of the service, None: polling. `api`: where the Bot API is."""

    token: str
    webhook: str | None = None
    api: str | None = None


class Bot:
    """Started and stopped with the service; `deliver` takes what the webhook's route received."""

    def __init__(
        self,
        settings: TelegramSettings,
        store: SqlStore,
        service: ApplicationService,
        players: Players,
        interviews: Room[Any],
        stories: Room[Any],
        catalogue: dict[str, Any],
        charged_to: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.settings = settings
        # The same at every start and replica, so that whatever Telegram was told last is true of all of them.
        self.secret = hmac.new(settings.token.encode(), b"dropprod webhook", "sha256").hexdigest()
        self.door = TelegramDoor(
            Door(
                store,
                service,
                players,
                interviews,
                stories,
                catalogue,
                lambda session: played_incident(session, None, service),
                lambda: [(p.id, {"ru": p.title.ru, "en": p.title.en}) for p in book().prompts],
                charged_to,
            ),
            settings.token,
            settings.api,
        )

    def is_secret(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.door.start(polling=self.settings.webhook is None)
        if self.settings.webhook is not None:
            address = f"{self.settings.webhook.rstrip('/')}/telegram"
            await self.door.bot.set_webhook(address, secret_token=self.secret, max_connections=20)
        try:
            yield
        finally:
            await self.door.stop()

    async def deliver(self, update: dict[str, Any]) -> None:
        await self.door.take(update)
