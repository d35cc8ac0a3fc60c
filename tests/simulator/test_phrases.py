"""What free text means, and what must not be taken for a request."""

import pytest

from simulator.phrases import interpret

NAMES = [
    "edge-lb",
    "api-gateway",
    "checkout",
    "payment-service",
    "catalog",
    "order-service",
    "payments-db",
    "antifraud",
]
UNDO = "kubectl rollout undo deployment/payment-service"

CHANGES = {
    "откати payment-service": UNDO,
    "откатить payment-service": UNDO,
    "откатываем payment-service": UNDO,
    "откати платежи": UNDO,
    "Откати платёжный сервис": UNDO,
    "сделай откат payment-service": UNDO,
    "верни payment-service назад": UNDO,
    "верни предыдущую версию payment-service": UNDO,
    "откати paymnet-service": UNDO,
    "roll back payment-service": UNDO,
    "roll back payment service": UNDO,
    "rollback payment-service": UNDO,
    "please revert payment-service": UNDO,
    "undo the payment-service release": UNDO,
    "задеплой payment-service v2.8.1": "deploy payment-service v2.8.1",
    "выкати payment-service 2.8.1": "deploy payment-service v2.8.1",
    "deploy v2.8.1 of payment-service": "deploy payment-service v2.8.1",
    "ship payment-service v2.8.1": "deploy payment-service v2.8.1",
    "перезапусти payment-service": "kubectl rollout restart deployment/payment-service",
    "перезапусти поды checkout": "kubectl rollout restart deployment/checkout",
    "restart the checkout pods": "kubectl rollout restart deployment/checkout",
    "увеличь пул до 100": "psql pgbouncer -c 'SET default_pool_size = 100'",
    "поставь пул 80": "psql pgbouncer -c 'SET default_pool_size = 80'",
    "increase the pool to 100": "psql pgbouncer -c 'SET default_pool_size = 100'",
    "увеличь checkout до 30 подов": "kubectl scale deployment/checkout --replicas=30",
    "scale checkout to 30 pods": "kubectl scale deployment/checkout --replicas=30",
    "подтверди алерт": "ack",
    "прими вызов": "ack",
    "acknowledge the alert": "ack",
    "take the page": "ack",
    "позови dba": "page dba",
    "call the dba": "page dba",
    "позови команду платежей": "page payments",
    "эскалируй": "page sre",
    "подожди минуту": "wait 60",
    "подожди 30 секунд": "wait 30",
    "wait a minute": "wait 60",
    "wait 2 minutes": "wait 120",
}
LOOKS = {
    "покажи поды": "kubectl get pods",
    "покажи поды payment-service": "kubectl get pods -l app=payment-service",
    "show the pods": "kubectl get pods",
    "list pods of checkout": "kubectl get pods -l app=checkout",
    "что с пулом": "psql pgbouncer -c 'SHOW POOLS'",
    "покажи пул": "psql pgbouncer -c 'SHOW POOLS'",
    "show me the pool": "psql pgbouncer -c 'SHOW POOLS'",
    "сколько запросов ждёт": "psql pgbouncer -c 'SHOW POOLS'",
    "how many requests are waiting": "psql pgbouncer -c 'SHOW POOLS'",
    "покажи логи payment-service": "kubectl logs deployment/payment-service --tail=20",
    "show me the logs of checkout": "kubectl logs deployment/checkout --tail=20",
    "график успешности": "graph success",
    "нарисуй график очереди": "graph pending",
    "plot the latency": "graph p99",
    "draw a graph of cpu": "graph cpu",
    "что изменилось": "git log --oneline",
    "what changed": "git log --oneline",
    "что изменилось в payment-service": "kubectl rollout history deployment/payment-service",
    "покажи дифф": "git diff v2.8.0 v2.8.1",
    "какие алерты горят": "alerts",
    "show the alerts": "alerts",
    "покажи события": "kubectl get events",
    "статус": "status",
    "как дела": "status",
    "how is it going": "status",
    "покажи таймлайн": "timeline",
    "подсказка": "hint",
    "опиши payment-service": "kubectl describe deployment payment-service",
}
NOTHING = [
    "почему всё упало?",
    "почему упал payment-service",
    "не откатывай payment-service",
    "не надо откатывать payment-service",
    "откатить payment-service или checkout",
    "откати payment-service и checkout",
    "стоит ли откатить payment-service?",
    "можно откатить payment-service?",
    "если станет хуже, откати payment-service",
    "думаю откатить payment-service",
    "вчера откатили не то",
    "откати",
    "откати всё",
    "деплой был плохой",
    "задеплой что-нибудь",
    "перезапусти",
    "увеличь пул",
    "увеличь пул с 50 до 100",
    "why did it fail",
    "why is payment-service down",
    "should we roll back payment-service",
    "don't roll back payment-service",
    "never restart payment-service",
    "do not deploy payment-service v2.8.1",
    "who deployed payment-service",
    "roll back",
    "maybe restart checkout",
    "the pool is exhausted because of the release",
    "привет",
    "спасибо",
    "hello there",
    "ничего не понимаю",
    "I have no idea",
]


@pytest.mark.parametrize(("text", "command"), [*CHANGES.items(), *LOOKS.items()])
def test_plain_requests_are_understood(text: str, command: str) -> None:
    found = interpret(text, NAMES, "ru")
    assert found is not None, text
    assert found.command == command
    assert found.changes == (text in CHANGES)


@pytest.mark.parametrize("text", NOTHING)
def test_everything_else_is_left_alone(text: str) -> None:
    found = interpret(text, NAMES, "ru")
    assert found is None, found
