"""The quick way from a node's values to what travels, for messages that are as they should be.

A format is written out as Python source once and compiled: no loop over fields, no call per field.
Nothing is explained here. What is packed is read back by msgspec's typed decoder, in C and without
keeping anything, so a payload that passes is one that every receiver takes; whatever does not pass
goes the careful way (`encoding`), which either accepts it after all or names the field.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, cast

import msgspec

from peppy.runtime.packed import pack_buffer, packs, wire_array
from peppy.runtime.primitives import NANOSECONDS, list_of, wire_type
from peppy.runtime.shape import Shape, Slot
from peppy.schema.formats import Array, Kind, Primitive
from peppy.schema.kinds import LARGEST_F32

SHORT: Final = 64
"""Items up to which an array is read back with the rest; a longer one is checked by itself."""


class NotQuick(Exception):
    """Something needs a closer look."""


def compile_quick(shape: Shape) -> tuple[Callable[..., dict[str, Any]], type[msgspec.Struct]]:
    """Return the way from field values, in order, to the map that travels, and its type.

    It raises, `NotQuick` or anything else, where a value is not plainly as it should be.
    """
    writer = _Writer()
    function = writer.function("quick", shape, [f"v{i}" for i in range(len(shape.slots))])
    return function, _read_back(shape)


class _Writer:
    """Writes functions, and knows what they refer to."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {"NotQuick": NotQuick, "nanoseconds": _nanoseconds}

    def function(self, name: str, shape: Shape, arguments: list[str]) -> Callable[..., Any]:
        """Return a function that takes a shape's values and returns their map."""
        body: list[str] = []
        for slot, value in zip(shape.slots, arguments, strict=True):
            change = self._change(slot, value)
            if slot.optional and change:
                body += [f"if {value} is not None:", *(f"    {line}" for line in change)]
            else:
                body += change
        required = ", ".join(
            f"{slot.name!r}: {value}"
            for slot, value in zip(shape.slots, arguments, strict=True)
            if not slot.optional
        )
        body.append(f"wire = {{{required}}}")
        for slot, value in zip(shape.slots, arguments, strict=True):
            if slot.optional:
                body += [f"if {value} is not None:", f"    wire[{slot.name!r}] = {value}"]
        return self._compiled(name, arguments, [*body, "return wire"])

    def _compiled(self, name: str, arguments: list[str], body: list[str]) -> Callable[..., Any]:
        text = f"def {name}({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in body)
        # Everything in the text is ours but the fields' names, and those stand in it as literals.
        exec(compile(text, f"<{name}>", "exec"), self._known)  # noqa: S102
        function: Callable[..., Any] = self._known[name]
        return function

    def _refer(self, kind: str, thing: object) -> str:
        name = f"{kind}_{len(self._known)}"
        self._known[name] = thing
        return name

    def _change(self, slot: Slot, value: str) -> list[str]:
        match slot.type:
            case Primitive(kind=Kind.TIME):
                return [
                    f"if type({value}) is not float: raise NotQuick",
                    f"whole = int({value})",
                    f"{value} = whole * {NANOSECONDS} + round(({value} - whole) * {NANOSECONDS})",
                ]
            case Primitive():
                return []
            case Array(items=Primitive(kind=Kind.U8), length=length):
                return [] if length is None else [f"if len({value}) != {length}: raise NotQuick"]
            case Array(items=Primitive(kind=kind), length=length):
                return self._array(kind, length, value)
            case Array():
                change = self._nested(slot)
                return [*_list(value, None), f"{value} = [{change}(item) for item in {value}]"]
            case _:
                return [f"{value} = {self._nested(slot)}({value})"]

    def _array(self, kind: Kind, length: int | None, value: str) -> list[str]:
        if kind is Kind.TIME:
            return [*_list(value, length), f"{value} = [nanoseconds(item) for item in {value}]"]
        if not packs(kind):
            return _list(value, length)
        if length is not None and length <= SHORT:
            packed = self._refer("packed", _packed(kind, length))
            return [f"if type({value}) is not list: {value} = {packed}({value})"]
        return [f"{value} = {self._refer('array', _long_array(kind, length))}({value})"]

    def _nested(self, slot: Slot) -> str:
        shape = slot.nested
        if shape is None:
            raise TypeError(f"field '{slot.name}' has no shape")
        change = self._refer("change", None)
        names = [f"v{index}" for index in range(len(shape.slots))]
        self._known[change] = self.function(f"{change}_values", shape, names)
        message = self._refer("message", shape.message)
        attributes = ", ".join(f"item.{each.attribute}" for each in shape.slots)
        self._compiled(
            f"{change}_of",
            ["item"],
            [
                f"if type(item) is not {message}: raise NotQuick",
                f"return {change}({attributes})",
            ],
        )
        return f"{change}_of"


