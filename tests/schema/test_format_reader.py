"""Message formats from documents and from literals."""

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.format_reader import format_literal, parse_format, read_format
from peppy.schema.formats import Array, Field, FieldType, Kind, MessageFormat, Object, Primitive
from peppy.schema.identifiers import identifier
from peppy.schema.json5 import parse
from peppy.schema.kinds import FIXED_SIZE
from peppy.schema.reader import cursor_over


def problems(literal: object) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        parse_format(literal)
    assert all(problem.line == 0 for problem in caught.value.problems)
    return [(problem.path, problem.what) for problem in caught.value.problems]


def one(literal: object) -> FieldType:
    (field,) = parse_format({"x": literal}).fields
    return field.type


@pytest.mark.parametrize("kind", list(Kind))
def test_every_primitive_is_read_bare_and_in_the_long_form(kind: Kind) -> None:
    assert one(kind.value) == one({"$type": kind.value}) == Primitive(kind)


@pytest.mark.parametrize(
    ("alias", "kind"), [("float", Kind.F32), ("double", Kind.F64), ("str", Kind.STRING)]
)
def test_an_alias_is_its_canonical_type(alias: str, kind: Kind) -> None:
    assert one(alias) == Primitive(kind)


def test_an_object_may_leave_its_type_out() -> None:
    fields = {"stamp": "time", "frame_id": "u32"}
    assert one(fields) == one({"$type": "object", **fields})
    assert one(fields) == Object(
        (Field("stamp", Primitive(Kind.TIME)), Field("frame_id", Primitive(Kind.U32)))
    )


def test_an_array_has_items_and_perhaps_a_length() -> None:
    assert one({"$type": "array", "$items": "u8"}) == Array(Primitive(Kind.U8))
    fixed = one({"$type": "array", "$items": {"$type": "f32"}, "$length": 3})
    assert fixed == Array(Primitive(Kind.F32), 3)


def test_an_array_may_hold_objects_that_hold_arrays() -> None:
    inner = {"$type": "array", "$items": "i32", "$length": 3}
    items = {"$type": "object", "name": "string", "position": inner}
    assert one({"$type": "array", "$items": items}) == Array(
        Object(
            (
                Field("name", Primitive(Kind.STRING)),
                Field("position", Array(Primitive(Kind.I32), 3)),
            )
        )
    )


def test_fields_keep_the_order_of_the_document() -> None:
    read = parse_format({"z": "u8", "a": "u8", "m": "u8"})
    assert [field.name for field in read.fields] == ["z", "a", "m"]


def test_fields_at_the_root_may_be_optional() -> None:
    array = {"$type": "array", "$items": "u8", "$optional": True}
    read = parse_format(
        {
            "a": {"$type": "string", "$optional": True},
            "b": {"$optional": True, "c": "u8"},
            "d": array,
            "e": {"$type": "string", "$optional": False},
        }
    )
    assert [field.optional for field in read.fields] == [True, True, True, False]


@pytest.mark.parametrize(
    ("literal", "path", "what"),
    [
        ({"a": "u33"}, "a", "'u33' is not a type; did you mean 'u32'?"),
        (
            {"a": "zebra"},
            "a",
            "'zebra' is not a type: bool, u8 to u64, i8 to i64, f32, f64, string, bytes, time, "
            "array and object are",
        ),
        ({"a": {"$type": "object_"}}, "a.$type", "'object_' is not a type; did you mean 'object'?"),
        (
            {"a": "array"},
            "a",
            "'array' is not a primitive type, as one is needed here",
        ),
        ({"a": 3}, "a", "must be a type or an object of fields, not a whole number"),
        ({"a": {"$type": 3}}, "a.$type", "must be the name of a type, not a whole number"),
        ({"a": {"$type": "u8", "b": "u8"}}, "a.b", "'b' is not known here"),
        (
            {"a": {"$type": "u8", "$optinal": True}},
            "a.$optinal",
            "'$optinal' is not known here; did you mean '$optional'?",
        ),
        (
            {"a": {"$type": "u8", "$optional": 1}},
            "a.$optional",
            "must be true or false, not a whole number",
        ),
        (
            {"a": {"b": {"$type": "u8", "$optional": True}}},
            "a.b.$optional",
            "'b' cannot be optional: only fields at the root of a message can",
        ),
        (
            {"a": {"$type": "array", "$items": {"$type": "u8", "$optional": True}}},
            "a.$items.$optional",
            "'$items' cannot be optional: only fields at the root of a message can",
        ),
        ({"a": {"$type": "array"}}, "a", "'$items' is missing"),
        (
            {"a": {"$items": "u8"}},
            "a.$items",
            "an array says so: write '$type: \"array\"' beside '$items'",
        ),
        (
            {"a": {"$type": "array", "$items": {"$type": "array", "$items": "u8"}}},
            "a.$items",
            "arrays of arrays are not supported: put the inner one into an object",
        ),
        (
            {"a": {"$type": "array", "$items": "u8", "$length": 0}},
            "a.$length",
            "must be from 1 to 4294967295, not '0'",
        ),
        (
            {"a": {"$type": "array", "$items": "u8", "$length": True}},
            "a.$length",
            "must be a whole number, not a boolean",
        ),
        (
            {"a": {"$type": "array", "$items": "string", "$length": 2}},
            "a.$length",
            "arrays of 'string' have no fixed length: only numbers and 'bool' do",
        ),
        (
            {"a": {"$type": "array", "$items": {"b": "u8"}, "$length": 2}},
            "a.$length",
            "arrays of objects have no fixed length: only numbers and 'bool' do",
        ),
        (
            {"a": {"$type": "object", "$length": 2}},
            "a.$length",
            "'$length' is not known in an object",
        ),
        ({"$type": "object"}, "$type", "'$type' stands on fields, not on the whole message"),
        (
            {"a": {"b": {"instance_id": "u8"}}},
            "a.b.instance_id",
            "'instance_id' is reserved: it says who sent a message",
        ),
        (
            {"a": {"$type": "array", "$items": {"instance_id": "u8"}}},
            "a.$items.instance_id",
            "'instance_id' is reserved: it says who sent a message",
        ),
        (
            {"a-b": "u8", "A_b": "u8"},
            "A_b",
            "'A_b' and 'a-b' both become 'a_b' in code",
        ),
        (
            {"a": {"class": "u8", "class_": "u8"}},
            "a.class_",
            "'class_' and 'class' both become 'class_' in code",
        ),
        (
            {"a b": "u8"},
            "['a b']",
            "'a b' is not a name: use ASCII letters, digits, '_' and '-', up to 128 of them",
        ),
        ("u8", "", "must be an object, not a string"),
        ({1: "u8"}, "", "has a key that is a whole number, not a string"),
    ],
)
def test_a_format_that_breaks_a_rule_says_which(literal: object, path: str, what: str) -> None:
    assert (path, what) in problems(literal)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in FIXED_SIZE])
