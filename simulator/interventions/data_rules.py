"""Remedies in how orders, messages and balances are handled: keys, atomic changes, acknowledgements, sagas, facades."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.interventions.base import Intervention, Params, Raw, entry
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World


def entity_steps(raw: Raw) -> Iterator[dict[str, Any]]:
    """Every step of every flow, compensations too."""
    for flow in (raw.get("entities") or {}).get("flows", []):
        for step in flow["steps"]:
            yield step
            if step.get("undo"):
                yield step["undo"]


def settings_of(raw: Raw) -> Iterator[dict[str, Any]]:
    """Every mapping of settings that a version, a flag or a way of a facade gives."""
    for part in raw["components"].values():
        for version in (part.get("versions") or {}).values():
            yield version.get("set") or {}
    for flag in (raw.get("flags") or {}).values():
        yield from flag["states"].values()
    extraction = raw.get("extraction") or {}
    for name in ("new", "mirror_old", "mirror_new"):
        yield extraction.get(name) or {}
    yield from (extraction.get("versions") or {}).values()


def forget(raw: Raw, *endings: str) -> None:
    """No version, flag or facade sets these any more, and no variable either."""
    for settings in settings_of(raw):
        for path in [p for p in settings if p.endswith(endings)]:
            del settings[path]
    for part in raw["components"].values():
        knobs = part.get("knobs") or {}
        for name in [n for n, knob in knobs.items() if knob["path"].endswith(endings)]:
            del knobs[name]


def _keys(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".idempotent")
    for step in entity_steps(raw):
        step["idempotent"] = "entity"


def _atomic(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".mode")
    for step in entity_steps(raw):
        if step.get("mode") == "from_read":
            step["mode"] = "atomic"


def _leader_reads(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".policy")
    for step in entity_steps(raw):
        step["policy"] = "leader"


def _commit_after(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".commit")
    for group in (raw.get("entities") or {}).get("groups", []):
        group["commit"] = "after"


def _acks(raw: Raw, _focus: Focus, params: Params) -> None:
    forget(raw, ".acks", ".min_insync", ".unclean")
    for topic in (raw.get("entities") or {}).get("topics", []):
        topic["acks"], topic["unclean"] = "all", False
        topic["min_insync"] = min(int(params["replicas"]), len(topic["brokers"]))


def _durable_saga(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".persist", ".on_unknown")
    for flow in (raw.get("entities") or {}).get("flows", []):
        flow["persist"], flow["on_unknown"] = "each_step", "undo"


def _more_tries(raw: Raw, _focus: Focus, params: Params) -> None:
    """So many tries at least, whatever a version, a flag or a variable says."""
    least = int(params["attempts"])
    for step in entity_steps(raw):
        step["attempts"] = max(step.get("attempts", 1), least)
    for settings in settings_of(raw):
        settings.update({p: max(v, least) for p, v in settings.items() if p.endswith(".attempts")})
    for part in raw["components"].values():
        for name, knob in (part.get("knobs") or {}).items():
            said = (part.get("env") or {}).get(name, "")
            if knob["path"].endswith(".attempts") and said.isdecimal():
                part["env"][name] = str(max(int(said), least))


def _fenced(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".fenced")
    for store in (raw.get("entities") or {}).get("stores", []):
        store["fenced"] = True


def _semi_sync(raw: Raw, _focus: Focus, params: Params) -> None:
    forget(raw, ".sync")
    for store in (raw.get("entities") or {}).get("stores", []):
        store["sync"] = min(int(params["replicas"]), len(store["nodes"]) - 1)
    for spec in (raw.get("standbys") or {}).values():
        if spec.get("patroni") and params["replicas"] >= 1:  # it sets synchronous_standby_names itself
            spec["patroni"].update(synchronous_mode=True, synchronous_mode_strict=True)


def _all_behind(raw: Raw, _focus: Focus, _params: Params) -> None:
    extraction = raw.get("extraction")
    if extraction:
        extraction["flows"] = list(dict.fromkeys([*extraction["flows"], *extraction["seams"]]))


def _characterised(raw: Raw, _focus: Focus, _params: Params) -> None:
    forget(raw, ".wrong")
    for step in entity_steps(raw):
        step["wrong"] = []


def _new_capacity(raw: Raw, focus: Focus, params: Params) -> None:
    service = raw["components"][(raw.get("extraction") or {}).get("service") or focus.service]
    service["pods"] = round(service["pods"] * params["factor"])


def _reconcile(world: World, params: Params) -> None:
    world.policies["reconcile_s"] = max(1.0, params["period_s"])


def _reconcile_rule(raw: Raw, focus: Focus, _params: Params) -> None:
    raw["alerting"]["rules"]["BooksDoNotAddUp"] = {
        "expr": "max(reconciliation_books_broken) > 0", "for_s": 0, "severity": "P1", "service": focus.service,
        "summary": {"ru": "Сверка данных не сходится", "en": "The reconciliation does not add up"},
    }  # fmt: skip


def _saga_rule(name: str, expr: str, ru: str, en: str) -> Callable[[Raw, Focus, Params], None]:
    def patch(raw: Raw, focus: Focus, params: Params) -> None:
        raw["alerting"]["rules"][name] = {
            "expr": f"{expr} > {params['more_than']:g}", "for_s": params["for_s"], "severity": "P1",
            "service": focus.service, "summary": {"ru": ru, "en": en},
        }  # fmt: skip

    return patch


def _sweep(world: World, params: Params) -> None:
    world.policies["saga_sweep_s"] = params["period_s"]


def _guarded(raw: Raw, _focus: Focus, _params: Params) -> None:
    for system in (raw.get("entities") or {}).get("systems", []):
        system["guarded"] = True


def _group(field: str) -> Callable[[Raw, Focus, Params], None]:
    """Every consumer group has this field; no version, flag or variable says otherwise."""

    def patch(raw: Raw, _focus: Focus, params: Params) -> None:
        forget(raw, f".{field}")
        for group in (raw.get("entities") or {}).get("groups", []):
            group[field] = True if field == "static" else round(params["value"])

    return patch


def _partitions(raw: Raw, _focus: Focus, params: Params) -> None:
    for topic in (raw.get("entities") or {}).get("topics", []):
        topic["partitions"] = max(topic.get("partitions", 1), round(params["partitions"]))


def _outbox(raw: Raw, _focus: Focus, _params: Params) -> None:
    """The message lies in the transaction of the write before it, and a relay publishes it."""
    for flow in (raw.get("entities") or {}).get("flows", []):
        kept: list[dict[str, Any]] = []
        for step in flow["steps"]:
            if step["do"] == "publish" and kept and kept[-1]["do"] == "write":
                kept[-1]["outbox"] = step["target"]
            else:
                kept.append(step)
        flow["steps"] = kept


ENTRIES = (
    Intervention("reconciliation_alert", "detect", Text(ru="сверка данных раз в минуту с алертом", en="a reconciliation every minute, with an alert"), Text(ru="нагрузка на базы, ложные срабатывания на незавершённом", en="load on the databases, false alarms on what is under way"), {"period_s": 60}, _reconcile_rule, _reconcile, first="rule"),
    entry("idempotency_key", "prevent", ("ключ идемпотентности на каждую операцию с деньгами", "an idempotency key for every operation on money"), ("хранилище ключей и срок их жизни", "a store of keys and their lifetime"), _keys),
    entry("atomic_conditional_update", "prevent", ("атомарное условное изменение вместо «прочитал, проверил, записал»", "an atomic conditional change instead of read, check, write"), ("горячие строки становятся очередью", "hot rows become a queue"), _atomic),
    entry("critical_reads_from_leader", "prevent", ("решения принимаются по чтению с лидера", "decisions are made on reads from the leader"), ("нагрузка на лидера, задержка до его ЦОДа", "load on the leader, the way to its data centre"), _leader_reads),
    entry("commit_after_processing", "prevent", ("смещение фиксируется после обработки", "the offset is committed after processing"), ("повторная доставка: обработчик обязан быть идемпотентным", "redelivery: the handler has to be idempotent"), _commit_after),
    entry("acks_all_min_isr", "prevent", ("acks=all и min.insync.replicas", "acks=all and min.insync.replicas"), ("задержка записи, отказы при нехватке реплик", "slower writes, refusals when replicas are missing"), _acks, {"replicas": 2}),
    entry("durable_saga_state", "prevent", ("состояние саги сохраняется на каждом шаге", "a saga's state is kept at every step"), ("запись в базу на каждый шаг", "a database write a step"), _durable_saga),
    entry("more_saga_attempts", "mitigate", ("больше попыток шага саги", "more attempts of a saga's step"), ("дольше удерживаются деньги и остатки", "money and stock are held longer"), _more_tries, {"attempts": 5}),
    Intervention("stuck_saga_alert", "detect", Text(ru="алерт на остановленные саги", en="an alert on sagas at rest"), Text(ru="порог надо держать выше обычного фона", en="the threshold has to stay above the usual level"), {"more_than": 3, "for_s": 60}, _saga_rule("SagasStuck", 'sum(saga_instances{state="stuck"})', "Саги остановились и сами не пойдут", "Sagas are at rest and will not go on"), first="rule"),
    Intervention("lost_saga_alert", "detect", Text(ru="алерт: начатых саг больше, чем законченных и идущих", en="an alert when more sagas were started than have ended or run"), Text(ru="счётчики должны переживать перезапуск", en="the counters have to outlive a restart"), {"more_than": 3, "for_s": 60}, _saga_rule("SagasLost", "sum(saga_started_total) - sum(saga_finished_total) - sum(saga_instances)", "Саги пропадают без исхода", "Sagas vanish without an outcome"), first="rule"),
    Intervention("saga_timeout_sweeper", "mitigate", Text(ru="сторож саг: сверяет остановленные с участниками и продолжает", en="a watchdog for sagas: compares those at rest with the participants and goes on"), Text(ru="ошибка в стороже повторит её для всех саг сразу", en="a bug in it strikes all sagas at once"), {"period_s": 120}, None, _sweep),
    entry("guarded_refunds", "prevent", ("платёжная система отказывает в возврате сверх списанного", "the payment system refuses a refund beyond what was charged"), ("ручные компенсации клиентам идут другим путём", "goodwill payments need a way of their own"), _guarded),
    entry("fencing", "prevent", ("ограждение старого лидера", "fencing of the old leader"), ("без кворума записи останавливаются", "without a quorum writes stop"), _fenced),
    entry("synchronous_replica", "prevent", ("синхронная реплика", "a synchronous replica"), ("каждая запись ждёт реплику; её потеря останавливает записи", "every write waits for it; its loss stops writes"), _semi_sync, {"replicas": 1}),
    entry("every_entry_behind_facade", "prevent", ("все входы в модуль за фасадом до начала переноса", "every entry of the module behind the facade before the move"), ("недели правок чужого кода", "weeks of changes in other people's code"), _all_behind),
    entry("characterisation_in_ci", "prevent", ("записанные случаи монолита прогоняются в CI нового сервиса", "recorded cases of the monolith run in the new service's CI"), ("набор случаев надо хранить и обновлять", "the set of cases has to be kept and renewed"), _characterised),
    entry("new_service_capacity", "prevent", ("ёмкость нового сервиса под полную нагрузку до переключения", "the new service sized for the full load before the switch"), ("машины простаивают до переноса", "machines idle until the move"), _new_capacity, {"factor": 4}),
    entry("consumer_workers", "mitigate", ("меньше обработчиков в пуле потребителя", "fewer handlers in a consumer's pool"), ("пропускная способность группы", "the group's throughput"), _group("workers"), {"value": 8}),
    entry("auto_commit_interval", "mitigate", ("короче интервал автокоммита", "a shorter auto-commit interval"), ("больше записей в __consumer_offsets", "more writes to __consumer_offsets"), _group("auto_commit_ms"), {"value": 1000}),
    entry("static_membership", "mitigate", ("постоянное членство в группе", "static membership of consumers"), ("партиции упавшего ждут session.timeout", "a dead member's partitions wait for session.timeout"), _group("static")),
    entry("consumer_session_timeout", "detect", ("короче session.timeout потребителей", "a shorter session.timeout of consumers"), ("паузы GC превращаются в перебалансировки", "GC pauses become rebalances"), _group("session_ms"), {"value": 10000}),
    entry("topic_partitions", "mitigate", ("больше партиций", "more partitions"), ("ключи переезжают, порядок по ключу нарушается", "keys move, order by key breaks"), _partitions, {"partitions": 24}),
    entry("transactional_outbox", "prevent", ("outbox: событие в одной транзакции с заказом", "an outbox: the event in the order's transaction"), ("таблица, ретранслятор и задержка события", "a table, a relay and a delay of the event"), _outbox),
)  # fmt: skip