def _list(value: str, length: int | None) -> list[str]:
    wrong = "" if length is None else f" or len({value}) != {length}"
    return [f"if type({value}) is not list{wrong}: raise NotQuick"]


def _nanoseconds(value: float) -> int:
    if type(value) is not float:
        raise NotQuick
    whole = int(value)
    return whole * NANOSECONDS + round((value - whole) * NANOSECONDS)


def _packed(kind: Kind, length: int | None) -> Callable[[Any], Any]:
    def pack(value: Any) -> Any:
        packed = pack_buffer(kind, length, value)
        if packed is None:
            raise NotQuick
        return packed

    return pack


def _long_array(kind: Kind, length: int | None) -> Callable[[Any], Any]:
    """Return what checks an array by itself: items that a list holds, or the type of a buffer."""
    pack = _packed(kind, length)
    many = list_of(_checked(kind))

    def change(value: Any) -> Any:
        if type(value) is not list:
            return pack(value)
        if length is not None and len(cast("Any", value)) != length:
            raise NotQuick
        return msgspec.convert(value, many)

    return change


def _read_back(shape: Shape) -> type[msgspec.Struct]:
    """Return the type as which what was packed is read back."""
    names = [f"f{index}" for index in range(len(shape.slots))]
    fields: list[Any] = []
    for name, slot in zip(names, shape.slots, strict=True):
        kind = _slot_read_back(slot)
        # msgspec knows no union with `Raw`, which takes anything as it is.
        kind = kind | None if slot.optional and kind is not msgspec.Raw else kind
        fields.append((name, kind, None) if slot.optional else (name, kind))
    return msgspec.defstruct(
        f"{shape.message.__name__}ReadBack",
        fields,
        rename=dict(zip(names, (slot.name for slot in shape.slots), strict=True)),
        kw_only=True,
        frozen=True,
        gc=False,
    )


def _slot_read_back(slot: Slot) -> Any:
    nested = slot.nested
    match slot.type:
        case Primitive(kind=kind):
            return _checked(kind)
        case Array(items=Primitive(kind=Kind.U8)):
            return memoryview
        case Array(items=Primitive(kind=kind)) if not packs(kind):
            return list_of(_checked(kind))
        case Array(items=Primitive(kind=kind), length=int(length)) if length <= SHORT:
            return wire_array(_checked(kind), length, kind)
        case Array(items=Primitive()):
            return msgspec.Raw
        case Array() if nested is not None:
            return list_of(_read_back(nested))
        case _ if nested is not None:
            return _read_back(nested)
        case _:
            raise TypeError(f"field '{slot.name}' has no shape")


def _checked(kind: Kind) -> Any:
    match kind:
        case Kind.BYTES:
            return memoryview
        case Kind.F32:
            # Infinities and NaN are fine too: the careful way lets them pass.
            return Annotated[float, msgspec.Meta(ge=-LARGEST_F32, le=LARGEST_F32)]
        case _:
            return wire_type(kind)
