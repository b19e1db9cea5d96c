"""How much of what a node says unasked is listened to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.actors.rules.notices import (
    CUT_OFF,
    KEPT,
    LONGEST,
    MINUTE,
    MOST_A_MINUTE,
    Heard,
    hear,
    one_line,
)


def said(heard: Heard, number: int, now: float) -> tuple[Heard, list[str]]:
    """Have `number` different sentences said at once; return the texts for the log as well."""
    logged: list[str] = []
    for each in range(number):
        heard, text = hear(heard, f"notice {each} at {now:g}", now)
        if text is not None:
            logged.append(text)
    return heard, logged


def test_a_sentence_is_shown_and_logged() -> None:
    heard, text = hear(Heard(), "the motor is hot", 5.0)
    assert (heard.warnings, text) == (("the motor is hot",), "the motor is hot")


def test_a_sentence_that_comes_again_is_logged_again_and_shown_once() -> None:
    heard, _ = hear(Heard(), "a", 1.0)
    heard, _ = hear(heard, "b", 2.0)
    heard, text = hear(heard, "a", 3.0)
    assert (heard.warnings, text) == (("b", "a"), "a")


def test_the_oldest_gives_way_when_there_are_too_many() -> None:
    heard, _ = said(Heard(), KEPT + 3, 0.0)
    assert len(heard.warnings) == KEPT
    assert heard.warnings[0] == "notice 3 at 0"


def test_a_flood_is_cut_off_with_one_line() -> None:
    heard, logged = said(Heard(), 10 * MOST_A_MINUTE, 0.0)
    assert len(logged) == MOST_A_MINUTE + 1
    assert logged[-1] == heard.warnings[-1] == CUT_OFF


def test_a_flood_that_goes_on_for_hours_stays_cut_off() -> None:
    heard = Heard()
    logged: list[str] = []
    for minute in range(180):
        heard, texts = said(heard, MOST_A_MINUTE + 1, minute * MINUTE)
        logged += texts
    assert len(logged) == MOST_A_MINUTE + 1


@pytest.mark.parametrize("quiet", ["few", "none"])
def test_after_a_minute_within_the_limit_it_is_listened_to_again(quiet: str) -> None:
    heard, _ = said(Heard(), MOST_A_MINUTE + 1, 0.0)
    if quiet == "few":
        heard, logged = said(heard, 1, MINUTE)
        assert logged == []
    heard, logged = said(heard, 1, 2 * MINUTE)
    assert logged == ["notice 0 at 120"]


@given(st.text())
def test_whatever_is_said_is_one_short_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert one_line(line) == line.strip()


@pytest.mark.parametrize("sentence", ["", "\n\x1b\0", "   "])
def test_what_says_nothing_is_not_shown(sentence: str) -> None:
    heard, text = hear(Heard(), sentence, 0.0)
    assert (heard.warnings, text) == ((), None)
