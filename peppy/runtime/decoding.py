"""From what travels to a node's values: msgspec reads and checks, then dataclasses are built.

A private `Struct` per object, with the document's field names and the types' bounds, lets all
reading and checking happen in C; what is left in Python is written out once per format and
compiled: one new object, one assignment per field.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from peppy.runtime.packed import (
    Unpackable,
    list_of_packed,
    msgspec_sized,
    packs,
    view_of,
    wire_array,
)
from peppy.runtime.primitives import list_of, seconds, wire_type
from peppy.runtime.shape import Shape, Slot
from peppy.schema.formats import Array, Kind, Primitive

FromWire = Callable[[Any], Any]
"""Turns one checked travelling value into what a node sees."""


def compile_from_wire(
    shape: Shape, *, views: bool = False
) -> tuple[type[msgspec.Struct], FromWire]:
    """Return the type as which a payload is read, and the way from it to the dataclass.

    With `views`, arrays of numbers at the root come out as memoryviews. A field that may travel by
    itself need not be in what is read; the way raises `Unpackable` where it is required and absent.
    """
    readers = [_slot_from_wire(slot, views=views) for slot in shape.slots]
    absent = [slot.optional or _may_be_apart(slot) for slot in shape.slots]
    wire = _wire_struct(shape, [kind for kind, _ in readers], absent)
    required = [a and not slot.optional for a, slot in zip(absent, shape.slots, strict=True)]
    return wire, _builder(shape, [change for _, change in readers], required)


def _may_be_apart(slot: Slot) -> bool:
    match slot.type:
        case Primitive(kind=Kind.BYTES) | Array(items=Primitive(kind=Kind.U8)):
            return True
        case Array(items=Primitive(kind=kind), length=None):
            return packs(kind)
        case _:
            return False


def _builder(shape: Shape, changes: list[FromWire | None], required: list[bool]) -> FromWire:
    known: dict[str, Any] = {
        "new": object.__new__,
        "Message": shape.message,
        "missing": _missing,
    }
    body = ["message = new(Message)"]
    for index, (slot, change) in enumerate(zip(shape.slots, changes, strict=True)):
        value = f"wire.f{index}"
        if required[index]:
            body.append(f"if {value} is None: missing({slot.name!r})")
        if change is not None:
            known[f"change{index}"] = change
            changed = f"change{index}({value})"
            value = f"None if {value} is None else {changed}" if slot.optional else changed
        body.append(f"message.{slot.attribute} = {value}")
    body.append("return message")
    text = "def build(wire):\n" + "".join(f"    {line}\n" for line in body)
    # Everything in the text is ours, but for names that are identifiers or stand in it as literals.
    exec(compile(text, "<build>", "exec"), known)  # noqa: S102
    build: FromWire = known["build"]
    return build


def _missing(name: str) -> None:
    raise Unpackable(f"Object missing required field `{name}`")


def _wire_struct(shape: Shape, kinds: list[Any], absent: list[bool]) -> type[msgspec.Struct]:
    names = [f"f{index}" for index in range(len(kinds))]
    return msgspec.defstruct(
        f"{shape.message.__name__}Wire",
        [
            (name, kind | None, None) if may_be_absent else (name, kind)
            for name, kind, may_be_absent in zip(names, kinds, absent, strict=True)
        ],
        rename=dict(zip(names, (slot.name for slot in shape.slots), strict=True)),
        kw_only=True,  # An optional field may stand before one that is required.
        gc=False,
    )


def _slot_from_wire(slot: Slot, *, views: bool = False) -> tuple[Any, FromWire | None]:
    nested = slot.nested
    match slot.type:
        case Primitive(kind=kind):
            return wire_type(kind), seconds if kind is Kind.TIME else None
        case Array(items=Primitive(kind=Kind.U8), length=length):
            return bytes if length is None else msgspec_sized(bytes, length), None
        case Array(items=Primitive(kind=kind), length=length):
            many = wire_array(wire_type(kind), length, kind)
            if packs(kind):
                return many, (view_of if views else list_of_packed)(kind, length)
            return many, _each(seconds) if kind is Kind.TIME else None
        case Array() if nested is not None:
            wire, build = compile_from_wire(nested)
            return list_of(wire), _each(build)
        case _ if nested is not None:
            return compile_from_wire(nested)
        case _:
            raise TypeError(f"field '{slot.name}' has no shape")


def _each(change: FromWire) -> FromWire:
    return lambda values: [change(value) for value in values]
