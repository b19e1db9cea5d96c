"""One message format, compiled: from a dataclass to the bytes that travel and back.

A payload is a MessagePack map keyed by the *document's* field names, so any tool can show any
message; absent optional fields are left out. Which bytes each type becomes: `primitives` and
`packed`. In a message with a large binary, that binary is the payload itself, so nothing copies it
on its way, and the rest rides beside it: see `Parts`.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.msgpack import Ext

from peppy.runtime.decoding import compile_from_wire
from peppy.runtime.encoding import compile_to_wire
from peppy.runtime.packed import Unpackable, packs
from peppy.runtime.primitives import list_of
from peppy.runtime.quick import compile_quick
from peppy.runtime.shape import Shape, Slot, shape_of
from peppy.runtime.unfit import UnfitValue, UnreadablePayload
from peppy.schema.formats import Array, Kind, MessageFormat, Primitive

M = TypeVar("M")

LARGE: Final = 4096
"""Bytes from which a binary travels as the bare payload: below, one more map costs more."""


Parts = tuple[bytes | bytearray | memoryview, bytes]
"""A message as it travels: its payload, and what rides beside it.

Where that is not empty, the payload is the bare content of one field and beside it rides a
MessagePack array of that field's name, its extension code (nil for plain binary) and the map of all
other fields.
"""


class _Rest(msgspec.Struct, frozen=True, array_like=True):
    name: str
    code: int | None
    fields: msgspec.Raw


class Codec(Generic[M]):
    """Messages of the dataclass `M` in one format; stateless, made once and kept."""

    def __init__(
        self, subject: str, message_format: MessageFormat, message: type[M], *, views: bool = False
    ) -> None:
        """Compile; `subject` stands in front of every error, as in `topic 'video_stream'`.

        With `views`, arrays of numbers at the root are decoded as memoryviews.
        """
        shape = shape_of(message_format.fields, message)
        quick, read_back = compile_quick(shape)
        wire, self.build = compile_from_wire(shape, views=views)
        """Makes a message of what `read` returns; both raise what `decode` translates."""
        self._subject = subject
        self._message = message
        self._quick = quick
        self._read_back = msgspec.msgpack.Decoder(read_back).decode
        self._change = compile_to_wire(shape)
        self._pack = msgspec.msgpack.Encoder().encode
        self.read = msgspec.msgpack.Decoder(wire).decode
        self._read_many = msgspec.msgpack.Decoder(list_of(wire)).decode
        self._read_rest = msgspec.msgpack.Decoder(_Rest).decode
        self._attributes = tuple(slot.attribute for slot in shape.slots)
        self._binary = _binary_fields(shape)
        self.fingerprint = message_format.fingerprint()
        self.parts = self._parts()
        """Returns what travels of the message with these values, in the format's order.

        Raises `UnfitValue`."""

    def encode(self, message: M) -> bytes:
        """Return the payload; raise `UnfitValue` (a `ValueError`) that names the wrong field."""
        try:
            return self._encoded(*[getattr(message, name) for name in self._attributes])
        except Exception:  # whatever it is, the careful way says it or bears it
            return self._pack(self._careful(message))

    def _parts(self) -> Callable[..., Parts]:
        """Return what makes `parts`; what it needs is at hand, for it runs once per message."""
        if self._binary:
            return self._split
        pack, quick, read_back = self._pack, self._quick, self._read_back

        def parts(*values: Any) -> Parts:
            try:
                payload = pack(quick(*values))
                read_back(payload)
            except Exception:
                payload = pack(self._careful(self._message(*values)))
            return payload, b""

        return parts

    def decode_many(self, payload: bytes) -> list[M | UnreadablePayload]:
        """Return the messages of a payload that is an array of them, or what is wrong with each.

        Raises `UnreadablePayload` if it is no array.
        """
        build = self.build
        try:
            return [build(wire) for wire in self._read_many(payload)]
        except (msgspec.MsgspecError, UnicodeError, RecursionError, Unpackable):
            pass  # which of them is it?
        try:
            each = msgspec.msgpack.decode(payload, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UnreadablePayload(self._subject, str(error)) from None
        return [self._decoded(bytes(raw)) for raw in each]

    def _decoded(self, payload: bytes) -> M | UnreadablePayload:
        try:
            return self.decode(payload)
        except UnreadablePayload as error:
            return error

    def decode(self, payload: bytes, rest: bytes | memoryview = b"") -> M:
        """Return the message; raise `UnreadablePayload` for anything that is not one."""
        try:
            wire = self._joined(payload, rest) if rest else self.read(payload)
            message: M = self.build(wire)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, Unpackable) as error:
            raise UnreadablePayload(self._subject, str(error)) from None
        return message

    def _encoded(self, *values: Any) -> bytes:
        payload = self._pack(self._quick(*values))
        self._read_back(payload)
        return payload

    def _careful(self, message: M) -> dict[str, Any]:
        try:
            wire: dict[str, Any] = self._change(message)
        except UnfitValue as unfit:
            raise unfit.of(self._subject) from None
        return wire

    def _split(self, *values: Any) -> Parts:
        try:
            wire = self._quick(*values)
        except Exception:
            wire = self._careful(self._message(*values))
        name, size = "", LARGE - 1
        for each in self._binary:
            octets = _octets(wire.get(each))
            if len(octets) > size:
                name, size = each, len(octets)
        if not name:
            return self._whole(wire, values)
        large, wire[name] = wire[name], b""
        try:
            self._read_back(self._pack(wire))
        except Exception:
            wire = self._careful(self._message(*values))
            large = wire[name]
        del wire[name]
        code = large.code if type(large) is Ext else None
        return _octets(large), self._pack(_Rest(name, code, msgspec.Raw(self._pack(wire))))

    def _whole(self, wire: dict[str, Any], values: tuple[Any, ...]) -> Parts:
        try:
            payload = self._pack(wire)
            self._read_back(payload)
        except Exception:
            payload = self._pack(self._careful(self._message(*values)))
        return payload, b""

    def _joined(self, payload: bytes, rest: bytes | memoryview) -> Any:
        """Return what is read of a message in two parts."""
        name, code, fields = msgspec.structs.astuple(self._read_rest(rest))
        field = self._binary.get(name)
        if field is None:
            raise Unpackable(f"'{name}' is not a field that travels by itself")
        if field.packed is (code is None):
            raise Unpackable(f"'{name}' has code {code}")
        if field.octets not in (None, len(payload)):
            raise Unpackable(f"'{name}' has {len(payload)} bytes instead of {field.octets}")
        wire = self.read(fields)
        setattr(wire, field.place, payload if code is None else Ext(code, payload))
        return wire

    def __repr__(self) -> str:
        return f"<Codec of {self._subject}>"


class _BinaryField(NamedTuple):
    """A field that may be the whole payload."""

    place: str
    """Its name in what is read."""
    packed: bool
    """Whether it is an array of numbers, not plain binary."""
    octets: int | None
    """How many bytes plain binary has, if that is fixed."""


def _binary_fields(shape: Shape) -> dict[str, _BinaryField]:
    found = ((slot.name, _binary_field(f"f{i}", slot)) for i, slot in enumerate(shape.slots))
    return {name: field for name, field in found if field is not None}


def _binary_field(place: str, slot: Slot) -> _BinaryField | None:
    match slot.type:
        case Primitive(kind=Kind.BYTES):
            return _BinaryField(place, packed=False, octets=None)
        case Array(items=Primitive(kind=Kind.U8), length=length):
            return _BinaryField(place, packed=False, octets=length)
        case Array(items=Primitive(kind=kind), length=None) if packs(kind):
            return _BinaryField(place, packed=True, octets=None)
        case _:
            return None


def _octets(value: Any) -> bytes | bytearray | memoryview:
    """Return a field's binary content; nothing if it travels otherwise or is absent."""
    content: Any = value.data if type(value) is Ext else value
    if type(content) is bytes or isinstance(content, bytearray):
        return content
    return content if type(content) is memoryview else b""
