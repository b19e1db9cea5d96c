"""Messages without generated classes: plain values in and out, checked by the same codec.

For programs that learn a format while they run, as the command line does. Objects are dicts keyed
by the document's names, `bytes` and arrays of `u8` are `bytes`, a `time` is seconds since the epoch
as a float; optional fields that are absent are left out.
"""

import dataclasses
from base64 import b64decode
from collections.abc import Mapping, Sequence
from types import GenericAlias
from typing import Any, cast

from peppy.runtime.codec import Codec, Parts
from peppy.runtime.shape import Shape, Slot, shape_of
from peppy.runtime.unfit import UnfitValue
from peppy.schema.errors import DocumentError, Problem
from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Object, Primitive
from peppy.schema.places import joined
from peppy.schema.wording import described, did_you_mean, quoted


class PlainCodec:
    """Messages of one format as dicts; made once and kept."""

    def __init__(self, subject: str, message_format: MessageFormat) -> None:
        """Compile; `subject` stands in every error, as in `topic 'video_stream'`."""
        self._subject = subject
        self._fields = message_format.fields
        self.message = _dataclass(message_format.fields)
        """The dataclass behind the dicts, for what takes messages as such."""
        self._shape = shape_of(message_format.fields, self.message)
        self._attributes = tuple(slot.attribute for slot in self._shape.slots)
        self.codec: Codec[Any] = Codec(subject, message_format, self.message)
        """Of instances of `message`."""
        self.fingerprint = self.codec.fingerprint

    def encode(self, values: Mapping[str, Any]) -> Parts:
        """Return what travels of the message with these values.

        Where `bytes` are declared, base64 text and a list of small integers are taken as well.
        Raises `DocumentError` with every field that is unknown, missing or no base64, or else with
        the first one whose value does not fit its type.
        """
        message = self.made(values)
        try:
            return self.codec.parts(*(getattr(message, name) for name in self._attributes))
        except UnfitValue as unfit:
            raise self._error([Problem(0, 0, unfit.path, unfit.problem)]) from None

    def decode(self, payload: bytes, rest: bytes | memoryview = b"") -> dict[str, Any]:
        """Return the message's values; raise `UnreadablePayload` for anything that is not one."""
        return self.plain(self.codec.decode(payload, rest))

    def made(self, values: Mapping[str, Any]) -> Any:
        """Return an instance of `message` with these values, whose types nobody has checked.

        Raises `DocumentError` as `encode` does, but not for types.
        """
        maker = _Maker()
        message = maker.message(self._shape, values, "")
        if maker.problems:
            raise self._error(maker.problems)
        return message

    def plain(self, message: Any) -> dict[str, Any]:
        """Return the values of an instance of `message`."""
        return _plain(self._shape, message)

    def _error(self, problems: list[Problem]) -> DocumentError:
        names = ", ".join(f"{quoted(f.name)} ({written(f)})" for f in self._fields)
        hint = f"its fields are {names}" if names else "it has no fields"
        return DocumentError(f"the values for {self._subject}", problems, hint=hint)

    def __repr__(self) -> str:
        return f"<PlainCodec of {self._subject}>"


def written(field: Field) -> str:
    """Return a field's type in short, as in `[f64; 3]` or `string?`."""
    return _written(field.type) + ("?" if field.optional else "")


def _written(kind: FieldType) -> str:
    match kind:
        case Primitive(kind=token):
            return token.value
        case Array(items=items, length=None):
            return f"[{_written(items)}]"
        case Array(items=items, length=length):
            return f"[{_written(items)}; {length}]"
        case Object(fields=fields):
            return "{" + ", ".join(field.name for field in fields) + "}"


def _dataclass(fields: tuple[Field, ...]) -> type:
    """Return a dataclass whose attributes stand for `fields` by position.

    A document's names could collide with what every object has, so they are not used.
    """
    members: list[tuple[str, Any]] = []
    for index, field in enumerate(fields):
        kind = _hint(field.type)
        members.append((f"f{index}", kind | None if field.optional else kind))
    return dataclasses.make_dataclass("Message", members)


def _hint(kind: FieldType) -> Any:
    match kind:
        case Object(fields=fields):
            return _dataclass(fields)
        case Array(items=Object(fields=fields)):
            return GenericAlias(list, (_dataclass(fields),))
        case _:
            return object


class _Maker:
    """Makes dataclasses of plain values, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def message(self, shape: Shape, values: object, path: str) -> Any:
        """Return an instance of the shape's dataclass."""
        if not isinstance(values, Mapping):
            return self._problem(path, f"must be an object, not {described(values)}")
        given = cast("Mapping[str, Any]", values)
        names = [slot.name for slot in shape.slots]
        for name in given:
            if name not in names:
                what = f"{quoted(name)} is not known here{_suggestion(name, names)}"
                self._problem(joined(path, name), what)
        return shape.message(*(self._slot(slot, given, path) for slot in shape.slots))

    def _slot(self, slot: Slot, given: Mapping[str, Any], path: str) -> Any:
        place = joined(path, slot.name)
        if slot.name in given:
            return self._value(slot, given[slot.name], place)
        if not slot.optional:
            self._problem(place, f"is missing: {_written(slot.type)}")
        return None

    def _value(self, slot: Slot, value: Any, path: str) -> Any:
        match slot.type:
            case Object() if slot.nested is not None and value is not None:
                return self.message(slot.nested, value, path)
            case Array() if slot.nested is not None and isinstance(value, list | tuple):
                items = enumerate(cast("Sequence[Any]", value))
                return [self.message(slot.nested, v, joined(path, i)) for i, v in items]
            case Primitive(kind=Kind.BYTES) | Array(items=Primitive(kind=Kind.U8)):
                return self._octets(value, path)
            case _:
                return value

    def _octets(self, value: Any, path: str) -> Any:
        try:
            match value:
                case str():
                    return b64decode(value, validate=True)
                case list():
                    return bytes(cast("Sequence[Any]", value))
                case _:
                    return value
        except (TypeError, ValueError):
            return self._problem(path, "must be base64 text, or a list of numbers from 0 to 255")

    def _problem(self, path: str, what: str) -> None:
        self.problems.append(Problem(0, 0, path, what))


def _suggestion(name: str, known: Sequence[str]) -> str:
    if guess := did_you_mean(name, known):
        return guess
    return f"; known are {', '.join(map(quoted, known))}" if known else ""


def _plain(shape: Shape, message: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for slot in shape.slots:
        value = getattr(message, slot.attribute)
        if value is not None:
            plain[slot.name] = value if slot.nested is None else _plain_nested(slot.nested, value)
    return plain


def _plain_nested(shape: Shape, value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(shape, item) for item in cast("Sequence[Any]", value)]
    return _plain(shape, value)
