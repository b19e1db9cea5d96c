"""Words in problems: safe to print, short, and helpful."""

from peppy.schema.wording import did_you_mean, either, nearest, quoted


def test_a_quote_shows_control_characters_as_escapes() -> None:
    assert quoted("a\x1b[2Jb\n") == r"'a\x1b[2Jb\n'"


def test_a_long_text_is_cut() -> None:
    assert quoted("x" * 100) == f"'{'x' * 59}…'"


def test_the_nearest_word_does_not_depend_on_case() -> None:
    assert nearest("Sensor_Data", ["sensor_data", "standard"]) == "sensor_data"


def test_nothing_is_guessed_where_nothing_is_near() -> None:
    assert did_you_mean("zebra", ["u8", "u16"]) == ""


def test_a_choice_is_listed_with_or() -> None:
    assert either(["a", "b", "c"]) == "'a', 'b' or 'c'"
