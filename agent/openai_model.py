"""A chat over any OpenAI-compatible server. The only file that imports the vendor's library.

Knows HTTP's ways to fail and the dialects of such servers; knows no prompt, no rubric and no verdict.
"""

import asyncio
import json
import os
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from time import monotonic
from time import sleep as _sleep
from time import time as _wall
from types import SimpleNamespace
from typing import Any, Literal, TypeVar

import openai
import tenacity

from agent.budget import Budget
from agent.dialogue import ChatModel
from agent.model import ModelFailure, Question, Spent
from agent.tracing import span

T = TypeVar("T")
_ATTEMPTS = 4
_CALL_S = 45.0  # one answer; a judge's verdict is a few hundred tokens
_MAX_TOKENS = 1500
_MOST_STREAMED = 40_000  # characters: a verdict has hundreds
_BACKOFF_S = (0.5, 1.5, 4.0)  # without a Retry-After
_GRACE_S = 0.25  # for the worker to report its own time-out
_PERMANENT = (401, 403, 404)  # the next call would only hear the same
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
Shape = Literal["json_schema", "tool", "prompt"]
_NEXT: dict[Shape, Shape | None] = {"json_schema": "tool", "tool": "prompt", "prompt": None}


@dataclass(frozen=True)
class Settings:
    """Which server and model; the key is never shown."""

    base_url: str
    api_key: str
    model: str

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings | None":
        """None when no model is asked for: then the embedded mind judges."""
        key = environment.get("OPENAI_API_KEY", "").strip()
        base_url = environment.get("OPENAI_BASE_URL", "").strip()
        if not key and not base_url:
            return None
        model = environment.get("DROPPROD_MODEL", "").strip() or "gpt-4o-mini"
        # Local servers want no key, but the library insists on one.
        return Settings(base_url or "https://api.openai.com/v1", key or "none", model)


@dataclass(frozen=True)
class _Dialect:
    """What this server understands; learnt from its refusals and kept."""

    shape: Shape = "json_schema"
    temperature: bool = True
    limit_name: str = "max_tokens"
    stream: bool = False  # some servers answer in pieces or not at all


class OpenAIChat:
    """Asks with a total deadline, retries what may pass, and degrades the way it asks for JSON."""

    def __init__(
        self,
        settings: Settings,
        budget: Budget | None = None,
        call_s: float = _CALL_S,
        sleep: Callable[[float], None] = _sleep,
    ) -> None:
        self._settings = settings
        self._budget = budget or Budget()
        self._call_s = call_s
        self._sleep = sleep
        self._dialect = _Dialect()

    @property
    def name(self) -> str:
        return self._settings.model

    def spent(self) -> Spent:
        return self._budget.spent()

    def ask(self, question: Question) -> dict[str, Any]:
        """Raises ModelFailure."""
        for _ in range(7):  # three shapes and three parameters can be refused, one after the other
            dialect = self._dialect
            self._budget.enter()
            try:
                answer = self._patiently(question, dialect)
            except openai.APIStatusError as error:
                adapted = _adapted(dialect, error)
                if adapted is None:
                    raise self._failed(error) from None
                self._dialect = adapted
                continue
            except openai.OpenAIError as error:
                raise self._failed(error) from None
            found = _object(answer)
            if found is not None:
                return found
            weaker = _NEXT[dialect.shape]
            if weaker is None:
                break
            self._dialect = replace(dialect, shape=weaker)
        raise ModelFailure("malformed", "the answer holds no JSON object")

    def _patiently(self, question: Question, dialect: _Dialect) -> Any:
        """One answer within the deadline; rate limits and server errors are waited out inside it."""
        deadline_s = min(self._call_s, self._budget.remaining_s())
        ends = monotonic() + deadline_s
        policy = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=lambda state: state.attempt_number >= _ATTEMPTS or _pause(state) >= ends - monotonic(),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        return policy(lambda: self._once(question, dialect, max(0.01, ends - monotonic())))

    def _once(self, question: Question, dialect: _Dialect, seconds: float) -> Any:
        try:
            with span("chat", gen_ai__operation__name="chat", gen_ai__request__model=self.name) as told:
                answer = _within(seconds, self._request(question, dialect, seconds))
                told.set(**_usage(answer))
        except TimeoutError:
            raise ModelFailure("deadline", f"no answer within {self._call_s:g} s") from None
        except ValueError as error:  # a body that says it is JSON and is not
            raise ModelFailure("malformed", f"a broken body: {str(error)[:80]}") from None
        usage = getattr(getattr(answer, "usage", None), "total_tokens", None)
        guess = (len(question.system) + len(question.user)) // 3  # a server that does not count
        self._budget.spend(usage if isinstance(usage, int) else guess)
        return answer

    async def _request(self, question: Question, dialect: _Dialect, seconds: float) -> Any:
        async with openai.AsyncOpenAI(
            base_url=self._settings.base_url, api_key=self._settings.api_key, max_retries=0, timeout=seconds
        ) as client:
            asked = client.chat.completions.create(
                model=self._settings.model, **_arguments(question, dialect)
            )
            return await asyncio.wait_for(_collected(asked) if dialect.stream else asked, seconds)

    def _failed(self, error: openai.OpenAIError) -> ModelFailure:
        failure = _failure(error)
        status = getattr(error, "status_code", None)
        if failure.kind == "connection" or status in _PERMANENT:
            self._budget.close(failure)
        return failure


