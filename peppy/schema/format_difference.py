"""In what two message formats differ, field by field, in sentences for people."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from peppy.schema.formats import Array, Field, FieldType, MessageFormat, Object, Primitive
from peppy.schema.wording import quoted


class Sides(NamedTuple):
    """How a sentence calls the two things that it compares."""

    here: str
    there: str


HERE_AND_THERE: Final = Sides("here", "there")


def differences(
    expected: MessageFormat, actual: MessageFormat, sides: Sides = HERE_AND_THERE
) -> list[str]:
    """Return a sentence for each difference: `field 'x' is 'f64' here and 'f32' there`.

    `expected` is the format here, `actual` the one there; `sides` says these two words. Empty
    exactly if they fit one another: the order of fields does not matter.
    """
    return list(_fields(expected.fields, actual.fields, "", sides))


def described(kind: FieldType) -> str:
    """Return a type as a sentence names it: `'f64'`, `an array of 3 'f64'`, `an object`."""
    match kind:
        case Primitive():
            return quoted(kind.kind.value)
        case Object():
            return "an object"
        case Array(items=items, length=length):
            count = "" if length is None else f"{length} "
            what = "objects" if isinstance(items, Object) else described(items)
            return f"an array of {count}{what}"


def _fields(
    here: tuple[Field, ...], there: tuple[Field, ...], place: str, sides: Sides
) -> Iterator[str]:
    others = {field.name: field for field in there}
    for field in here:
        other = others.pop(field.name, None)
        name = f"{place}{field.name}"
        if other is None:
            yield _said(name, described(field.type), "missing", sides)
        else:
            yield from _types(field.type, other.type, name, sides)
            if field.optional is not other.optional:
                ways = ("optional", "required") if field.optional else ("required", "optional")
                yield _said(name, *ways, sides)
    for field in others.values():
        yield _said(f"{place}{field.name}", "missing", described(field.type), sides)


def _types(here: FieldType, there: FieldType, name: str, sides: Sides) -> Iterator[str]:
    match here, there:
        case Object(fields=ours), Object(fields=theirs):
            yield from _fields(ours, theirs, f"{name}.", sides)
        case Array(items=Object(fields=ours)), Array(items=Object(fields=theirs)):
            if described(here) != described(there):
                yield _said(name, described(here), described(there), sides)
            yield from _fields(ours, theirs, f"{name}[].", sides)
        case _ if here != there:
            yield _said(name, described(here), described(there), sides)
        case _:
            pass


def _said(name: str, one: str, other: str, sides: Sides) -> str:
    return f"field {quoted(name)} is {one} {sides.here} and {other} {sides.there}"
