"""The entries of postmortems/: complete in both languages, honest about sources, strictly read."""

import re
from pathlib import Path

import pytest
import yaml

from agent.library import POSTMORTEMS, Incident, LibraryError, read_incident, read_incidents

ENTRIES = read_incidents()
ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


def spoil(tmp_path: Path, change: str, to: str) -> Path:
    """A copy of a good file with one stretch replaced."""
    source = POSTMORTEMS / "heroku-2020-09-config-var.yaml"
    text = source.read_text(encoding="utf-8")
    assert change in text
    copy = tmp_path / source.name
    copy.write_text(text.replace(change, to, 1), encoding="utf-8")
    return copy


def test_the_readme_lists_exactly_the_incidents_there_are() -> None:
    readme = (POSTMORTEMS / "README.md").read_text(encoding="utf-8")
    listed = ROW.findall(readme.partition("## The incidents")[2])
    assert listed == sorted(set(listed))
    assert listed == list(ENTRIES)


def test_the_readme_names_every_field_of_a_file() -> None:
    readme = (POSTMORTEMS / "README.md").read_text(encoding="utf-8")
    assert [field for field in Incident.model_fields if f"| `{field}` |" not in readme] == []


def test_there_is_material_for_the_demo_and_for_other_scenarios() -> None:
    def about(*themes: str) -> int:
        return sum(1 for incident in ENTRIES.values() if set(themes) & set(incident.themes))

    assert about("t01_db_pool_slow_query", "t02_cascade_retry_peak", "t13_config_deploy") >= 18
    for theme in ("t03_kafka_queue", "t04_failover_replication", "t06_locks_migrations_xid"):
        assert about(theme) >= 3, theme
    assert about("t07_deletion_backups") >= 2
    assert about("t12_kubernetes") >= 3


@pytest.mark.parametrize("incident", ENTRIES.values(), ids=lambda incident: incident.id)
def test_both_languages_tell_the_same_story_at_length(incident: Incident) -> None:
    texts = [incident.title, incident.summary, incident.lesson, incident.interview_question]
    for text in [*texts, *(action.text for action in incident.actions)]:
        assert re.search("[а-яё]", text.ru), text.ru
        assert not re.search("[а-яё]", text.en, re.IGNORECASE), text.en
    assert 0.75 < len(incident.summary.ru) / len(incident.summary.en) < 1.35
    for language in ("ru", "en"):
        assert 3 <= len(SENTENCE_END.findall(incident.summary.of(language))) <= 6
    # A figure in one language is a figure in the other: years, times, counts of two digits and more.
    assert figures(incident.summary.ru) == figures(incident.summary.en)


def figures(text: str) -> set[str]:
    """Numbers of at least two digits, whatever the language puts between thousands and decimals."""
    bare = re.sub(r"(?<=\d)[,.\u00a0](?=\d)", "", text)
    return set(re.findall(r"\d{2,}", bare))


def test_second_hand_facts_are_called_second_hand(tmp_path: Path) -> None:
    assert any(incident.source_checked == "read_secondary" for incident in ENTRIES.values())
    path = spoil(tmp_path, "second-hand", "well")
    with pytest.raises(LibraryError, match=r"heroku-2020-09-config-var\.yaml: .*second-hand"):
        read_incident(path)


@pytest.mark.parametrize(
    ("change", "to", "field"),
    [
        ("organisation:", "organization:", "organisation"),
        ("source_url: https://", "source_url: http://", "source_url"),
        ("source_checked: read_secondary", "source_checked: from_memory", "source_checked"),
        ("themes: [t13_config_deploy]", "themes: [t99_gremlins]", "themes.0"),
        ('date: "2020-09-03"', "date: 2020-09-03", "date"),
        ("- kind: prevent", "- kind: pray", "actions.0.kind"),
        ("id: heroku-2020-09-config-var", "id: heroku", "id"),
        ("  en: >-\n    Code and config that need each other must ship as one unit.\n", "", "lesson.en"),
        ("Code and config that need each other must ship as one unit.", "\n", "lesson.en"),
        ("components:", "mood: grim\ncomponents:", "mood"),
    ],
)
def test_a_mistake_is_reported_with_file_and_field(tmp_path: Path, change: str, to: str, field: str) -> None:
    path = spoil(tmp_path, change, to)
    with pytest.raises(
        LibraryError, match=rf"^heroku-2020-09-config-var\.yaml: {re.escape(field)}: "
    ) as raised:
        read_incident(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["{", "- a\n- b\n", "", "\x00", "a: &a [*a]"])
def test_what_is_no_mapping_is_reported_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LibraryError, match=r"^odd\.yaml: "):
        read_incident(path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no incident"):
        read_incidents(tmp_path)


def test_the_files_are_plain_yaml_without_long_lines() -> None:
    for path in sorted(POSTMORTEMS.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        assert isinstance(yaml.safe_load(text), dict)
        long = [line for line in text.splitlines() if len(line) > 110 and not line.startswith("source_url:")]
        assert long == [], path.name
