"""`dropprod serve`: the HTTP service in this process, until it is told to stop."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simulator
from agent.tracing import TracingError, turn_on, wanted
from api.cli.errors import UsageError
from api.messages import choose_language, say
from api.store import StoreError

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn

    from api.http.context import Context
    from api.telegram.run import Bot

SWITCH_S = (
    0.001  # a thread that simulates lets go of the interpreter so often: the loop that answers waits for it
)
TOKENS = {
    "DROPPROD_MODEL_TOKENS_A_PLAYER": "tokens_a_player",
    "DROPPROD_MODEL_TOKENS_A_DAY": "tokens_in_all",
}
CONNECTIONS = 2_000  # at once; one more is answered 503
DRAIN_S = 20  # for requests under way when it is told to stop


class _Lines(logging.Formatter):
    """One JSON object a line; a request's fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "at": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def serve(options: argparse.Namespace) -> int:
    language = choose_language(options.lang, os.environ)
    codes = _codes(options.access_codes)
    import uvicorn

    from agent.library import LibraryError
    from api.http.app import create_app
    from api.http.compose import Settings, compose

    database = options.database or os.environ.get("DROPPROD_DATABASE_URL") or None
    if database is not None and not database.startswith(("postgresql://", "postgres://")):
        raise UsageError(f"--database {database}: expected postgresql://user@host/name")
    _speak_json()
    try:
        traces = turn_on(simulator.__version__) if wanted() else None
        context = compose(Settings(database=database, codes=codes, most_live=options.worlds, **_allowances()))
    except (StoreError, LibraryError, TracingError) as error:
        raise UsageError(str(error)) from None
    config = uvicorn.Config(
        create_app(context, _bot(context, options.telegram_webhook)),
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=CONNECTIONS,
        ws_max_size=64 * 1024,
        h11_max_incomplete_event_size=32 * 1024,
    )
    sys.setswitchinterval(SWITCH_S)
    server = uvicorn.Server(config)
    _drain_at_signal(server, context)
    where = f"http://{options.host}:{options.port}"
    print(say(language, "serve.open", where=where), file=sys.stderr)
    threading.Thread(target=_settle, args=(context,), daemon=True).start()
    server.run()
    if traces is not None:
        traces.shutdown()
    return 0 if server.started else 1


def _settle(context: Context) -> None:
    """Load what players will need, then take over when everything is looked through for garbage."""
    from api.http import compose
    from api.http.collecting import Collector

    compose.warm_up(context)
    collector = Collector(context.service.let_go_count, context.first.somebody_waits)
    collector.begin(freeze=not context.service.live_count())  # a frozen world would never be freed
    collector.run()


def _allowances() -> dict[str, Any]:
    """Tokens a day that a language model may be asked for, where the environment says how many."""
    found = {}
    for name, setting in TOKENS.items():
        said = os.environ.get(name, "").strip()
        if said:
            if not said.isdecimal():
                raise UsageError(f"{name}={said}: expected a number of tokens a day")
            found[setting] = int(said)
    return found


def _drain_at_signal(server: uvicorn.Server, context: Context) -> None:
    """Streams end when the signal comes: uvicorn tells the application only once it has waited for them."""
    stop = server.handle_exit

    def handle(number: int, frame: FrameType | None) -> None:
        context.draining = True
        stop(number, frame)

    server.handle_exit = handle  # type: ignore[assignment]


def _bot(context: Context, webhook: str | None) -> Bot | None:
    """The Telegram bot, where its token is in the environment: a command line can be seen by everybody."""
    token = os.environ.get("DROPPROD_TELEGRAM_TOKEN")
    if not token:
        if webhook is not None:
            raise UsageError("--telegram-webhook: DROPPROD_TELEGRAM_TOKEN is not set")
        return None
    if find_spec("telegram") is None:
        raise UsageError("serve: the bot needs python-telegram-bot: pip install 'dropprod[telegram]'")
    from api.telegram.run import Bot, TelegramSettings

    settings = TelegramSettings(token, webhook, os.environ.get("DROPPROD_TELEGRAM_API") or None)
    parts = (context.store, context.service, context.players, context.interviews, context.stories)
    return Bot(settings, *parts, context.catalogue, context.spending.charged_to)


def _speak_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "httpcore", "chromadb", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _codes(path: str | None) -> tuple[str, ...]:
    """Access codes, one a line; a file, since a command line can be seen by everybody on the machine."""
    if path is None:
        return ()
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--access-codes {path}: {error}") from None
    codes = tuple(line.strip() for line in lines if line.strip())
    if not codes:
        raise UsageError(f"--access-codes {path}: no code in it")
    return codes
