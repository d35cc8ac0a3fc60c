"""Where `kafka-consumer-groups --reset-offsets` would move a group to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.kafka.options import Usage, Words

if TYPE_CHECKING:
    from simulator.entities.groups import Group
    from simulator.entities.log import Partition, Topic
    from simulator.world import World

WAYS = ("to-offset", "shift-by", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current")
Moved = dict[int, int]
DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})(?:\.\d+)?S)?)?")


@dataclass(frozen=True)
class Nobody:
    """A group that has never committed: it stands at the ends of the log."""

    name: str
    topic: Topic

    @property
    def committed(self) -> list[int]:
        return [part.watermark for part in self.topic.partitions]


def planned(world: World, group: Group | Nobody, words: Words) -> tuple[Moved, list[str]]:
    """New offsets by partition, and what was clamped. Raises Usage."""
    ways = [way for way in WAYS if words.has(way)]
    if len(ways) != 1:
        raise Usage(
            "Option '[to-offset], [shift-by], [to-datetime], [by-duration], [to-earliest], [to-latest], [to-current]' "
            "requires exactly one of them."
        )
    warnings: list[str] = []
    moved: Moved = {}
    for number in _partitions(group, words):
        part = group.topic.partitions[number]
        wanted = _wanted(world, group, part, number, ways[0], words)
        moved[number] = _clamped(part, wanted, warnings)
    return moved, warnings


def _partitions(group: Group | Nobody, words: Words) -> list[int]:
    every = list(range(len(group.topic.partitions)))
    if words.has("all-topics"):
        return every
    found: list[int] = []
    for text in words.all("topic"):
        name, colon, numbers = text.partition(":")
        if name != group.topic.spec.name:
            raise Usage(f"Error: The topic '{name}' is not consumed by group '{group.name}'")
        if not colon:
            return every
        for word in numbers.split(","):
            if not word.isdigit() or int(word) not in every:
                raise Usage(f"Error: Topic '{name}' has no partition '{word}'")
            found.append(int(word))
    return sorted(dict.fromkeys(found))


def _wanted(world: World, group: Group | Nobody, part: Partition, number: int, way: str, words: Words) -> int:
    committed = group.committed[number]
    if way == "to-offset":
        return words.number(way, 0)
    if way == "shift-by":
        return committed + words.number(way, 0)
    if way == "to-earliest":
        return 0
    if way == "to-latest":
        return part.watermark
    if way == "to-current":
        return committed
    if way == "by-duration":
        return offset_at(part, round(world.now_s * 1e9) - _duration_ns(words.get(way)))
    return offset_at(part, _since_start_ns(world, words.get(way)))


def _clamped(part: Partition, wanted: int, warnings: list[str]) -> int:
    if wanted > part.watermark:
        warnings.append(
            f"WARN New offset ({wanted}) is higher than latest offset for topic partition {part.name}. Value will be "
            f"set to {part.watermark} (kafka.admin.ConsumerGroupCommand$)"
        )
        return part.watermark
    if wanted < 0:
        warnings.append(
            f"WARN New offset ({wanted}) is lower than earliest offset for topic partition {part.name}. Value will be "
            "set to 0 (kafka.admin.ConsumerGroupCommand$)"
        )
        return 0
    return wanted


def _since_start_ns(world: World, text: str) -> int:
    """`YYYY-MM-DDTHH:mm:SS.sss`, with or without a zone. Raises Usage."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(
            f'Error: Executing consumer group command failed due to Unparseable date: "{text}"'
        ) from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int((at - world.at(0)).total_seconds() * 1_000_000_000)


def _duration_ns(text: str) -> int:
    """`PT10M`, `P1DT2H`. Raises Usage."""
    found = DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise Usage(
            "Error: Executing consumer group command failed due to Text cannot be parsed to a Duration"
        )
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000_000


def offset_at(part: Partition, time_ns: int) -> int:
    """The first offset whose record is not older; the end if there is none."""
    low, high = 0, part.watermark
    while low < high:
        middle = (low + high) // 2
        record = part.record(middle)
        if record is not None and record.time_ns < time_ns:
            low = middle + 1
        else:
            high = middle
    return low
