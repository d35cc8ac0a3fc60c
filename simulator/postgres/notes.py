"""What the running servers write into the timeline, in the player's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

TEXTS = {
    "stand": ("fault", Text(ru="{0}: операторы ждут {1} на {2} за процессом {3}", en="{0}: statements wait for {1} on {2} behind process {3}")),
    "free": ("database", Text(ru="{0}: блокировок больше никто не ждёт, стояли {1:.1f} с", en="{0}: nothing waits for locks any more, it stood for {1:.1f} s")),
    "cancelled": ("database", Text(ru="{0}: сессия {1} ({2}, {3}): оператор отменён", en="{0}: session {1} ({2}, {3}): statement cancelled")),
    "terminated": ("database", Text(ru="{0}: сессия {1} ({2}, {3}) завершена", en="{0}: session {1} ({2}, {3}) terminated")),
    "job": ("database", Text(ru="{0}: задача {1} запущена: {2}", en="{0}: job {1} started: {2}")),
    "job done": ("database", Text(ru="{0}: задача {1} выполнена: {2}", en="{0}: job {1} done: {2}")),
    "job failed": ("database", Text(ru="{0}: задача {1} не удалась: {2}", en="{0}: job {1} failed: {2}")),
    "fill": ("database", Text(ru="{0}: дозаполнение {1} таблицы {2} запущено", en="{0}: back-fill {1} of {2} started")),
    "fill running": ("database", Text(ru="{0}: дозаполнение {1} продолжено", en="{0}: back-fill {1} resumed")),
    "fill paused": ("database", Text(ru="{0}: дозаполнение {1} приостановлено", en="{0}: back-fill {1} paused")),
    "fill cancelled": ("database", Text(ru="{0}: дозаполнение {1} остановлено", en="{0}: back-fill {1} stopped")),
    "fill done": ("database", Text(ru="{0}: дозаполнение {1} таблицы {2} закончено, строк: {3}", en="{0}: back-fill {1} of {2} done, {3} rows")),
    "fill failed": ("fault", Text(ru="{0}: дозаполнение {1} таблицы {2} упало: {4}", en="{0}: back-fill {1} of {2} failed: {4}")),
    "slot lost": ("database", Text(ru="{0}: слот {1} потерян: превышен max_slot_wal_keep_size", en="{0}: slot {1} is lost: max_slot_wal_keep_size exceeded")),
    "slot dropped": ("database", Text(ru="{0}: слот {1} удалён", en="{0}: slot {1} dropped")),
    "dropped": ("fault", Text(ru="{0}: таблица {1} удалена", en="{0}: table {1} dropped")),
    "set aside": ("database", Text(ru="{0}: таблица {1} не удалена, а переименована в {2}", en="{0}: table {1} is not dropped but renamed to {2}")),
    "truncated": ("fault", Text(ru="{0}: таблица {1} очищена, исчезло строк: {2}", en="{0}: table {1} truncated, {2} rows gone")),
    "deleted": ("fault", Text(ru="{0}: из {2} удалено строк: {1}", en="{0}: {1} rows deleted from {2}")),
    "failing": ("fault", Text(ru="{0}: запросы не проходят: {1}", en="{0}: its queries fail: {1}")),
    "well": ("database", Text(ru="{0}: запросы снова проходят", en="{0}: its queries run again")),
    "backend terminated": ("database", Text(ru="{0}: backend {1} пользователя {2} завершён", en="{0}: backend {1} of {2} terminated")),
    "backend cancelled": ("database", Text(ru="{0}: запрос backend {1} отменён", en="{0}: query of backend {1} cancelled")),
    "paused": ("fault", Text(ru="pgbouncer: база {0} поставлена на паузу", en="pgbouncer: {0} paused")),
    "resumed": ("database", Text(ru="pgbouncer: база {0} снята с паузы", en="pgbouncer: {0} resumed")),
    "panic": ("fault", Text(ru="{0} остановилась: {1}", en="{0} stopped: {1}")),
    "back": ("database", Text(ru="{0} снова принимает соединения", en="{0} accepts connections again")),
    "grown": ("database", Text(ru="диск {0}: {1:.0f} → {2:.0f} ГБ", en="disk of {0}: {1:.0f} → {2:.0f} GB")),
}  # fmt: skip


def note(world: World, key: str, *values: object) -> None:
    """Write it into the timeline."""
    kind, text = TEXTS[key]
    world.note(kind, text.of(world.language).format(*values))
