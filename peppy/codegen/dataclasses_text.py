"""Dataclasses from message formats. Source: behaviour.md 5 and 8.2."""

from collections.abc import Iterator
from typing import Final

import msgspec

from peppy.codegen.python_text import Builtins, attribute, class_name, docstring, lines
from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Object, Primitive
from peppy.schema.identifiers import identifier

PYTHON_TYPES: Final[dict[Kind, str]] = {
    Kind.BOOL: "bool",
    Kind.F32: "float",
    Kind.F64: "float",
    Kind.STRING: "str",
    Kind.BYTES: "bytes",
    Kind.TIME: "float",
}
"""The built-in type that holds each primitive; all the others are held by `int`."""

TIME_UNIT: Final = "seconds since the epoch"


class Attribute(msgspec.Struct, frozen=True):
    """A field as generated code shows it."""

    name: str
    type: str
    default: str
    """` = None`, or nothing."""
    description: str


class Dataclasses(msgspec.Struct, frozen=True):
    """A message's class and those nested in it, as source text."""

    text: str
    attributes: tuple[Attribute, ...]
    """Of the message itself, in the format's order."""


def message_dataclasses(
    message: MessageFormat,
    description: str,
    builtins: Builtins,
    taken: set[str],
    name: str = "Message",
) -> Dataclasses:
    """Return the class `name`, after the classes of the objects in it.

    `taken` are the names that the module uses itself; it grows by those of the classes.
    """
    writer = _Writer(builtins, taken)
    taken.add(name)
    attributes = writer.write(name, message.fields, description)
    return Dataclasses("\n\n".join(writer.classes), attributes)


def field_names(message: MessageFormat) -> set[str]:
    """Return every identifier that a field anywhere in the format becomes."""
    return {identifier(field.name) for field in _all_fields(message.fields)}


def python_type(kind: Kind) -> str:
    """Return the name of the built-in type that holds one value of `kind`."""
    return PYTHON_TYPES.get(kind, "int")


def class_text(name: str, description: str, attributes: tuple[Attribute, ...], more: str) -> str:
    """Return a dataclass: its fields with their docstrings, then `more`, already indented."""
    text = lines("@dataclass(slots=True)", f"class {name}:")
    text += lines(docstring(description), depth=1)
    for each in attributes:
        field = f"{each.name}: {each.type}{each.default}"
        text += "\n" + lines(field, docstring(each.description), depth=1)
    return f"{text}\n{more}" if more else text


class _Writer:
    def __init__(self, builtins: Builtins, taken: set[str]) -> None:
        self.classes: list[str] = []
        self._builtins = builtins
        self._taken = taken

    def write(
        self, name: str, fields: tuple[Field, ...], description: str
    ) -> tuple[Attribute, ...]:
        """Add the class `name`, and before it those that it needs; return its attributes."""
        names: set[str] = set()
        last_required = max((i for i, f in enumerate(fields) if not f.optional), default=-1)
        attributes = tuple(
            Attribute(
                name=attribute(field.name, names),
                type=self._type(name, field) + (" | None" if field.optional else ""),
                # A field without a default cannot follow one that has a default.
                default=" = None" if index > last_required else "",
                description=_described(field),
            )
            for index, field in enumerate(fields)
        )
        self.classes.append(class_text(name, description, attributes, ""))
        return attributes

    def _type(self, owner: str, field: Field) -> str:
        match field.type:
            case Primitive(kind=kind):
                return self._builtins(python_type(kind))
            case Array(items=Primitive(kind=Kind.U8)):
                return self._builtins("bytes")
            case Array(items=Primitive(kind=kind)):
                return f"{self._builtins('list')}[{self._builtins(python_type(kind))}]"
            case Array(items=Object(fields=fields)):
                items = self._nested(owner, f"{field.name}_item", fields, f"One of `{field.name}`.")
                return f"{self._builtins('list')}[{items}]"
            case Object(fields=fields):
                return self._nested(owner, field.name, fields, f"What `{field.name}` holds.")
            case _:
                raise TypeError(f"{field.type!r} is not a field's type")

    def _nested(self, owner: str, name: str, fields: tuple[Field, ...], description: str) -> str:
        nested = class_name(owner, name, self._taken)
        self.write(nested, fields, description)
        return nested


def _all_fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        match field.type:
            case Object(fields=inner) | Array(items=Object(fields=inner)):
                yield from _all_fields(inner)
            case _:
                pass


def _described(field: Field) -> str:
    declared = f"`{field.name}`: {_declared(field.type)}"
    return f"{declared}; optional." if field.optional else f"{declared}."


def _declared(kind: FieldType) -> str:
    match kind:
        case Primitive(kind=Kind.TIME):
            return f"time, {TIME_UNIT}"
        case Primitive():
            return kind.kind.value
        case Object():
            return "object"
        case Array(items=items, length=length):
            count = "" if length is None else f"{length} "
            return f"array of {count}{'objects' if isinstance(items, Object) else _declared(items)}"
