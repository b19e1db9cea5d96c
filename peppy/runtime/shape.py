"""A message format laid over the dataclass that shows it: which attribute holds which field.

The generated dataclass has the format's fields in the format's order, under names that Python
accepts; so the two are paired by position, once, when a codec is compiled.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import msgspec

from peppy.schema.formats import Array, Field, FieldType, Object, Primitive


class Slot(msgspec.Struct, frozen=True):
    """One field of a format and where it stands in the dataclass."""

    name: str
    """As in the document, and on the wire."""
    attribute: str
    """As in Python."""
    type: FieldType
    optional: bool
    nested: "Shape | None"
    """Of the object, or of the array's objects; None for primitives and arrays of them."""


class Shape(msgspec.Struct, frozen=True):
    """A dataclass and its fields."""

    message: type
    slots: tuple[Slot, ...]


def shape_of(fields: Iterable[Field], message: type) -> Shape:
    """Return how `message` shows `fields`.

    Raises `TypeError` if the dataclass is not one for these fields: bindings of another format.
    """
    declared = tuple(fields)
    attributes = dataclasses.fields(message)
    if len(declared) != len(attributes):
        raise TypeError(
            f"{message.__qualname__} has {len(attributes)} fields, its format {len(declared)}"
        )
    return Shape(
        message,
        tuple(
            Slot(
                name=field.name,
                attribute=attribute.name,
                type=field.type,
                optional=field.optional,
                nested=_nested(field.type, message, attribute),
            )
            for field, attribute in zip(declared, attributes, strict=True)
        ),
    )


def _nested(kind: FieldType, message: type, attribute: "dataclasses.Field[Any]") -> Shape | None:
    match kind:
        case Primitive() | Array(items=Primitive()):
            return None
        case Array(items=Object(fields=fields)) | Object(fields=fields):
            hint: Any = attribute.type
            if isinstance(hint, str):  # only then: some annotations mean nothing at run time
                hint = get_type_hints(message)[attribute.name]
            found = _dataclass_in(hint)
            if found is None:
                raise TypeError(f"{hint!r} holds no dataclass to show an object")
            return shape_of(fields, found)
        case _:
            raise TypeError(f"{kind!r} is not a field's type")


def _dataclass_in(hint: Any) -> type | None:
    """Return the dataclass in `Header`, `list[Header]`, `Header | None` and their like."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _dataclass_in(part))), None)