def openai_model(settings: Settings, budget: Budget | None = None) -> ChatModel:
    """The mind of one review: a fresh budget and a fresh transcript."""
    return ChatModel(OpenAIChat(settings, budget))


# --- asking --------------------------------------------------------------------------------------------


def _arguments(question: Question, dialect: _Dialect) -> dict[str, Any]:
    schema = dict(question.schema)
    user = question.user
    arguments: dict[str, Any] = {dialect.limit_name: _MAX_TOKENS}
    if dialect.temperature:
        arguments["temperature"] = 0
    if dialect.stream:
        arguments["stream"] = True
    if dialect.shape == "json_schema":
        wrapped = {"name": question.name, "strict": True, "schema": schema}
        arguments["response_format"] = {"type": "json_schema", "json_schema": wrapped}
    elif dialect.shape == "tool":
        function = {"name": question.name, "description": "the answer", "parameters": schema}
        arguments["tools"] = [{"type": "function", "function": function}]
        arguments["tool_choice"] = {"type": "function", "function": {"name": question.name}}
    else:
        user += f"\nAnswer with one JSON object of this schema and nothing else:\n{json.dumps(schema)}"
    arguments["messages"] = [
        {"role": "system", "content": question.system},
        {"role": "user", "content": user},
    ]
    return arguments


async def _collected(asked: Awaitable[Any]) -> Any:
    """An answer that comes in pieces, as one; what does not stop by itself is stopped and called cut off."""
    words: list[str] = []
    calls: list[str] = []
    usage, finish, length = None, None, 0
    async for piece in await asked:
        usage = getattr(piece, "usage", None) or usage
        for choice in (piece.choices or ())[:1]:
            finish = choice.finish_reason or finish
            words.append(choice.delta.content or "")
            calls += [c.function.arguments or "" for c in choice.delta.tool_calls or () if c.function]
        length = sum(map(len, words)) + sum(map(len, calls)) if len(words) % 64 == 0 else length
        if length > _MOST_STREAMED:
            finish = "length"
            break
    tools = [SimpleNamespace(function=SimpleNamespace(arguments="".join(calls)))] if calls else None
    message = SimpleNamespace(content="".join(words), tool_calls=tools, refusal=None)
    return SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason=finish)], usage=usage)


