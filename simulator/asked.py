"""Plain requests told by their whole form, where a list of stems would misread them: duty, notes, locks, flags, nodes.

Each pattern must fit the whole text. What a group holds is put into the command, quoted for the shell.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

Match = re.Match[str]
Build = Callable[[Match, Sequence[str]], str | None]

LOCKS = (
    "SELECT pid, pg_blocking_pids(pid) AS blocked_by, wait_event_type, state, left(query, 60) AS query"
    " FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
)
LONG = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'"
    " AND now() - query_start > interval '5 seconds' AND pid <> pg_backend_pid()"
)
DRAIN = "kubectl drain {0} --ignore-daemonsets --delete-emptydir-data"


def _fixed(command: str) -> Build:
    return lambda _match, _names: command


def _filled(form: str) -> Build:
    return lambda match, _names: form.format(*(shlex.quote(g) for g in match.groups() if g))


def _database(form: str) -> Build:
    """For the database that is named, or for the only one there is."""

    def build(match: Match, names: Sequence[str]) -> str | None:
        known = [name for name in names if name.endswith("-db")]
        named = [name for name in known if name in match[0]]
        found = named or (known if len(known) == 1 else [])
        return form.format(found[0]) if len(found) == 1 else None

    return build


def _stopped(match: Match, names: Sequence[str]) -> str | None:
    return f"kubectl scale deployment/{match[1]} --replicas=0" if match[1] in names else None


def _runbook(match: Match, names: Sequence[str]) -> str | None:
    named = [name for name in names if name in match[0]]
    return f"cat runbooks/{named[0]}.md" if named else "head -50 runbooks/*"


def _asked(pattern: str, build: Build, changes: bool = False) -> tuple[re.Pattern[str], Build, bool]:
    return re.compile(pattern), build, changes


SHOW = r"(?:(?:покажи|дай|глянь|посмотри|открой|show|get|list|see|check|open)(?: me)?(?: the)? )?"
WORD = r"([\w.-]+)"
FORMS = (
    _asked(r"(?:а )?кто (?:сейчас |у нас )?(?:дежурит|на дежурстве|дежурный|на смене)(?: сейчас)?(?: (?:по|в|за|на) .{1,30})?|дежурные|" + SHOW + r"дежурн\w+", _fixed("oncall")),
    _asked(r"who(?:'s| is|s)? (?:currently )?on[- ]?call(?: now| right now| today)?(?: for .{1,30})?|on[- ]?call|" + SHOW + r"on[- ]?call(?: schedule| rota)?", _fixed("oncall")),
    _asked(r"(?:подними|поднять|буди|дёрни|дерни|зови|набери|пейджни|page|wake up|get|ping)(?: дежурного| дежурную| the| on-?call)* (dba|dba-oncall|sre|platform|payments)", _filled("page {0}"), True),
    _asked(r"(?:запиши|отметь|зафиксируй|добавь|note|log|write|add)(?: (?:это|в|к|to|in|into|on|the|таймлайн\w*|хронологи\w*|лог инцидента|timeline|incident|log))*\s*[:—-]\s*(.+)", _filled("note {0}"), True),
    _asked(r"(?:напиши|сообщи|объяви|обнови|post|tell|update|write|announce)(?: (?:в|на|to|in|the|our|канал\w*|чат\w*|слак\w*|статус-?страниц\w*|channel|chat|slack|status ?-?page))+\s*[:—-]\s*(.+)", _filled("note {0}"), True),
    _asked(r"(?:присвой|поставь|подними|измени|сделай|set|raise|change|make)(?: (?:важность|severity|до|to|it|это|инциденту|the|incident))* (?:sev-?|p)([1-4])", _filled("sev P{0}"), True),
    _asked(r"(?:закрой|закрыть|заверши|close|resolve)(?: the| этот)? (?:инцидент|incident)|(?:инцидент|incident)(?: is)? (?:закрыт|closed|resolved|решён|решен)", _fixed("resolve")),
    _asked(r"(?:останови|выключи|потуши|стопни|stop|shut down) " + WORD, _stopped, True),
    _asked(r"(?:включи|enable|turn on) (?:флаг|flag|the flag) " + WORD, _filled("flags set {0} on"), True),
    _asked(r"(?:выключи|отключи|disable|turn off) (?:флаг|flag|the flag) " + WORD, _filled("flags set {0} off"), True),
    _asked(SHOW + r"(?:флаги|фичефлаги|flags|feature flags)", _fixed("flags list")),
    _asked(r"(?:выведи|сдрейни|дрейни|drain)(?: the)?(?: ноду| узел| node)? (node-[\w-]+)", _filled(DRAIN), True),
    _asked(r"(?:закордонь|cordon)(?: the)?(?: ноду| узел| node)? (node-[\w-]+)", _filled("kubectl cordon {0}"), True),
    _asked(r"(?:кто|что) (?:держит|блокирует)(?: .{1,30})?|who (?:holds|is holding|blocks)(?: .{1,30})?|" + SHOW + r"(?:блокировки|локи|locks|blockers|blocked queries)", _fixed(f'psql -c "{LOCKS}"')),
    _asked(r"(?:убей|прибей|отмени|kill|cancel)(?: все| all)?(?: the)? (?:долгие|длинные|зависшие|медленные|long|long[- ]running|stuck|slow) (?:запросы|queries)", _fixed(f'psql -c "{LONG}"'), True),
    _asked(r"(?:сбрось|очисти|почисти|flush|clear)(?: the)?(?: весь| all)?(?: redis)? (?:кэш|кеш|редис|redis|cache)(?: redis| в редисе)?", _fixed("redis-cli FLUSHALL ASYNC"), True),
    _asked(r"(?:переключи|переведи|switch|fail)(?: over)? .{0,30}(?:на (?:реплику|стендбай|standby)|to (?:the )?(?:replica|standby)).*", _database("failover switchover {0}"), True),
    _asked(r"(?:переключи|переведи|switch|fail over) [\w-]+-db (?:на|to) [\w-]+", _database("failover switchover {0}"), True),
    _asked(SHOW + r"(?:логи|лог|logs?)(?: of| from)?(?: the)? (?:базы|постгреса|бд|database|db|postgres|[\w-]+-db)", _database("kubectl logs {0}-0 --tail=20")),
    _asked(r"(?:что|чего) (?:у нас )?(?:было )?(?:выкатили|выкатывали|катили|деплоили|релизили)(?: .{1,20})?|what (?:was|has been|did we) (?:recently )?(?:deployed|released|shipped|deploy|release)(?: .{1,20})?|" + SHOW + r"(?:last|latest|recent|последние) (?:deploys?|deployments|releases?|релизы|деплои|выкатки)", _fixed("helm list --date --reverse --max 5")),
    _asked(r"(?:сколько|how many) (?:\w+ )?(?:подключений|соединений|коннектов|connections)(?: .{1,30})?", _fixed("psql -c 'SELECT state, count(*) FROM pg_stat_activity GROUP BY 1'")),
    _asked(r"(?:постмортем|разбор|post-?mortem)", _fixed("postmortem")),
    _asked(r"(?:переключи|переведи|уведи|switch|move|shift)(?: весь| all)?(?: the)? (?:трафик|traffic) (?:из|с|с дц|from|off|away from) (dc-?\d)(?: .{1,20})?", _filled("gslb drain {0}"), True),
    _asked(SHOW + r"(?:трейс\w*|трасс\w*|traces?)", _fixed("trace list")),
    _asked(SHOW + r"(?:застрявшие саги|stuck sagas)", _fixed("sagactl list --state stuck")),
    _asked(r"(?:сколько (?:денег|мы|пользовател\w+|заказов) .{0,30}(?:теря\w+|задет\w+|затронут\w+|страда\w+))|what(?:'s| is) the (?:impact|blast radius)|how many users .{1,20}|масштаб (?:бедствия|проблемы)", _fixed("status")),
    _asked(r"(?:что (?:ты )?умеешь|что можно|какие команды(?: есть)?|what can (?:i|you) do|what commands .{1,20})", _fixed("help")),
    _asked(SHOW + r"(?:runbooks?|ранбук\w*)(?: (?:for|по) .{1,40})?", _runbook),
)  # fmt: skip

# Whoever begins like this wants something done: what is not understood must not be read as "show me".
ORDERS = ("добавь", "увелич", "масштаб", "уменьш", "подними", "запиши", "отметь", "обнови", "напиши", "сообщи", "whos", "who's",
          "add", "increase", "decrease", "update", "write", "post", "tell", "note")  # fmt: skip


def asked(text: str, names: Sequence[str]) -> tuple[str, bool] | None:
    """The command a text asks for as a whole, and whether it would change the world."""
    plain = " ".join(text.split()).rstrip("?!. ")
    for pattern, build, changes in FORMS:
        match = pattern.fullmatch(plain) or pattern.fullmatch(plain.lower())
        if match is not None:
            command = build(match, names)
            if command is not None:
                return command, changes
    return None
