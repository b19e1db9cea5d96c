"""From a node's values to what travels: every value is checked against its declared type.

A format is compiled once into closures, one per field. Each begins with the one comparison that
the usual value passes; numpy scalars, subclasses and mistakes take the slower way below it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from peppy.runtime.packed import pack_buffer, packs
from peppy.runtime.primitives import list_of, octets_to_wire, quick_type, to_wire
from peppy.runtime.shape import Shape, Slot
from peppy.runtime.unfit import UnfitValue, shown
from peppy.schema.formats import Array, Kind, Primitive

ToWire = Callable[[Any], Any]
"""Turns one value into what MessagePack carries, or raises `UnfitValue`."""


def compile_to_wire(shape: Shape) -> ToWire:
    """Return the way from an instance of the shape's dataclass to the map that travels."""
    message = shape.message
    name = message.__qualname__
    fields = tuple(
        (slot.name, slot.attribute, slot.optional, _slot_to_wire(slot)) for slot in shape.slots
    )

    def convert(value: Any) -> dict[str, Any]:
        if type(value) is not message and not isinstance(value, message):
            raise UnfitValue(f"is a '{name}', not {shown(value)}")
        wire: dict[str, Any] = {}
        field = ""
        try:
            for field, attribute, optional, change in fields:
                item = getattr(value, attribute)
                if item is None:
                    if optional:
                        continue
                    raise UnfitValue("is required, not None")
                wire[field] = change(item)
        except UnfitValue as unfit:
            raise unfit.under(field) from None
        return wire

    return convert


def _slot_to_wire(slot: Slot) -> ToWire:
    nested = slot.nested
    match slot.type:
        case Primitive(kind=kind):
            return to_wire(kind)
        case Array(items=Primitive(kind=Kind.U8), length=length):
            return octets_to_wire("u8", length)
        case Array(items=Primitive(kind=kind), length=length):
            packed = kind if packs(kind) else None
            return _array(to_wire(kind), kind.value, length, quick_type(kind), packed)
        case Array(length=length) if nested is not None:
            return _array(compile_to_wire(nested), nested.message.__qualname__, length, None)
        case _ if nested is not None:
            return compile_to_wire(nested)
        case _:
            raise TypeError(f"field '{slot.name}' has no shape")


def _array(
    change: ToWire, items: str, length: int | None, quick: Any, packed: Kind | None = None
) -> ToWire:
    """Return the way of an array.

    `quick` is the items' type, checked in C where that suffices; `packed` their kind where buffers
    of it are taken as they are.
    """
    quick_list = None if quick is None else list_of(quick)

    def convert(value: Any) -> Any:
        if packed is not None and (buffer := pack_buffer(packed, length, value)) is not None:
            return buffer
        values = _sequence(value, items)
        if length is not None and len(values) != length:
            raise UnfitValue(f"is an array of {length} {items}, not of {len(values)}")
        if quick_list is not None:
            try:
                return cast("list[Any]", msgspec.convert(values, quick_list))
            except (msgspec.ValidationError, UnicodeError):
                pass  # The way below either takes what C does not know or says what is wrong.
        return _each(change, values)

    return convert


def _each(change: ToWire, values: Sequence[Any]) -> list[Any]:
    wire: list[Any] = []
    try:
        for item in values:
            if item is None:
                raise UnfitValue("is required, not None")
            wire.append(change(item))
    except UnfitValue as unfit:
        raise unfit.under(f"[{len(wire)}]") from None
    return wire


def _sequence(value: Any, items: str) -> Sequence[Any]:
    """Return any sequence as msgspec knows one: deques and numpy arrays too, texts and maps not."""
    if isinstance(value, list | tuple):
        return cast("Sequence[Any]", value)
    sequence = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if not sequence or isinstance(value, str | bytes | bytearray | Mapping):
        raise UnfitValue(f"is an array of {items}, not {shown(value)}")
    to_list = getattr(value, "tolist", None)
    try:
        return list(cast("Iterable[Any]", to_list() if callable(to_list) else value))
    except TypeError:  # an array without dimensions
        raise UnfitValue(f"is an array of {items}, not {shown(value)}") from None
