"""The demo model names a conversation as a person would."""

import pytest

from mamba_adapters.demo.titles import title_of


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("Show me a contact form", "Contact form"),
        ("Draw a line, a bar, a pie and an area chart", "Line, bar, pie and area chart"),
        ("What is the weather in Lisbon?", "Weather in Lisbon"),
        ("What is in this picture?", "What is in this picture"),
        ("Think about why the evening sky is red", "Why the evening sky is red"),
        ("Tell me about green mambas, with sources", "Green mambas"),
        ("Write a long answer about tea", "Tea"),
        ("How do I reset my password when I lost my phone?", "Reset my password"),
        (
            "Could you please explain how photosynthesis works in plants that live under water?",
            "How photosynthesis works in plants",
        ),
        ("Hello there! Please show a table of ways to brew coffee", "Hello there"),
        ("Hello, can you write a Python script?", "Python script"),
        ("Where am I? Get location", "Where am I"),
        ("Is version 2.5 faster?\nI am not sure.", "Is version 2.5 faster"),
        ("Hi", "Hi"),
        ("Please?", "Please"),
        ("请介绍一下北京的历史。谢谢！", "请介绍一下北京的历史"),
        ("?!", "New conversation"),
        ("", "New conversation"),
    ],
)
def test_a_title_says_what_the_first_sentence_is_about(asked: str, title: str) -> None:
    assert title_of(asked) == title


def test_a_title_is_short_and_ends_with_a_word_that_can_end_it() -> None:
    assert title_of("Compare the price of apples in the markets of Lisbon") == "Compare the price of apples"
    assert len(title_of("x" * 500)) == 60


def test_odd_text_takes_no_longer_than_any_other() -> None:
    assert title_of(", " * 20_000 + "tea") == "Tea"
    assert title_of("please " * 5_000 + "tea") == "Tea"
