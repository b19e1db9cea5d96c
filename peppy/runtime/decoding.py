"""From what travels to a node's values: msgspec reads and checks, then dataclasses are built.

A private `Struct` per object, with the document's field names and the types' bounds, lets all
reading and checking happen in C; what is left in Python is one constructor call per object.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from peppy.runtime.primitives import list_of, seconds, wire_type
from peppy.runtime.shape import Shape, Slot
from peppy.schema.formats import Array, Kind, Primitive

FromWire = Callable[[Any], Any]
"""Turns one checked travelling value into what a node sees."""


def compile_from_wire(shape: Shape) -> tuple[type[msgspec.Struct], FromWire]:
    """Return the type as which a payload is read, and the way from it to the dataclass."""
    message = shape.message
    readers = [_slot_from_wire(slot) for slot in shape.slots]
    wire = _wire_struct(shape, [kind for kind, _ in readers])
    changes = tuple((index, change) for index, (_, change) in enumerate(readers) if change)
    if not changes:
        return wire, lambda value: message(*astuple(value))

    def build(value: Any) -> Any:
        values = list(astuple(value))
        for index, change in changes:
            item = values[index]
            if item is not None:
                values[index] = change(item)
        return message(*values)

    return wire, build


def _wire_struct(shape: Shape, kinds: list[Any]) -> type[msgspec.Struct]:
    names = [f"f{index}" for index in range(len(kinds))]
    return msgspec.defstruct(
        f"{shape.message.__name__}Wire",
        [
            (name, kind | None, None) if slot.optional else (name, kind)
            for name, kind, slot in zip(names, kinds, shape.slots, strict=True)
        ],
        rename=dict(zip(names, (slot.name for slot in shape.slots), strict=True)),
        kw_only=True,  # An optional field may stand before one that is required.
        frozen=True,
        gc=False,
    )


def _slot_from_wire(slot: Slot) -> tuple[Any, FromWire | None]:
    nested = slot.nested
    match slot.type:
        case Primitive(kind=kind):
            return wire_type(kind), seconds if kind is Kind.TIME else None
        case Array(items=Primitive(kind=Kind.U8), length=length):
            return _sized(bytes, length), None
        case Array(items=Primitive(kind=kind), length=length):
            items = _sized(list_of(wire_type(kind)), length)
            return items, _each(seconds) if kind is Kind.TIME else None
        case Array(length=length) if nested is not None:
            wire, build = compile_from_wire(nested)
            return _sized(list_of(wire), length), _each(build)
        case _ if nested is not None:
            return compile_from_wire(nested)
        case _:
            raise TypeError(f"field '{slot.name}' has no shape")


def _sized(kind: Any, length: int | None) -> Any:
    if length is None:
        return kind
    return Annotated[kind, msgspec.Meta(min_length=length, max_length=length)]


def _each(change: FromWire) -> FromWire:
    return lambda values: [change(value) for value in values]
