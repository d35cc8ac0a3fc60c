"""What lies in the on-call engineer's home directory. Texts only; who may read them: files.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

HOME = "/home/oncall"

_README = Text(
    ru="""\
# Рабочее место дежурного

Здесь только то, что нужно во время инцидента: консоли и ранбуки.

    ls ~/runbooks                 ранбуки сервисов
    kubectl get pods              поды
    psql -c 'SHOW POOLS' pgbouncer
    promql 'sum(rate(http_requests_total[1m])) by (service, code)'
    curl -s http://payment-service:8080/actuator/health
    git log --oneline             история кода; репозитории лежат в ~
    help                          всё остальное

Каналы (`|`), `&&`, `;`, `$(...)`, `for`, `watch`, перенаправление в файлы в ~ и /tmp работают.
""",
    en="""\
# The on-call workstation

Only what an incident needs: consoles and runbooks.

    ls ~/runbooks                 runbooks of the services
    kubectl get pods              pods
    psql -c 'SHOW POOLS' pgbouncer
    promql 'sum(rate(http_requests_total[1m])) by (service, code)'
    curl -s http://payment-service:8080/actuator/health
    git log --oneline             the code's history; repositories lie in ~
    help                          everything else

Pipes (`|`), `&&`, `;`, `$(...)`, `for`, `watch` and redirects to files in ~ and /tmp work.
""",
)

_INCIDENT = Text(
    ru="""\
# Инцидент: первые десять минут

1. Примите вызов: `ack`. Пока он не принят, пейджер поднимет следующего.
2. Оцените ущерб. Какой процент запросов падает, у кого, с какого момента?
   `promql 'sum(rate(http_requests_total[1m])) by (service, code)'`
3. Что изменилось за последний час? Выкатка, конфигурация, миграция, трафик.
   `kubectl rollout history deployment/ИМЯ`, `git log --since='2 days ago' --oneline`
4. Сначала остановите ущерб, потом ищите причину. Если изменение совпало по времени со сбоем и
   откат безопасен, откатывайте: `kubectl rollout undo deployment/ИМЯ`.
5. Не перезапускайте всё подряд: с подами уходят и запросы, и следы.
6. После исправления дождитесь, пока разберётся очередь повторов, и только потом закрывайте инцидент.

Эскалация: `escalate`. Не стесняйтесь: разбудить коллегу дешевле, чем час простоя.
""",
    en="""\
# Incident: the first ten minutes

1. Acknowledge the page: `ack`. Until then the pager goes on to the next person.
2. Size the damage. What share of requests fails, whose, since when?
   `promql 'sum(rate(http_requests_total[1m])) by (service, code)'`
3. What changed within the last hour? A release, configuration, a migration, traffic.
   `kubectl rollout history deployment/NAME`, `git log --since='2 days ago' --oneline`
4. Stop the damage first, look for the cause second. If a change coincides with the failure and
   undoing it is safe, undo it: `kubectl rollout undo deployment/NAME`.
5. Don't restart everything in sight: the requests and the evidence go with the pods.
6. After the fix wait until the retry backlog has drained, and only then close the incident.

Escalation: `escalate`. Don't hesitate: waking a colleague costs less than an hour of downtime.
""",
)

_PAYMENT_SERVICE = Text(
    ru="""\
# payment-service

Владелец: команда payments. Язык: Kotlin, Spring Boot, JPA и jOOQ. База: payments-db (PostgreSQL)
через PgBouncer, режим transaction.

    checkout -> payment-service -> antifraud
                                -> pgbouncer:6432/payments -> payments-db

## Что нормально
- успешность выше 99,5 %, в том числе 0,2 % отказов банка: это не сбой;
- клиентов в ожидании у PgBouncer (`cl_waiting`): 0;
- CPU базы около половины.

