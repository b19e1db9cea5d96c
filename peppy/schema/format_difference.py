"""In what two message formats differ, field by field, in sentences for people."""

from collections.abc import Iterator

from peppy.schema.formats import Array, Field, FieldType, MessageFormat, Object, Primitive
from peppy.schema.wording import quoted


def differences(expected: MessageFormat, actual: MessageFormat) -> list[str]:
    """Return a sentence for each difference: `field 'x' is 'f64' here and 'f32' there`.

    `expected` is the format here, `actual` the one there. Empty exactly if they fit one another:
    the order of fields does not matter.
    """
    return list(_fields(expected.fields, actual.fields, ""))


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


def _fields(here: tuple[Field, ...], there: tuple[Field, ...], place: str) -> Iterator[str]:
    others = {field.name: field for field in there}
    for field in here:
        other = others.pop(field.name, None)
        name = f"{place}{field.name}"
        if other is None:
            yield f"field {quoted(name)} is {described(field.type)} here and missing there"
        else:
            yield from _types(field.type, other.type, name)
            if field.optional is not other.optional:
                ways = ("optional", "required") if field.optional else ("required", "optional")
                yield f"field {quoted(name)} is {ways[0]} here and {ways[1]} there"
    for field in others.values():
        name = f"{place}{field.name}"
        yield f"field {quoted(name)} is missing here and {described(field.type)} there"


def _types(here: FieldType, there: FieldType, name: str) -> Iterator[str]:
    match here, there:
        case Object(fields=ours), Object(fields=theirs):
            yield from _fields(ours, theirs, f"{name}.")
        case Array(items=Object(fields=ours)), Array(items=Object(fields=theirs)):
            if described(here) != described(there):
                yield _differ(here, there, name)
            yield from _fields(ours, theirs, f"{name}[].")
        case _ if here != there:
            yield _differ(here, there, name)
        case _:
            pass


def _differ(here: FieldType, there: FieldType, name: str) -> str:
    return f"field {quoted(name)} is {described(here)} here and {described(there)} there"
