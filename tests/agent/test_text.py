"""Cutting and normalising text: offsets always lead back into the original."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.text import guess_language, lemmas, normalise, sentences, split_items, tokens

WILD = st.text(
    alphabet=st.one_of(
        st.sampled_from("abc аеёжй.,;:!?()-–—\n\r\t1290%|#*•\u200b\u0301\u00a0\ufb01½ﬁАВ"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=200,
)


@settings(max_examples=150, deadline=None)
@given(WILD)
def test_every_normalised_character_comes_from_a_place_in_the_original(text: str) -> None:
    norm = normalise(text)
    assert len(norm.starts) == len(norm.ends) == len(norm.text)
    assert all(0 <= a < b <= len(text) for a, b in zip(norm.starts, norm.ends, strict=True))
    assert list(norm.starts) == sorted(norm.starts)


@settings(max_examples=150, deadline=None)
@given(WILD)
def test_spans_and_tokens_lie_in_the_original_and_in_order(text: str) -> None:
    for spans in (sentences(text), split_items(text)):
        assert all(text[s.start : s.end] == s.text for s in spans)
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    words = tokens(text)
    assert all(0 <= w.start < w.end <= len(text) for w in words)
    assert all(a.start <= b.start for a, b in zip(words, words[1:], strict=False))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abcdeклмно ёйщ.,!\n", max_size=80))
def test_plain_text_is_left_alone_apart_from_mixed_words(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


def test_look_alikes_inside_a_word_are_folded_and_mixed_terms_are_not() -> None:
    assert normalise("cаnаry").text == "canary"  # Cyrillic а
    assert normalise("кaнaрейка").text == "канарейка"  # Latin a
    assert normalise("SLOшный").text == "SLOшный"


def test_invisible_characters_and_compatibility_forms_disappear() -> None:
    assert normalise("roll\u200bback \uff11\uff10\u00a0%").text == "rollback 10 %"
    assert lemmas("roll\u00adbacks") == ["rollback"]


def test_a_quote_found_through_noise_is_cut_from_the_original() -> None:
    text = "до: al\u200bert при 80 %"
    word = next(w for w in tokens(text) if w.text == "alert")
    assert text[word.start : word.end] == "al\u200bert"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Меры:\n- Алерт на пул > 80 %\n  дольше 30 с\n- Канарейка 5 %",
            ["Алерт на пул > 80 %\n  дольше 30 с", "Канарейка 5 %"],
        ),
        (
            "We will: 1) add a canary 2) cap retries 3) rehearse rollback",
            ["add a canary", "cap retries", "rehearse rollback"],
        ),
        (
            "Add a canary. Cap retries at 1.5x, e.g. by a budget.",
            ["Add a canary.", "Cap retries at 1.5x, e.g. by a budget."],
        ),
        (
            "## Plan\n| fix | owner |\n|---|---|\n| index on status | Ann |",
            ["| fix | owner |", "| index on status | Ann |"],
        ),
        ("1. Лимит 10 % т.е. бюджет\n2. Откат за 2 мин", ["Лимит 10 % т.е. бюджет", "Откат за 2 мин"]),
    ],
)
def test_items_are_what_a_reader_would_count(text: str, expected: list[str]) -> None:
    assert [item.text for item in split_items(text)] == expected


def test_a_hard_wrapped_paragraph_is_one_sentence() -> None:
    text = "The pool was exhausted because every request now issued fifteen additional\nqueries and held its connection."
    assert len(sentences(text)) == 1


def test_language_is_guessed_in_spite_of_borrowed_terms() -> None:
    assert guess_language("Поставили предохранитель (circuit breaker) и ограничили повторы") == "ru"
    assert guess_language("We restarted the pods") == "en"


def test_words_fall_into_lemmas_of_both_languages() -> None:
    assert lemmas("исчерпанием пулов соединений") == ["исчерпание", "пул", "соединение"]
    assert lemmas("CircuitBreakers n + 1, v2.8.1 at 5xx") == [
        "circuit",
        "breaker",
        "n+1",
        "v2.8.1",
        "at",
        "5xx",
    ]


def test_what_steers_a_terminal_is_no_word_of_the_author() -> None:
    hidden = "\x1b]0;owned\x07Пул \x1b[1;31mвырос\x1b[0m до 60\x1b]8;;https://example.org\x1b\\."
    found = normalise(hidden)
    assert found.text == "Пул вырос до 60."
    assert [token.text for token in tokens(hidden)] == ["пул", "вырос", "до", "60"]
    assert found.span(0, 3).text == "Пул"