def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own and leave it behind when time is up: the deadline is exact,
    whatever a server drips, and it works under a caller's event loop, too. Raises TimeoutError."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 (handed to the caller, who re-raises it)
            future.set_exception(error)

    threading.Thread(target=run, name="dropprod-model", daemon=True).start()
    return future.result(timeout=seconds + _GRACE_S)


def _usage(answer: Any) -> dict[str, int]:
    """What a server says it counted, by the names of OpenTelemetry's conventions."""
    usage = getattr(answer, "usage", None)
    said = {
        "gen_ai__usage__input_tokens": getattr(usage, "prompt_tokens", None),
        "gen_ai__usage__output_tokens": getattr(usage, "completion_tokens", None),
    }
    return {name: count for name, count in said.items() if isinstance(count, int)}


# --- refusals and answers ------------------------------------------------------------------------------


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, openai.APITimeoutError):
        return False  # the deadline is the whole call's; there is no time left for another
    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


def _pause(state: tenacity.RetryCallState) -> float:
    """The server's Retry-After, in seconds or as a date; otherwise growing pauses."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, openai.APIStatusError):
        said = error.response.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", said):
            return float(said)
        if said:
            try:
                return max(0.0, parsedate_to_datetime(said).timestamp() - _wall())
            except ValueError:
                pass  # neither seconds nor a date: as if it were absent
    return _BACKOFF_S[min(state.attempt_number, len(_BACKOFF_S)) - 1]


def _adapted(dialect: _Dialect, error: openai.APIStatusError) -> _Dialect | None:
    """A dialect without what the server refused; None when the refusal has another reason."""
    if error.status_code not in (400, 404, 415, 422, 501):
        return None
    said = str(error).lower()
    if "temperature" in said and dialect.temperature:
        return replace(dialect, temperature=False)
    if "max_completion_tokens" in said and dialect.limit_name == "max_tokens":
        return replace(dialect, limit_name="max_completion_tokens")
    if "stream" in said and not dialect.stream:
        return replace(dialect, stream=True)
    weaker = _NEXT[dialect.shape]
    named = ("response_format", "json_schema", "schema", "tool", "function", "guided", "grammar")
    if weaker and error.status_code != 404 and any(word in said for word in named):
        return replace(dialect, shape=weaker)
    return None


def _failure(error: openai.OpenAIError) -> ModelFailure:
    if isinstance(error, openai.APITimeoutError):
        return ModelFailure("deadline", "no answer in time")
    if isinstance(error, openai.APIConnectionError):
        return ModelFailure("connection", "the model's server cannot be reached")
    if isinstance(error, openai.APIStatusError):
        return ModelFailure("http", f"the model's server answered {error.status_code}")
    return ModelFailure("malformed", f"{type(error).__name__} in the answer")


def _object(answer: Any) -> dict[str, Any] | None:
    """The JSON object of an answer, from its content or its tool call; None when there is none.

    Raises ModelFailure for answers that no other way of asking would mend.
    """
    if isinstance(answer, str):  # an HTML page with status 200 comes back as text
        raise ModelFailure("malformed", "the server sent a page instead of an answer")
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        raise ModelFailure("malformed", "no choices in the answer")
    message = getattr(choices[0], "message", None)
    if getattr(message, "refusal", None):
        raise ModelFailure("refused", "the model refused to answer")
    if getattr(choices[0], "finish_reason", None) == "length":
        raise ModelFailure("malformed", "the answer was cut off")
    for call in getattr(message, "tool_calls", None) or ():
        found = _parsed(getattr(getattr(call, "function", None), "arguments", None))
        if found is not None:
            return found
    content = getattr(message, "content", None)
    if not isinstance(content, str) or not content.strip():
        raise ModelFailure("malformed", "an empty answer")
    fenced = _FENCE.search(content)
    braces = content[content.find("{") : content.rfind("}") + 1]
    for candidate in (content, fenced.group(1) if fenced else None, braces):
        found = _parsed(candidate)
        if found is not None:
            return found
    return None


def _parsed(text: Any) -> dict[str, Any] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
