"""Free text that plainly asks for a command, in Russian or English.

Only plain requests are understood; a question about causes, a negation or two readings give None, because a
wrong guess in production is worse than "command not found". Nothing here runs a command.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.asked import ORDERS, asked

MAX_WORDS = 14  # a longer text is a thought, not a request
CLOSE = 0.84  # how alike a mistyped service name has to be

VERSION = re.compile(r"\bv?(\d+\.\d+\.\d+)\b")
NUMBER = re.compile(r"\b(\d{1,6})\b")
WORD = re.compile(r"[\w.-]+")

NEGATIONS = {
    "не",
    "нельзя",
    "никогда",
    "без",
    "don't",
    "dont",
    "not",
    "never",
    "no",
    "shouldn't",
    "хватит",
    "stop",
}
DOUBTS = {
    "почему", "зачем", "отчего", "why", "should", "стоит", "можно", "может", "если", "if", "would", "could", "who",
    "кто", "надо", "нужно", "думаю", "think", "maybe", "наверное", "или", "or", "был", "была", "были", "was", "were",
}  # fmt: skip

ALIASES = {
    "платеж": "payment-service", "платёж": "payment-service", "payment": "payment-service", "payments": "payment-service",
    "чекаут": "checkout", "шлюз": "api-gateway", "gateway": "api-gateway", "каталог": "catalog", "поиск": "search-service",
    "корзин": "cart-service", "антифрод": "antifraud", "заказ": "order-service", "orders": "order-service",
}  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """What the text asks for. `changes`: it would change the world, so the player has to confirm."""

    command: str
    changes: bool
    why: str


@dataclass(frozen=True)
class _Request:
    """A text taken apart."""

    words: list[str]
    service: str | None
    version: str | None
    number: int | None

    def has(self, *stems: str) -> bool:
        """Whether a word begins with one of the stems; `=stem` is a whole word."""
        return any(
            w == stem[1:] if stem[0] == "=" else w.startswith(stem) for w in self.words for stem in stems
        )


Build = Callable[[_Request], str | None]


def _target(r: _Request) -> str | None:
    return r.service


def _rollback(r: _Request) -> str | None:
    if r.service is None:
        return None
    if r.version and not r.has("с", "from"):
        return f"kubectl set image deployment/{r.service} {r.service}=registry.local/{r.service}:{r.version}"
    return f"kubectl rollout undo deployment/{r.service}"


def _deploy(r: _Request) -> str | None:
    return f"deploy {r.service} {r.version}" if r.service and r.version else None


def _restart(r: _Request) -> str | None:
    return f"kubectl rollout restart deployment/{r.service}" if r.service else None


def _scale(r: _Request) -> str | None:
    plainly = r.has("масштаб", "scale") and (
        " до " in f" {' '.join(r.words)} " or " to " in f" {' '.join(r.words)} "
    )
    if r.service is None or r.number is None or not (plainly or r.has("под", "реплик", "pod", "replica")):
        return None
    return f"kubectl scale deployment/{r.service} --replicas={r.number}"


def _pool(r: _Request) -> str | None:
    return f"psql pgbouncer -c 'SET default_pool_size = {r.number}'" if r.number is not None else None


def _wait(r: _Request) -> str | None:
    if r.number is not None:
        return f"wait {r.number * 60 if r.has('мин', 'min') else r.number}"
    if r.has("полминут", "half"):
        return "wait 30"
    return "wait 60" if r.has("минут", "minute") else ("wait 30" if len(r.words) <= 2 else None)


def _pods(r: _Request) -> str | None:
    return f"kubectl get pods -l app={r.service}" if r.service else "kubectl get pods"


def _logs(r: _Request) -> str | None:
    return f"kubectl logs deployment/{r.service} --tail=20" if r.service else None


def _describe(r: _Request) -> str | None:
    return f"kubectl describe deployment {r.service}" if r.service else None


def _history(r: _Request) -> str | None:
    return f"kubectl rollout history deployment/{r.service}" if r.service else "git log --oneline"


def _graph(r: _Request) -> str | None:
    names = (("успеш", "success"), ("ошиб", "success"), ("error", "success"), ("очеред", "pending"), ("ожид", "pending"),
             ("pending", "pending"), ("пул", "active"), ("pool", "active"), ("латент", "p99"), ("latenc", "p99"), ("p99", "p99"),
             ("задерж", "p99"), ("cpu", "cpu"), ("процессор", "cpu"), ("трафик", "rps"), ("traffic", "rps"), ("rps", "rps"),
             ("success", "success"), ("backlog", "backlog"), ("отложен", "backlog"), ("breaker", "breaker"))  # fmt: skip
    found = next((name for stem, name in names if r.has(stem)), None)
    return f"graph {found}" if found else None


def _severity(r: _Request) -> str | None:
    """An incident is declared by giving it a severity."""
    level = next((w for w in r.words if re.fullmatch(r"p[1-4]|sev-?[1-4]", w)), None)
    return f"sev P{level[-1]}" if level else None


def _fixed(command: str) -> Build:
    return lambda _r: command


PODS = ("=под", "=поды", "=пода", "=подов", "=подам", "=подах", "=подами", "подик", "pod")

# (what it is, verbs that open it, words of which one must stand in it, command, changes). First match wins.
RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], Build, bool], ...] = (
    ("rollback", ("откат", "отматыва", "верни", "вернуть", "вернём", "revert", "rollback", "undo", "roll", "ролбэк"), (), _rollback, True),
    ("deploy", ("задепло", "депло", "выкат", "зарелиз", "раскат", "накат", "deploy", "release", "ship", "install"), (), _deploy, True),
    ("restart", ("перезапус", "рестарт", "перезагруз", "restart", "reboot", "bounce"), (), _restart, True),
    ("pool", ("увелич", "подними", "поднять", "расшир", "уменьш", "измени", "поставь", "increase", "raise", "set", "resize", "bump", "enlarge"), ("пул", "pool"), _pool, True),
    ("scale", ("увелич", "масштаб", "добавь", "подними", "уменьш", "поставь", "scale", "increase", "set", "add"), (), _scale, True),
    ("ack", ("подтверд", "прими", "принять", "приму", "беру", "ack", "acknowledge", "take"), ("алерт", "вызов", "пейдж", "инцидент", "alert", "page", "incident"), _fixed("ack"), True),
    ("page", ("позови", "вызови", "эскалир", "разбуди", "call", "page", "escalate", "wake"), ("dba", "базист", "дба"), _fixed("page dba"), True),
    ("page", ("позови", "вызови", "эскалир", "разбуди", "call", "page", "escalate", "wake"), ("плат", "payment"), _fixed("page payments"), True),
    ("page", ("эскалир", "escalate"), (), _fixed("page sre"), True),
    ("wait", ("подожд", "ждём", "ждем", "жди", "wait", "sleep", "пауза"), (), _wait, True),
    ("graph", ("график", "нарисуй", "построй", "покажи", "graph", "plot", "draw", "chart", "show"), ("график", "graph", "plot", "chart", "нарисуй", "draw", "построй"), _graph, False),
    ("waiting", ("сколько", "how"), ("ждут", "ждет", "ждёт", "ожида", "очеред", "waiting", "pending", "wait"), _fixed("psql pgbouncer -c 'SHOW POOLS'"), False),
    ("pool", ("что", "покажи", "посмотр", "глянь", "как", "состояние", "what's", "show", "check", "look", "what"), ("пул", "pool", "pgbouncer"), _fixed("psql pgbouncer -c 'SHOW POOLS'"), False),
    ("hint", ("подсказ", "помоги", "hint", "help"), (), _fixed("hint"), False),
    ("logs", ("лог", "покажи", "посмотр", "дай", "show", "tail", "logs", "see", "get"), ("лог", "log"), _logs, False),
    ("events", ("покажи", "какие", "show", "list", "events", "события"), ("событ", "event"), _fixed("kubectl get events"), False),
    ("pods", (*PODS, "покажи", "посмотр", "список", "дай", "как", "show", "list", "get", "check"), PODS, _pods, False),
    ("changed", ("что", "what", "какие", "покажи", "show"), ("измен", "менял", "поменя", "релиз", "выкатыв", "changed", "change", "releas", "deployed", "истори", "history"), _history, False),
    ("diff", ("покажи", "разниц", "сравни", "diff", "show", "compare"), ("диф", "diff", "разниц", "сравни", "compare"), _fixed("git diff v2.8.0 v2.8.1"), False),
    ("alerts", ("какие", "покажи", "что", "алерт", "show", "list", "what", "which", "alerts"), ("алерт", "alert", "горит", "firing"), _fixed("alerts"), False),
    ("queries", ("какие", "покажи", "что", "show", "what", "list"), ("запрос", "quer"), _fixed("psql -d payments -c 'SELECT query, calls, mean_exec_time FROM pg_stat_statements ORDER BY calls DESC LIMIT 5'"), False),
    ("base", ("что", "как", "покажи", "what", "how", "show", "check"), ("баз", "postgres", "database", "субд"), _fixed("psql -d payments -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'"), False),
    ("describe", ("опиши", "describe", "подробн"), (), _describe, False),
    ("timeline", ("таймлайн", "хроник", "хронолог", "timeline", "покажи", "show"), ("таймлайн", "хроник", "хронолог", "timeline"), _fixed("timeline"), False),
    ("status", ("покажи", "открой", "show", "open"), ("дашборд", "dashboard"), _fixed("status"), False),
    ("help", ("помощь", "справка", "команды", "commands"), (), _fixed("help"), False),
    ("sev", ("объяв", "declare", "открой", "open"), ("инцидент", "incident"), _severity, True),
    ("status", ("статус", "состояние", "как", "сводк", "обстановк", "status", "how", "what's", "что", "покажи", "show"), ("статус", "дела", "сводк", "обстановк", "состояние", "status", "going", "situation", "происход", "творит"), _fixed("status"), False),
)  # fmt: skip


def interpret(text: str, world_names: Sequence[str], language: str) -> Suggestion | None:
    """The command a text plainly asks for, or None. `world_names`: components of this world."""
    lowered = text.lower().replace("’", "'")
    whole = asked(text.replace("’", "'"), world_names) if len(text) <= 400 else None
    if whole is not None:
        return Suggestion(*whole, "asked")
    words = WORD.findall(lowered.replace("don't", "not"))
    if not 1 <= len(words) <= MAX_WORDS or any(w in NEGATIONS or w in DOUBTS for w in words):
        return None
    services = _services(lowered, words, world_names)
    versions = {f"v{v}" for v in VERSION.findall(lowered)}
    if len(services) > 1 or len(versions) > 1:
        return None
    numbers = NUMBER.findall(VERSION.sub(" ", lowered))
    if len(numbers) > 1:
        return None
    request = _Request(
        words,
        next(iter(services), None),
        next(iter(versions), None),
        int(numbers[0]) if numbers else None,
    )
    for why, verbs, objects, build, changes in RULES:
        if not request.has(*verbs) or (objects and not request.has(*objects)):
            continue
        if not changes and words[0].startswith(ORDERS):
            continue  # an order that is not understood is no wish to look
        if changes and not any(words[i].startswith(v) for i in range(min(3, len(words))) for v in verbs):
            continue  # an order has its verb near the front; later it is a tale
        command = build(request)
        if command is not None:
            return Suggestion(command, changes, why)
    return None


def _services(text: str, words: list[str], names: Sequence[str]) -> list[str]:
    """Components a text names: whole names first, then aliases, then near misses."""
    exact = [n for n in names if re.search(rf"(?<![\w-]){re.escape(n)}(?![\w-])", text)]
    if exact:
        return exact
    spaced = [n for n in names if "-" in n and n.replace("-", " ") in text]
    if spaced:
        return spaced
    aliased = {ALIASES[a] for a in ALIASES for w in words if w.startswith(a) and ALIASES[a] in names}
    if aliased:
        return sorted(aliased)
    close = {m for w in words if len(w) > 5 for m in difflib.get_close_matches(w, names, 1, CLOSE)}
    return sorted(close)
