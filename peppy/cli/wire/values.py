"""A message as it is typed: one JSON5 object, or `field=value` words."""

from collections.abc import Sequence
from typing import Any, cast

from peppy.cli.usage import Usage
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.json5 import parse
from peppy.schema.wording import described, quoted


class NotValues(PeppyError):
    """What was typed is no message."""

    kind = "values"


def parse_values(words: Sequence[str], what: str) -> dict[str, Any]:
    """Return the values that `words` say; no words say none.

    Either one word is a JSON5 object, or each is `field=value`, with dots for nested fields and a
    value that is JSON5, or else is taken as text. `what` is the message, as in `topic 'drive'`.
    Raises `NotValues`, `DocumentError` for broken JSON5, and `Usage` for other words.
    """
    if not words:
        return {}
    if len(words) == 1 and not _is_assignment(words[0]):
        value = parse(words[0], f"the values for {what}").value
        if not isinstance(value, dict):
            raise NotValues(
                f"the values for {what} are an object, not {described(value)}",
                hint="write them as in '{speed: 1.5}' or as in: speed=1.5",
            )
        return cast("dict[str, Any]", value)
    values: dict[str, Any] = {}
    for word in words:
        if not _is_assignment(word):
            raise Usage(
                f"{quoted(word)} is no value of a field",
                hint="write one object, as in '{speed: 1.5}', or words as in: speed=1.5",
            )
        path, _, text = word.partition("=")
        _put(values, path, _value(text), what)
    return values


def _is_assignment(word: str) -> bool:
    path, equals, _ = word.partition("=")
    # An object can hold a '=' as well, but not before its first brace or quote.
    return bool(equals) and bool(path.strip()) and not set(path) & set("{[\"'/:")


def _value(text: str) -> object:
    try:
        return parse(text, "a value").value
    except DocumentError:
        return text


def _put(values: dict[str, Any], path: str, value: object, what: str) -> None:
    *groups, last = path.strip().split(".")
    inner = values
    for group in groups:
        found = inner.setdefault(group, {})
        if not isinstance(found, dict):
            raise NotValues(f"field {quoted(group)} of {what} is given as a value and as an object")
        inner = cast("dict[str, Any]", found)
    if last in inner:
        raise NotValues(f"field {quoted(path)} of {what} is given twice")
    inner[last] = value
