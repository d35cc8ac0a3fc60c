"""A small incident that satisfies every proof, as a mapping to break in one place."""

from __future__ import annotations

import copy
from typing import Any

from simulator.scenario import Scenario, assign, parse

UNDO = "kubectl rollout undo deployment/shop -n prod"


def two(ru: str, en: str) -> dict[str, str]:
    return {"ru": ru, "en": en}


GOOD: dict[str, Any] = {
    "id": "small-shop",
    "title": two("Магазин и его база", "A shop and its database"),
    "duration_s": 300,
    "brief": two(
        "Вы дежурите по магазину. Через минуту покупатели начнут жаловаться.",
        "You are on call for a shop. In a minute customers will complain.",
    ),
    "traffic": {"rps": 120, "entry": "lb", "classes": {"buy": {"path": "shop.buy"}}},
    "components": {
        "lb": {"kind": "balancer", "timeout_s": 2},
        "shop": {
            "kind": "service",
            "pods": 4,
            "startup_s": 5,
            "bulkhead": {"limit": 50},
            "versions": {"v1": {}, "v2": {}, "v3": {"queries": 12}},
            "current": "v2",
            "endpoints": {
                "buy": [
                    {"call": "quotes.ask"},
                    {"query": "db", "times": "queries", "cpu_ms": 4, "sql": "SELECT id, stock FROM stock WHERE sku = $1"},
                ]
            },
        },
        "quotes": {
            "kind": "service",
            "pods": 2,
            "startup_s": 5,
            "bulkhead": {"limit": 20},
            "versions": {"q1": {"work_factor": 30}, "q2": {}},
            "current": "q2",
            "endpoints": {"ask": [{"work_ms": 20, "shape": 2}]},
        },
        "db": {"kind": "postgres", "database": "shop", "cores": 2, "pool": {"limit": 20, "open": 10, "user": "shop"}},
    },
    "timeline": [{"at_s": 20, "command": "deploy shop v3"}],
    "sli": {"traffic_class": "buy", "hold_s": 40},
    "alerting": {
        "rules": {
            "BuyFails": {
                "expr": 'sum(rate(http_requests_total{service="shop",code="200"}[30s])) < 100',
                "for_s": 15,
                "severity": "P1",
                "summary": two("Покупки не проходят", "Purchases fail"),
            }
        }
    },
    "clues": [
        {
            "command": "kubectl rollout history deployment/shop -n prod",
            "match": "release v3",
            "shows": two("новая ревизия", "a new revision"),
        },
        {
            "command": "promql 'db_cpu_utilisation{db=\"db\"}'",
            "match": "/=> (1|0\\.9)/",
            "shows": two("процессор базы занят целиком", "the database has no CPU left"),
        },
    ],
    "hints": [
        two("Что менялось за последние минуты?", "What changed in the last minutes?"),
        two("Кого ждут запросы? Посмотрите на базу.", "What do requests wait for? Look at the database."),
        two(f"Откатите: {UNDO}", f"Roll back: {UNDO}"),
    ],
    "truth": {
        "trigger": two("выкатка shop v3 без проверки", "the release of shop v3 without a check"),
        "mechanism": two("двенадцать запросов вместо одного", "twelve queries instead of one"),
        "contributing": [two("нет нагрузочного теста", "there is no load test")],
    },
    "reference": {"commands": [f"@110 {UNDO}"]},
    "traps": [
        {
            "commands": ["kubectl rollout restart deployment/shop -n prod"],
            "text": two("перезапуск ничего не меняет", "a restart changes nothing"),
        },
        {
            "commands": ["kubectl scale deployment/shop --replicas=8 -n prod"],
            "text": two("подов вдвое больше, база та же", "twice the pods, the same database"),
        },
    ],
    "focus": {"service": "shop", "database": "db", "good_version": "v2", "bad_version": "v3"},
    "interventions": [
        "canary_auto_rollback", "auto_rollback_on_slo", "slow_rollout", "query_count_gate", "load_test_gate",
        "staging_parity", "fix_n_plus_one", "read_cache", "more_db_cpu", "pool_resize", "bulkhead_resize",
        "scale_pods", "load_shedding", "alert_burn_rate", "runbook_rollback",
    ],
    "themes": ["t01_db_pool_slow_query"],
    "questions": [two("Почему не помог бы пул?", "Why would a pool not help?"), two("А кэш?", "And a cache?")],
    "variants": [
        {"id": f"heavier-{n}", "changes": {"shop.versions.v3.queries": n, "truth.mechanism": two(f"{n} запросов вместо одного", f"{n} queries instead of one")}}
        for n in (14, 16, 20)
    ],
}  # fmt: skip


def scene(**changes: Any) -> Scenario:
    """The good scenario with fields changed; a path's dots are written `__`."""
    raw = copy.deepcopy(GOOD)
    for path, value in changes.items():
        assign(raw, path.replace("__", "."), value)
    return parse(raw, "small-shop")
