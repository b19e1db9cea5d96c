"""Message formats from documents and from literals. Source: seed 003, "Message Format".

Generated bindings carry formats as literals and read them back with `parse_format`, so nothing
here imports the json5 library.
"""

from typing import Final

from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Object, Primitive
from peppy.schema.identifiers import collisions, identifier
from peppy.schema.kinds import FIXED_SIZE, TOKENS
from peppy.schema.names import NAME_RULE, is_name
from peppy.schema.reader import Cursor, literal_cursor
from peppy.schema.wording import described, did_you_mean, quoted

DEEPEST_FORMAT: Final = 32
"""Objects and arrays inside one another; keeps every walk over a format shallow."""

LONGEST_ARRAY: Final = 2**32 - 1
"""Items of an array with a fixed length."""

RESERVED: Final = "instance_id"
"""Who sent a message stands beside its fields under this name (behaviour.md 5)."""

_TYPES: Final = "bool, u8 to u64, i8 to i64, f32, f64, string, bytes, time, array and object"

_STAND_IN: Final[Primitive | Object] = Primitive(Kind.BOOL)


def read_format(cursor: Cursor) -> MessageFormat:
    """Return the format that stands at `cursor`; problems go to its report."""
    members = cursor.entries()
    fields: list[Field] = []
    for name, member in _named(members):
        if name.startswith("$"):
            member.key_problem(f"{quoted(name)} stands on fields, not on the whole message")
            continue
        fields.append(Field(name, _type(member, 1, root=True), _optional(member)))
    return MessageFormat(tuple(fields))


def parse_format(literal: object, source: str = "a message format") -> MessageFormat:
    """Return the format that a plain dict describes, as `format_literal` writes it.

    Raises `DocumentError` with every problem; it has paths but no lines.
    """
    cursor = literal_cursor(literal, source)
    read = read_format(cursor)
    cursor.report.settle()
    return read


def format_literal(message: MessageFormat) -> dict[str, object]:
    """Return the dict from which `parse_format` makes the same format."""
    return {field.name: _literal(field.type, field.optional) for field in message.fields}


def read_kind(cursor: Cursor) -> Kind:
    """Return the primitive type whose token stands at `cursor`."""
    token = cursor.value
    if isinstance(token, str):
        if token in TOKENS:
            return TOKENS[token]
        if token in ("array", "object"):
            cursor.problem(f"{quoted(token)} is not a primitive type, as one is needed here")
        else:
            guess = did_you_mean(token, (*TOKENS, "array", "object")) or f": {_TYPES} are"
            cursor.problem(f"{quoted(token)} is not a type{guess}")
    else:
        cursor.must_be("the name of a type")
    return Kind.BOOL


def read_length(cursor: Cursor, items: Kind | None) -> int:
    """Return an array's `$length`; `items` is None where they are objects."""
    if items not in FIXED_SIZE:
        what = "objects" if items is None else quoted(items.value)
        cursor.problem(f"arrays of {what} have no fixed length: only numbers and 'bool' do")
    return cursor.integer(1, LONGEST_ARRAY)


def check_names(members: dict[str, Cursor]) -> None:
    """Note the names that generated code cannot have: no names, or the same identifier twice."""
    names = [name for name in members if not name.startswith("$")]
    for name in names:
        if not is_name(name):
            members[name].key_problem(f"{quoted(name)} is not a name: {NAME_RULE}")
    for name, earlier in collisions(names):
        members[name].key_problem(
            f"{quoted(name)} and {quoted(earlier)} both become {quoted(identifier(name))} in code"
        )


def _named(members: dict[str, Cursor]) -> list[tuple[str, Cursor]]:
    check_names(members)
    for name, member in members.items():
        if identifier(name) == RESERVED:
            member.key_problem(f"{quoted(name)} is reserved: it says who sent a message")
    return list(members.items())


def _optional(cursor: Cursor) -> bool:
    return cursor.has("$optional") and cursor.entries()["$optional"].boolean()


def _type(cursor: Cursor, depth: int, *, root: bool = False) -> FieldType:
    if isinstance(cursor.value, str):
        return Primitive(read_kind(cursor))
    if not cursor.is_object:
        cursor.problem(f"must be a type or an object of fields, not {described(cursor.value)}")
        return _STAND_IN
    if depth > DEEPEST_FORMAT:
        cursor.problem(f"is nested more than {DEEPEST_FORMAT} levels deep")
        return _STAND_IN
    members = cursor.entries()
    if not root and "$optional" in members:
        field = cursor.path.rpartition(".")[2]
        members["$optional"].key_problem(
            f"{quoted(field)} cannot be optional: only fields at the root of a message can"
        )
    match members["$type"].value if "$type" in members else "object":
        case "object":
            return _object(members, depth)
        case "array":
            return _array(cursor, depth)
        case _:
            fields = cursor.fields(["$type"], ["$optional"])
            return Primitive(fields.read("$type", read_kind, Kind.BOOL))


def _object(members: dict[str, Cursor], depth: int) -> Object:
    if "$items" in members and "$type" not in members:
        members["$items"].key_problem("an array says so: write '$type: \"array\"' beside '$items'")
        return Object(())
    fields: list[Field] = []
    for name, member in _named(members):
        if not name.startswith("$"):
            fields.append(Field(name, _type(member, depth + 1)))
        elif name not in ("$type", "$optional"):
            guess = did_you_mean(name, ("$type", "$optional"))
            member.key_problem(f"{quoted(name)} is not known in an object{guess}")
    return Object(tuple(fields))


def _array(cursor: Cursor, depth: int) -> Array:
    fields = cursor.fields(["$type", "$items"], ["$length", "$optional"])
    items = fields.read("$items", lambda inner: _items(inner, depth + 1), _STAND_IN)
    if (length := fields.get("$length")) is None:
        return Array(items)
    return Array(items, read_length(length, items.kind if isinstance(items, Primitive) else None))


def _items(cursor: Cursor, depth: int) -> Primitive | Object:
    items = _type(cursor, depth)
    if isinstance(items, Array):
        cursor.problem("arrays of arrays are not supported: put the inner one into an object")
        return _STAND_IN
    return items


def _literal(kind: FieldType, optional: bool = False) -> object:
    mark: dict[str, object] = {"$optional": True} if optional else {}
    match kind:
        case Primitive():
            return {"$type": kind.kind.value, **mark} if optional else kind.kind.value
        case Array():
            length = {} if kind.length is None else {"$length": kind.length}
            return {"$type": "array", "$items": _literal(kind.items), **length, **mark}
        case Object():
            fields = {field.name: _literal(field.type) for field in kind.fields}
            return {"$type": "object", **mark, **fields}
