"""The class `MessageView`: a message whose arrays of numbers are views of what arrived."""

from typing import Final

import msgspec

from peppy.codegen.dataclasses_text import Attribute, Dataclasses, class_text
from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Primitive

VIEWS: Final = ("BoolView", "FloatView", "IntView")
"""Names that generated code imports for the types of views."""

_OTHERS: Final = {Kind.BOOL: "BoolView", Kind.F32: "FloatView", Kind.F64: "FloatView"}

_NONE: Final = frozenset({Kind.U8, Kind.STRING, Kind.BYTES, Kind.TIME})
"""Arrays of these have no view: octets are `bytes` already, the others are no numbers."""


def takes_buffers(field: Field) -> bool:
    """Say whether a sender may give anything with the buffer protocol for this field."""
    match field.type:
        case Primitive(kind=Kind.BYTES) | Array(items=Primitive(kind=Kind.U8)):
            return True
        case _:
            return _view(field.type) is not None


class Viewed(msgspec.Struct, frozen=True):
    """The class as source text, and the types of views that it names."""

    text: str
    imported: set[str]


def views_of(message: MessageFormat, classes: Dataclasses) -> Viewed | None:
    """Return the class for a message whose own class is there; None if it has no such arrays."""
    names = [_view(field.type) for field in message.fields]
    imported = {name for name in names if name is not None}
    if not imported:
        return None
    attributes = tuple(
        each if name is None else _shown(each, name)
        for each, name in zip(classes.attributes, names, strict=True)
    )
    what = "One message, whose arrays of numbers are views of what arrived."
    return Viewed(class_text("MessageView", what, attributes, ""), imported)


def _view(kind: FieldType) -> str | None:
    match kind:
        case Array(items=Primitive(kind=items)) if items not in _NONE:
            return _OTHERS.get(items, "IntView")
        case _:
            return None


def _shown(attribute: Attribute, name: str) -> Attribute:
    optional = " | None" if attribute.type.endswith(" | None") else ""
    return Attribute(
        attribute.name, f'"{name}{optional}"', attribute.default, attribute.description
    )
