"""Messages as they are typed."""

from typing import Any

import pytest

from peppy.cli.usage import Usage
from peppy.cli.wire.values import NotValues, parse_values
from peppy.schema.errors import DocumentError, PeppyError

CASES: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (["{}"], {}),
    (["{a: 1.5, 'b': [1, 2,], /* so */ c: {d: null}}"], {"a": 1.5, "b": [1, 2], "c": {"d": None}}),
    (["{text: 'a=b'}"], {"text": "a=b"}),
    (["speed=1.5", "name=left"], {"speed": 1.5, "name": "left"}),
    (["header.frame=7", "header.at=0", "ok=true"], {"header": {"frame": 7, "at": 0}, "ok": True}),
    (["list=[1, 2]", "inner={a: 1}"], {"list": [1, 2], "inner": {"a": 1}}),
    (["name=a b", "empty=", "quoted='7'"], {"name": "a b", "empty": "", "quoted": "7"}),
    (["url=http://host/x?a=b"], {"url": "http://host/x?a=b"}),
]


@pytest.mark.parametrize(("words", "values"), CASES)
def test_values_are_an_object_or_words(words: list[str], values: dict[str, Any]) -> None:
    assert parse_values(words, "topic 'x'") == values


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["{speed: }"], DocumentError, "the values for topic 'x'"),
        (["[1, 2]"], NotValues, "are an object, not a list"),
        (["7"], NotValues, "are an object, not a whole number"),
        (["speed"], DocumentError, "1:1"),
        (["speed=1", "fast"], Usage, "'fast' is no value of a field"),
        (["{a: 1}", "b=2"], Usage, "is no value of a field"),
        (["a=1", "a=2"], NotValues, "field 'a' of topic 'x' is given twice"),
        (
            ["a=1", "a.b=2"],
            NotValues,
            "field 'a' of topic 'x' is given as a value and as an object",
        ),
    ],
)
def test_what_is_no_message_is_a_sentence(
    words: list[str], error: type[PeppyError], said: str
) -> None:
    with pytest.raises(error) as caught:
        parse_values(words, "topic 'x'")
    assert said in caught.value.sentence
