"""How Kafka's tools read their words: joptsimple's long options, `--name value` or `--name=value`."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.reply import Reply, failure


class Usage(Exception):
    """What joptsimple or the tool itself says about the words."""


@dataclass
class Words:
    """Options by name without dashes; a repeated one keeps all its values. Flags have the value ""."""

    found: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.found

    def get(self, name: str, default: str = "") -> str:
        return self.found[name][-1] if name in self.found else default

    def all(self, name: str) -> list[str]:
        return self.found.get(name, [])

    def number(self, name: str, default: int) -> int:
        if name not in self.found:
            return default
        text = self.get(name)
        try:
            return int(text)
        except ValueError:
            raise Usage(f"Cannot parse argument '{text}' of option {name}") from None


def parse(argv: list[str], valued: tuple[str, ...], flags: tuple[str, ...]) -> Words:
    """The words after the tool's name. Unambiguous abbreviations count, as joptsimple has them."""
    words = Words()
    known = {*valued, *flags}
    rest = argv[1:]
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            words.rest.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in known:
            close = [k for k in sorted(known) if k.startswith(name)]
            if len(close) != 1:
                raise Usage(f"{name} is not a recognized option")
            name = close[0]
        if name in flags:
            value = ""
        elif not equals:
            if not rest or rest[0].startswith("--"):
                raise Usage(f"Option {name} requires an argument")
            value = rest.pop(0)
        words.found.setdefault(name, []).append(value)
    return words


def unreachable() -> Reply:
    """No broker answers: what the admin client says after its minute."""
    text = "Timed out waiting for a node assignment. Call: listTopics"
    return failure(
        f"Error while executing command : {text}\n"
        f"[main] ERROR org.apache.kafka.common.errors.TimeoutException: {text}",
        1,
    )