## Куда смотреть
- поды: `kubectl get pods -l app=payment-service`
- журнал: `kubectl logs deployment/payment-service --tail=50`
- bulkhead: `curl -s http://payment-service:8080/actuator/metrics/resilience4j.bulkhead.available.concurrent.calls`
- пул: `psql -c 'SHOW POOLS' pgbouncer`; запросы: `psql -c 'SELECT * FROM pg_stat_activity' payments`
- очередь повторов: `promql payment_retry_backlog`

## Знайте
- Bulkhead `payment-db` держит не больше 25 платежей на под и лишнее сразу отдаёт как 503. Сам по
  себе 503 отсюда означает «место занято», а не «под сломан»: найдите, чего ждут те, кто внутри.
- Пул к базе общий на все поды. У базы 100 соединений на всех, и ими пользуется не только этот
  сервис: прежде чем увеличивать пул, посмотрите на CPU базы.
- Неудавшиеся платежи лежат в надёжной очереди и повторяются воркером после восстановления.

## Откат
    kubectl rollout undo deployment/payment-service
    kubectl rollout status deployment/payment-service
""",
    en="""\
# payment-service

Owner: the payments team. Language: Kotlin, Spring Boot, JPA and jOOQ. Database: payments-db
(PostgreSQL) through PgBouncer in transaction mode.

    checkout -> payment-service -> antifraud
                                -> pgbouncer:6432/payments -> payments-db

## What is normal
- success above 99.5 %, with 0.2 % declined by the bank: that is not a failure;
- clients waiting at PgBouncer (`cl_waiting`): 0;
- the database's CPU about half used.

## Where to look
- pods: `kubectl get pods -l app=payment-service`
- log: `kubectl logs deployment/payment-service --tail=50`
- bulkhead: `curl -s http://payment-service:8080/actuator/metrics/resilience4j.bulkhead.available.concurrent.calls`
- pool: `psql -c 'SHOW POOLS' pgbouncer`; queries: `psql -c 'SELECT * FROM pg_stat_activity' payments`
- retry backlog: `promql payment_retry_backlog`

## Good to know
- Bulkhead `payment-db` holds at most 25 payments a pod and answers 503 to the rest at once. A 503
  from here says "all places taken", not "the pod is broken": find what those inside are waiting for.
- The pool is shared by all pods. The database has 100 connections for everybody, and this service is
  not its only user: look at the database's CPU before you enlarge the pool.
- Failed payments lie in a durable queue; a worker submits them again after the recovery.

## Undo
    kubectl rollout undo deployment/payment-service
    kubectl rollout status deployment/payment-service
""",
)

_SERVICE_RUNBOOKS = {"payment-service": _PAYMENT_SERVICE}

_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: {namespace}
  cluster:
    server: https://k8s.{namespace}.shop.example:6443
contexts:
- name: {namespace}
  context:
    cluster: {namespace}
    namespace: {namespace}
    user: oncall
current-context: {namespace}
users:
- name: oncall
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: shop-sso
"""

HOSTNAME = "bastion"


def _readme(world: World) -> str:
    """The first look around, without what this world does not have."""
    scenario = world.scenario
    pooled = any(
        pool.via
        for database in scenario.databases().values()
        for pool in (database.pool, *database.clients.values())
    )
    here = {
        "git log": bool(scenario.repositories or scenario.codebase),
        "SHOW POOLS": pooled,
        "payment-service": "payment-service" in scenario.components,
    }
    lines = _README.of(world.language).splitlines(keepends=True)
    return "".join(line for line in lines if all(there for words, there in here.items() if words in line))


def texts(world: World) -> dict[str, str]:
    """The read-only files by absolute path, in the session's language."""
    from simulator.shell import machine

    scenario, language = world.scenario, world.language
    files = {
        f"{HOME}/README.md": _readme(world),
        f"{HOME}/.kube/config": _KUBECONFIG.format(namespace=scenario.namespace),
        f"{HOME}/runbooks/incident.md": _INCIDENT.of(language),
        **machine.procfs(machine.bastion()),
    }
    for name, text in _SERVICE_RUNBOOKS.items():
        if name in scenario.components:
            files[f"{HOME}/runbooks/{name}.md"] = text.of(language)
    return files
