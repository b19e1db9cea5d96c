"""Message formats as values: what a topic, a service or an action carries.

A format is an ordered list of fields. A field's type is a primitive, an array or an object. Only
the fields at the root may be optional. Source: seed 003, "Message Format".

This module holds the values only; `peppy.schema.format_reader` makes them from a document.
"""

import enum
import hashlib

import msgspec


class Kind(enum.StrEnum):
    """A primitive type, under its canonical name (`float`, `double`, `str` are aliases)."""

    BOOL = "bool"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    STRING = "string"
    BYTES = "bytes"
    TIME = "time"


class Primitive(msgspec.Struct, frozen=True, tag="primitive"):
    """One value."""

    kind: Kind


class Array(msgspec.Struct, frozen=True, tag="array"):
    """Many values of one type; `length` is their number where it is fixed."""

    items: "Primitive | Object"
    length: int | None = None


class Object(msgspec.Struct, frozen=True, tag="object"):
    """A group of fields."""

    fields: "tuple[Field, ...]"


FieldType = Primitive | Array | Object


class Field(msgspec.Struct, frozen=True):
    """A named value of a format or of an object in it."""

    name: str
    type: FieldType
    optional: bool = False


class MessageFormat(msgspec.Struct, frozen=True):
    """All that one message carries, in the order in which the document declares it."""

    fields: tuple[Field, ...]

    def canonical(self) -> str:
        """Return a text that two formats share exactly when their messages fit one another.

        The order of fields does not count: payloads are maps keyed by name.
        """
        return _canonical(Object(self.fields))

    def fingerprint(self) -> int:
        """Return 64 bits of the canonical text's SHA-256, as an unsigned integer."""
        digest = hashlib.sha256(self.canonical().encode()).digest()
        return int.from_bytes(digest[:8], "big")


def _canonical(kind: FieldType) -> str:
    match kind:
        case Primitive():
            return kind.kind.value
        case Array():
            length = "" if kind.length is None else str(kind.length)
            return f"[{_canonical(kind.items)};{length}]"
        case Object():
            fields = sorted(kind.fields, key=lambda field: field.name)
            inner = ",".join(
                f"{f.name}{'?' if f.optional else ''}:{_canonical(f.type)}" for f in fields
            )
            return "{" + inner + "}"
