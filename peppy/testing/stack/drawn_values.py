"""Values for a message format, drawn from a number: for a request that nobody has thought up."""

from random import Random
from typing import Any, Final

from peppy.schema.format_reader import parse_format
from peppy.schema.formats import Array, FieldType, Kind, Object, Primitive
from peppy.schema.wire import Format

FLOATS: Final = 2.0
"""Numbers with a fraction are drawn from both sides of zero up to this."""

LONGEST: Final = 4
"""Items of an array whose length the format leaves open."""


def values_of(literal: Format | None, chance: Random) -> dict[str, Any]:
    """Return values that fit a format; fields that are optional are there or not."""
    if literal is None:
        return {}
    return {
        field.name: _value(field.type, chance)
        for field in parse_format(literal).fields
        if not field.optional or chance.random() < 0.5
    }


def _value(kind: FieldType, chance: Random) -> Any:
    match kind:
        case Primitive():
            return _primitive(kind.kind, chance)
        case Array():
            length = chance.randint(0, LONGEST) if kind.length is None else kind.length
            if kind.items == Primitive(Kind.U8):
                return chance.randbytes(length)
            return [_value(kind.items, chance) for _ in range(length)]
        case Object():
            return {field.name: _value(field.type, chance) for field in kind.fields}


def _primitive(kind: Kind, chance: Random) -> Any:
    match kind:
        case Kind.BOOL:
            return chance.random() < 0.5
        case Kind.F32 | Kind.F64:
            return chance.uniform(-FLOATS, FLOATS)
        case Kind.TIME:
            return round(chance.uniform(0.0, 2e9), 3)
        case Kind.STRING:
            return "".join(chance.choices("abc é", k=chance.randint(0, LONGEST)))
        case Kind.BYTES:
            return chance.randbytes(chance.randint(0, LONGEST))
        case _:
            return chance.randint(0, 127)
