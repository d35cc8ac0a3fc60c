"""Russian nouns agree with their numbers, wherever a template counts something."""

import re
from pathlib import Path

import pytest

from agent.plural import form, speak

ROOT = Path(__file__).resolve().parents[2]
REQUEST = ("запрос", "запроса", "запросов")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "запросов"), (1, "запрос"), (2, "запроса"), (4, "запроса"), (5, "запросов"), (11, "запросов"),
        (12, "запросов"), (14, "запросов"), (21, "запрос"), (22, "запроса"), (111, "запросов"), (112, "запросов"),
        (121, "запрос"), (366_485, "запросов"), (39_903, "запроса"), (-1, "запрос"), (1.5, "запроса"), (2.0, "запроса"),
    ],
)  # fmt: skip
def test_a_noun_agrees_with_its_number(number: float, said: str) -> None:
    assert form(number, REQUEST) == said


def test_a_template_carries_the_forms() -> None:
    assert speak("{n:заказ|заказа|заказов} за {s} с", "ru", n=39_901, s=5) == "39\u00a0901 заказ за 5 с"
    assert speak("{n:order|orders}", "en", n=1) == "1 order"
    assert speak("{n} из {all}", "ru", n=999, all=366_485) == "999 из 366\u00a0485"
    assert speak("{all}", "en", all=366_485) == "366,485"
    assert speak("{p:.1f}", "en", p=0.25) == "0.2"


def test_a_form_needs_a_number() -> None:
    with pytest.raises(ValueError, match="forms"):
        speak("{n:заказ|заказа|заказов}", "ru", n="много")


COUNTED = re.compile(
    r"\{[a-z_]+\} (?:неудачных |отложенных )?(?:запрос|заказ|отказ|минут|секунд|мер|записей|нарушен|слов|прогон|вопрос)\w*"
)


@pytest.mark.parametrize("folder", ["agent", "prompts", "api"])
def test_no_template_has_one_fixed_form_behind_a_number(folder: str) -> None:
    """Except where the case is the same for every number ("{n} мер из {of}" is a genitive, guarded by a key)."""
    allowed = {
        "{p} неудачных",
        "{p} нарушений",
        "{n} мер",
        "{limit} из",
        "{rps} запросов",
        "{limit} запросов",
        "{before} запросов",
        "{said} запросов",
    }
    found = []
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in (".py", ".yaml"):
            for match in COUNTED.finditer(path.read_text(encoding="utf-8")):
                if not any(match.group().startswith(a) for a in allowed):
                    found.append(f"{path.name}: {match.group()}")
    assert found == []
