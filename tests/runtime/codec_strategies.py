"""Formats, their dataclasses and fitting values, for the tests of the codec."""

import dataclasses
import math
from typing import Any

from hypothesis import strategies as st

from peppy.runtime.primitives import list_of
from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Object, Primitive
from peppy.schema.kinds import LARGEST_F32, RANGES

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-XYZ0123456789", min_size=1, max_size=8)
PRIMITIVES = st.builds(Primitive, st.sampled_from(Kind))
FIXED = PRIMITIVES.filter(lambda item: item.kind not in {Kind.STRING, Kind.BYTES})
ARRAYS = st.builds(Array, PRIMITIVES) | st.builds(Array, FIXED, st.integers(0, 5))


def _fields(types: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Field, ...]]:
    found = st.lists(st.tuples(NAMES, types), max_size=4, unique_by=lambda pair: pair[0])
    return found.map(lambda pairs: tuple(Field(name, kind) for name, kind in pairs))


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = _fields(inner).map(Object)
    return objects | st.builds(Array, objects)


TYPES: st.SearchStrategy[FieldType] = st.recursive(PRIMITIVES | ARRAYS, _grow, max_leaves=8)


@st.composite
def formats(draw: st.DrawFn) -> MessageFormat:
    """Any format: only the fields at the root may be optional."""
    fields = draw(_fields(TYPES))
    return MessageFormat(
        tuple(Field(field.name, field.type, draw(st.booleans())) for field in fields)
    )


def dataclass_for(fields: tuple[Field, ...], name: str = "Message") -> Any:
    """Make what the generator would: the fields in order, under names that Python accepts."""
    members = [(f"field_{i}", _hint(field, f"{name}{i}")) for i, field in enumerate(fields)]
    return dataclasses.make_dataclass(name, members, slots=True)


def _hint(field: Field, name: str) -> Any:
    match field.type:
        case Object(fields=fields):
            hint = dataclass_for(fields, name)
        case Array(items=Object(fields=fields)):
            hint = list_of(dataclass_for(fields, name))
        case _:
            hint = object
    return hint | None if field.optional else hint


def messages(fields: tuple[Field, ...], message: Any) -> st.SearchStrategy[Any]:
    """Instances of `message` that fit `fields`."""
    columns = [
        _values(field.type, _plain(member.type)) | (st.none() if field.optional else st.nothing())
        for field, member in zip(fields, dataclasses.fields(message), strict=True)
    ]
    return st.tuples(*columns).map(lambda row: message(*row))


def _plain(hint: Any) -> Any:
    """Take a `| None` away."""
    parts: tuple[Any, ...] = getattr(hint, "__args__", ())
    return parts[0] if type(None) in parts else hint


def _values(kind: FieldType, hint: Any) -> st.SearchStrategy[Any]:
    match kind:
        case Primitive(kind=primitive):
            return _primitives(primitive)
        case Array(items=Primitive(kind=Kind.U8), length=length):
            return st.binary(min_size=length or 0, max_size=6 if length is None else length)
        case Array(items=Primitive(kind=primitive), length=length):
            largest = 4 if length is None else length
            return st.lists(_primitives(primitive), min_size=length or 0, max_size=largest)
        case Array(items=Object(fields=fields)):
            return st.lists(messages(fields, hint.__args__[0]), max_size=3)
        case Object(fields=fields):
            return messages(fields, hint)
        case _:
            raise AssertionError(kind)


def _primitives(kind: Kind) -> st.SearchStrategy[Any]:
    match kind:
        case Kind.BOOL:
            return st.booleans()
        case Kind.F32:
            return st.floats(-LARGEST_F32, LARGEST_F32) | st.just(math.inf)
        case Kind.F64:
            return st.floats(allow_nan=False)
        case Kind.STRING:
            return st.text()
        case Kind.BYTES:
            return st.binary(max_size=20)
        case Kind.TIME:
            # Beyond 97 days a float is coarser than a nanosecond, so it comes back as it was.
            return st.floats(2.0**23, 2.0**33)
        case _:
            return st.integers(RANGES[kind][0], RANGES[kind][-1])
