"""Parameter schemas from documents and from literals. Source: behaviour.md 4.

Generated bindings carry their schema as a literal, so nothing here imports the json5 library.
"""

from typing import Final, cast

from peppy.schema.format_reader import DEEPEST_FORMAT, check_names, read_kind, read_length
from peppy.schema.formats import Kind
from peppy.schema.node import Group, Leaf, ParameterArray, ParameterValue
from peppy.schema.parameter_values import Unfit, fitted
from peppy.schema.reader import Cursor, literal_cursor
from peppy.schema.wording import described, quoted

_NO_DEFAULT: Final = frozenset({Kind.BYTES, Kind.TIME})
_STAND_IN: Final = Leaf(Kind.BOOL)


def read_parameters(cursor: Cursor) -> Group:
    """Return the schema that stands at `cursor`; problems go to its report."""
    return _group(cursor, 1)


def parse_schema(literal: object, source: str = "a parameter schema") -> Group:
    """Return the schema that a plain dict describes, as `schema_literal` writes it.

    Raises `DocumentError` with every problem; it has paths but no lines.
    """
    cursor = literal_cursor(literal, source)
    read = read_parameters(cursor)
    cursor.report.settle()
    return read


def schema_literal(schema: Group) -> dict[str, object]:
    """Return the dict from which `parse_schema` makes the same schema."""
    return {
        name: schema_literal(member) if isinstance(member, Group) else _leaf_literal(member)
        for name, member in schema.members.items()
    }


def _group(cursor: Cursor, depth: int) -> Group:
    if depth > DEEPEST_FORMAT:
        cursor.problem(f"is nested more than {DEEPEST_FORMAT} levels deep")
        return Group()
    members = cursor.entries()
    check_names(members)
    read: dict[str, Leaf | Group] = {}
    for name, member in members.items():
        if name == "$default":
            member.key_problem("a group of parameters has no '$default', only its members have")
        elif name.startswith("$"):
            if name == "$optional" and depth > 1:
                continue  # noted where the member began
            member.key_problem(f"{quoted(name)} has no meaning on a group of parameters")
        else:
            read[name] = _member(member, depth + 1)
    return Group(read)


def _member(cursor: Cursor, depth: int) -> Leaf | Group:
    if isinstance(cursor.value, str):
        return Leaf(read_kind(cursor))
    if not cursor.is_object:
        cursor.problem(f"must be a type or a group of parameters, not {described(cursor.value)}")
        return _STAND_IN
    members = cursor.entries()
    if "$optional" in members:
        members["$optional"].key_problem(
            "a parameter cannot be optional: give it a '$default' instead"
        )
    if "$type" not in members:
        return _group(cursor, depth)
    return _array(cursor) if members["$type"].value == "array" else _leaf(cursor)


def _leaf(cursor: Cursor) -> Leaf:
    fields = cursor.fields(["$type"], ["$default", "$optional"])
    kind = fields.read("$type", read_kind, Kind.BOOL)
    return Leaf(kind, fields.read("$default", lambda given: _default(given, kind), None))


def _array(cursor: Cursor) -> Leaf:
    fields = cursor.fields(["$type", "$items"], ["$length", "$default", "$optional"])
    items = fields.read("$items", _items, Kind.BOOL)
    length = fields.read("$length", lambda given: read_length(given, items), None)
    array = ParameterArray(items, length)
    return Leaf(array, fields.read("$default", lambda given: _default(given, array), None))


def _items(cursor: Cursor) -> Kind:
    if cursor.is_object:
        cursor.problem("an array of parameters holds primitive values only")
        return Kind.BOOL
    return read_kind(cursor)


def _default(cursor: Cursor, kind: Kind | ParameterArray) -> ParameterValue | None:
    items = kind.items if isinstance(kind, ParameterArray) else kind
    if items in _NO_DEFAULT:
        cursor.key_problem(f"a parameter of type {quoted(items.value)} cannot have a '$default'")
        return None
    try:
        return cast("ParameterValue", fitted(cursor.value, kind))
    except Unfit as unfit:
        cursor.problem(f"must be {unfit.expected}, not {unfit.received}")
        return None


def _leaf_literal(leaf: Leaf) -> object:
    default = {} if leaf.default is None else {"$default": leaf.default}
    if isinstance(leaf.kind, ParameterArray):
        length = {} if leaf.kind.length is None else {"$length": leaf.kind.length}
        return {"$type": "array", "$items": leaf.kind.items.value, **length, **default}
    return {"$type": leaf.kind.value, **default} if default else leaf.kind.value