def test_only_numbers_and_booleans_have_a_fixed_length(kind: Kind) -> None:
    literal = {"$type": "array", "$items": kind.value, "$length": 2}
    assert [path for path, _ in problems({"a": literal})] == ["a.$length"]


def test_the_depth_of_a_format_is_bounded() -> None:
    literal: dict[str, object] = {}
    literal["a"] = literal
    ((_, what),) = problems(literal)
    assert what == "is nested more than 32 levels deep"


def test_all_problems_of_a_document_come_at_once_in_the_order_of_their_places() -> None:
    text = "{\n  a: 'u33',\n  b: { c: { $type: 'u8', $optional: true }, d: 7 },\n  a-: 1 }"
    cursor = cursor_over(parse(text.replace("a-", "'a-'"), "a.json5"))
    read_format(cursor)
    with pytest.raises(DocumentError) as caught:
        cursor.report.settle()
    assert [(p.line, p.column, p.path) for p in caught.value.problems] == [
        (2, 6, "a"),
        (3, 26, "b.c.$optional"),
        (3, 48, "b.d"),
        (4, 9, "a-"),
    ]


NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True).filter(
    lambda name: identifier(name) != "instance_id"
)
PRIMITIVES = st.sampled_from(Kind).map(Primitive)


def fields_of(
    inner: st.SearchStrategy[FieldType], optional: bool
) -> st.SearchStrategy[list[Field]]:
    marks = st.booleans() if optional else st.just(False)
    return st.lists(
        st.builds(Field, NAMES, inner, marks), max_size=4, unique_by=lambda f: identifier(f.name)
    )


def arrays(kind: Primitive | Object) -> st.SearchStrategy[FieldType]:
    fixed = isinstance(kind, Primitive) and kind.kind in FIXED_SIZE
    lengths = st.none() | st.integers(1, 2**32 - 1) if fixed else st.none()
    return st.builds(Array, st.just(kind), lengths)


def grown(inner: st.SearchStrategy[FieldType]) -> st.SearchStrategy[FieldType]:
    objects = fields_of(inner, optional=False).map(lambda fields: Object(tuple(fields)))
    return objects | (PRIMITIVES | objects).flatmap(arrays)


TYPES: st.SearchStrategy[FieldType] = st.recursive(PRIMITIVES, grown, max_leaves=8)
FORMATS = fields_of(TYPES, optional=True).map(lambda fields: MessageFormat(tuple(fields)))


@given(FORMATS)
def test_a_format_reads_back_from_its_literal(message: MessageFormat) -> None:
    assert parse_format(format_literal(message)) == message


@given(FORMATS)
def test_a_formats_literal_reads_back_from_a_document(message: MessageFormat) -> None:
    cursor = cursor_over(parse(repr(format_literal(message)).replace("True", "true"), "a.json5"))
    read = read_format(cursor)
    cursor.report.settle()
    assert read == message


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(Kind).map(str),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$type", "$items", "$length", "$optional", "a"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)


@given(LITERALS)
def test_no_literal_raises_anything_but_a_sentence(literal: object) -> None:
    with contextlib.suppress(PeppyError):
        again = format_literal(parse_format(literal))
        assert format_literal(parse_format(again)) == again


def test_a_nodes_own_environment_needs_no_json5() -> None:
    code = (
        "import sys\n"
        "sys.modules['json5'] = None\n"
        "import peppy.schema.format_reader, peppy.schema.parameters, peppy.schema.arguments\n"
        "import peppy.schema.identifiers, peppy.schema.fingerprint, peppy.schema.generated_names\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
