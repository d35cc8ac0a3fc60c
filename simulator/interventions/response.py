"""Noticing sooner and acting sooner: alerts, paging, runbooks, the speed of the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.interventions.base import Intervention, Params, Raw
from simulator.scenario import Focus, Text

if TYPE_CHECKING:
    from simulator.world import World


def _rule(expr: str, for_s: float, ru: str, en: str, focus: Focus) -> Raw:
    summary = {"ru": ru, "en": en}
    return {"expr": expr, "for_s": for_s, "severity": "P1", "summary": summary, "service": focus.service}


def _alert_pool_saturation(raw: Raw, focus: Focus, params: Params) -> None:
    raw["alerting"]["rules"]["PoolSaturated"] = _rule(
        f"max(pgbouncer_pools_client_waiting_connections) > {params['waiting']:g}",
        params["for_s"],
        "Очередь за соединениями пула",
        "Clients wait for pooled connections",
        focus,
    )
    raw["alerting"]["group_wait_s"] = min(raw["alerting"]["group_wait_s"], 10)


def _alert_burn_rate(raw: Raw, focus: Focus, params: Params) -> None:
    """SRE Workbook: 14.4 times the budget's pace over a long and a short window."""
    cls, entry = raw["sli"]["traffic_class"], raw["traffic"]["entry"]
    budget = params["burn"] * (1 - raw["sli"]["target"])

    def ratio(window: str) -> str:
        chosen = f'service="{entry}",class="{cls}"'
        bad = f'sum(rate(http_requests_total{{{chosen},code=~"5.."}}[{window}]))'
        return f"{bad} / sum(rate(http_requests_total{{{chosen}}}[{window}]))"

    raw["alerting"]["rules"]["ErrorBudgetBurn"] = _rule(
        f"({ratio('1h')} > {budget:g}) and ({ratio('5m')} > {budget:g})",
        0,
        "Бюджет ошибок горит",
        "The error budget is burning",
        focus,
    )


def _faster_paging(raw: Raw, focus: Focus, params: Params) -> None:
    raw["alerting"]["group_wait_s"] = params["group_wait_s"]
    for rule in raw["alerting"]["rules"].values():
        if rule["severity"] == "P1":
            rule["for_s"] = min(rule["for_s"], params["for_s"])


def _runbook(world: World, params: Params) -> None:
    """The responder follows a runbook: the first repair command comes so long after the page."""
    world.policies["reaction_s"] = params["reaction_s"]


def _one_click(world: World, params: Params) -> None:
    """A rollback replaces all pods at once instead of in waves, and is the first thing in the runbook."""
    world.policies["rollback_surge"] = True


def _kill_switch(world: World, params: Params) -> None:
    """The new code path hangs on a flag: going back needs no new pods, only `seconds` to spread."""
    world.policies["flag_s"] = max(0.5, params["seconds"])


ENTRIES = [
    Intervention(
        "alert_pool_saturation",
        "detect",
        Text(ru="алерт на ожидание в пуле", en="an alert on waiting in the pool"),
        Text(
            ru="ещё один алерт, который будит; порог надо держать выше обычных всплесков",
            en="one more alert that wakes people; the threshold must stay above normal bursts",
        ),
        {"waiting": 10, "for_s": 15},
        _alert_pool_saturation,
        first="rule",
    ),
    Intervention(
        "alert_burn_rate",
        "detect",
        Text(ru="алерт на скорость сжигания бюджета ошибок", en="an alert on the error budget's burn rate"),
        Text(ru="нужен согласованный SLO", en="needs an agreed SLO"),
        {"burn": 14.4},
        _alert_burn_rate,
        first="rule",
    ),
    Intervention(
        "faster_paging",
        "detect",
        Text(ru="быстрее пейджить", en="page sooner"),
        Text(ru="больше ложных срабатываний", en="more false alarms"),
        {"for_s": 15, "group_wait_s": 5},
        _faster_paging,
        first="rule",
    ),
    Intervention(
        "runbook_rollback",
        "respond",
        Text(ru="ранбук: сначала откат", en="a runbook: roll back first"),
        Text(
            ru="учения раз в квартал; время реакции — допущение, остальное измерено",
            en="a drill every quarter; the reaction time is an assumption, the rest is measured",
        ),
        {"reaction_s": 60},
        install=_runbook,
        first="page",
    ),
    Intervention(
        "failover_drill",
        "respond",
        Text(
            ru="учения по потере площадки: порядок действий и дежурный, который начинает без согласований",
            en="drills for the loss of a site: a known order of actions, and whoever is on call may begin",
        ),
        Text(
            ru="день команды в квартал; время реакции — допущение, остальное измерено",
            en="a day of the team every quarter; the reaction time is an assumption, the rest is measured",
        ),
        {"reaction_s": 20},
        install=_runbook,
        first="page",
    ),
    Intervention(
        "one_click_rollback",
        "respond",
        Text(ru="откат одной кнопкой, все поды сразу", en="a one-click rollback of all pods at once"),
        Text(
            ru="запас узлов на вторую копию подов",
            en="spare nodes for a second set of pods",
        ),
        install=_one_click,
        first="repair",
    ),
    Intervention(
        "feature_flag_kill_switch",
        "mitigate",
        Text(ru="фича-флаг с рубильником", en="a feature flag with a kill switch"),
        Text(
            ru="оба пути кода живут до уборки флага; рубильник надо проверять",
            en="both code paths live until the flag is removed; the switch has to be tested",
        ),
        {"seconds": 5},
        install=_kill_switch,
        first="repair",
    ),
]
