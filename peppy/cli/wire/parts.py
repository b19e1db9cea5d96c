"""What an expression over a message is made of: values with a sort, and ways to look at them."""

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from peppy.schema.formats import Array, Field, FieldType, Kind, Object, Primitive

Values = Mapping[str, Any]

Look = Callable[[Values], Any]
"""Returns what an expression comes to in one message; None where a field is absent."""


class Sort(enum.Enum):
    """What kind of value an expression comes to, as sentences name it."""

    BOOL = "true or false"
    NUMBER = "a number"
    TEXT = "text"
    BYTES = "bytes"
    LIST = "a list"
    OBJECT = "an object"
    NOTHING = "null"


class Part(msgspec.Struct, frozen=True):
    """One expression, understood."""

    sort: Sort
    look: Look
    path: str | None = None
    """What it is called if it is a field."""
    fields: tuple[Field, ...] = ()
    """Of an object."""
    items: FieldType | None = None
    """Of a list of the message."""
    constants: "tuple[Part, ...] | None" = None
    """Of a list that is written out."""


def part_of(kind: FieldType, path: str, look: Look) -> Part:
    """Return a field of this type as a part."""
    match kind:
        case Object(fields=fields):
            return Part(Sort.OBJECT, look, path, fields=fields)
        case Array(items=Primitive(kind=Kind.U8)):
            return Part(Sort.BYTES, look, path, items=Primitive(Kind.U8))
        case Array(items=items):
            return Part(Sort.LIST, look, path, items=items)
        case Primitive(kind=Kind.BOOL):
            return Part(Sort.BOOL, look, path)
        case Primitive(kind=Kind.STRING):
            return Part(Sort.TEXT, look, path)
        case Primitive(kind=Kind.BYTES):
            return Part(Sort.BYTES, look, path, items=Primitive(Kind.U8))
        case Primitive():
            return Part(Sort.NUMBER, look, path)


def one(function: Callable[[Any], Any], look: Look) -> Look:
    """Return the function of one part; what is absent stays so."""

    def result(values: Values) -> Any:
        value = look(values)
        return None if value is None else function(value)

    return result


def both(function: Callable[[Any, Any], Any], left: Look, right: Look) -> Look:
    """Return whether the function holds of two parts that are both there."""

    def result(values: Values) -> Any:
        first, second = left(values), right(values)
        return first is not None and second is not None and function(first, second)

    return result


def within(item: Look, many: Look) -> Look:
    """Return whether one part stands in another."""

    def result(values: Values) -> Any:
        container = many(values)
        return container is not None and item(values) in container

    return result
