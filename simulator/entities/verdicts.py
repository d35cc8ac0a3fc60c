"""What a checker answers: a verdict, and for every violation the exact operations that are to blame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from simulator.entities.history import Op

MANY = 100  # violations reported one by one; the rest are counted

# kind -> what went wrong, in English and Russian. {n} is the guilty operation's index, {e} its entity, {x} and {h}
# are `expected` and `happened`: names and numbers, never words of one language.
TEXTS = {
    "lost": (
        "operation {n} acknowledged entity {e}, which is missing from {x} in the end (was: {h})",
        "операция {n} подтвердила сущность {e}, а в {x} её в итоге нет (была: {h})",
    ),
    "double": (
        "operation {n} repeated an effect for entity {e}: expected {x}, happened {h}",
        "операция {n} повторила действие для сущности {e}: ожидалось {x}, произошло {h}",
    ),
    "lost-update": (
        "operation {n} (entity {e}) overwrote another change: expected {x}, written {h}",
        "операция {n} (сущность {e}) затёрла чужое изменение: ожидалось {x}, записано {h}",
    ),
    "overwritten": (
        "what operation {n} added and acknowledged (entity {e}) is not in {x}: a later writer had not seen it",
        "добавленного и подтверждённого операцией {n} (сущность {e}) в {x} нет: следующая запись его не видела",
    ),
    "below-floor": (
        "operation {n} (entity {e}) took the balance below its floor: expected {x}, became {h}",
        "операция {n} (сущность {e}) увела остаток ниже предела: ожидалось {x}, стало {h}",
    ),
    "elsewhere": (
        "operation {n} (entity {e}) was done by {h}, not by {x}",
        "операцию {n} (сущность {e}) выполнил {h}, а не {x}",
    ),
    "wrong-amount": (
        "operation {n} (entity {e}) began with {x}, the row says {h}",
        "операция {n} (сущность {e}) начиналась с {x}, в строке {h}",
    ),
    "unbalanced": (
        "the balance does not add up after operation {n} (entity {e}): expected {x}, found {h}",
        "остаток не сходится после операции {n} (сущность {e}): ожидалось {x}, найдено {h}",
    ),
    "half-done": (
        "the saga of entity {e} is half done after operation {n}: expected {x}, happened {h}",
        "сага сущности {e} после операции {n} выполнена наполовину: ожидалось {x}, произошло {h}",
    ),
    "stuck": (
        "the saga of entity {e} has stood still since operation {n}: expected {x}, happened {h}",
        "сага сущности {e} стоит с операции {n}: ожидалось {x}, произошло {h}",
    ),
    "two-leaders": (
        "operation {n} was done by {h} while the leader was {x}",
        "операцию {n} выполнил {h}, хотя лидером был {x}",
    ),
    "skipped": (
        "commit {n} passed over {x} (entity {e}), which was never processed",
        "фиксация {n} перешагнула через {x} (сущность {e}): запись не обработана",
    ),
    "redelivered": (
        "operation {n} processed {x} (entity {e}) again, at {h}",
        "операция {n} повторно обработала {x} (сущность {e}) в {h}",
    ),
    "reordered": (
        "operation {n} (entity {e}) processed {h} before the older {x} of the same key",
        "операция {n} (сущность {e}) обработала {h} раньше более старой записи {x} с тем же ключом",
    ),
    "stale-read": (
        "read {n} returned an old value: expected {x}, read {h}",
        "чтение {n} вернуло устаревшее значение: ожидалось {x}, прочитано {h}",
    ),
    "own-write-missed": (
        "read {n} did not see its session's own write: expected {x}, read {h}",
        "чтение {n} не увидело запись собственного сеанса: ожидалось {x}, прочитано {h}",
    ),
    "below-level": ("expected {x}, found {h}", "ожидалось {x}, сейчас {h}"),
    "diverged": (
        "row {n}: the old column says {x}, the new one {h}",
        "строка {n}: в старой колонке {x}, в новой {h}",
    ),
    "backward-read": (
        "read {n} went back behind an earlier read of its session: expected {x}, read {h}",
        "чтение {n} вернулось назад относительно прежнего чтения сеанса: ожидалось {x}, прочитано {h}",
    ),
    "not-linearizable": (
        "no order of the operations explains operation {n} ({h}); the register held {x}",
        "никакой порядок не объясняет операцию {n} ({h}); регистр содержал {x}",
    ),
    "anomaly": (
        "transaction {n} completes the anomaly {x}: {h}",
        "транзакция {n} завершает аномалию {x}: {h}",
    ),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault. `index` is the guilty operation's place in the history, `others` those that prove it."""

    kind: str
    index: int
    time_ns: int
    entity: int
    expected: Any
    happened: Any
    others: tuple[int, ...] = ()

    def text(self, language: str = "en") -> str:
        template = TEXTS[self.kind][1 if language == "ru" else 0]
        return template.format(e=self.entity, n=self.index, x=self.expected, h=self.happened)

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "index": self.index,
            "time_ns": self.time_ns,
            "entity": self.entity,
            "expected": self.expected,
            "happened": self.happened,
            "others": list(self.others),
            "text": {"ru": self.text("ru"), "en": self.text("en")},
        }


@dataclass(slots=True)
class Verdict:
    """`ok` is None if the checker could not decide within its budget."""

    ok: bool | None
    violations: list[Violation] = field(default_factory=list)

    def weighted(self, weights: dict[int, float]) -> float:
        """How many violations the whole world had: each counts as much as its entity stands for."""
        return math.fsum(weights.get(v.entity, 1.0) for v in self.violations)

    def off_by(self, weights: dict[int, float]) -> float:
        """How much is missing or too much in all: pieces, points, money. A row that is a little off is not one that is far off."""
        return math.fsum(
            weights.get(v.entity, 1.0) * abs(v.expected - v.happened)
            for v in self.violations
            if isinstance(v.expected, int) and isinstance(v.happened, int)
        )

    def as_dict(self) -> dict[str, Any]:
        """`violations` are the first `MANY`, `count` counts all."""
        shown = [v.as_dict() for v in self.violations[:MANY]]
        return {"ok": self.ok, "count": len(self.violations), "violations": shown}


def blame(kind: str, op: Op, expected: Any, happened: Any, others: tuple[int, ...] = ()) -> Violation:
    return Violation(kind, op.index, op.time_ns, op.entity, expected, happened, others)


def verdict(found: list[Violation]) -> Verdict:
    """In the order of the guilty operations."""
    return Verdict(not found, sorted(found, key=lambda v: (v.index, v.kind)))
