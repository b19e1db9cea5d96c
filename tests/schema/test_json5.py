"""The door to the json5 library: values, places, bounds, and a problem for every bad text."""

import contextlib
import re
import time

import json5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.json5 import LARGEST, parse
from peppy.schema.places import Place


def refused(text: str | bytes) -> tuple[int, int, str]:
    with pytest.raises(DocumentError) as caught:
        parse(text, "a.json5")
    (problem,) = caught.value.problems
    return problem.line, problem.column, problem.what


@pytest.mark.parametrize(
    "text",
    [
        "{a: [1, 2, 0x1F,], 'b': \"c\", // note\n $d: null,}",
        "/* note */ [true, false, null, -0, +1, .5, 5., 1e3, -0.25]",
        r"""["a\n", 'it\'s', "\x41", "\u00e9", "two \
lines", "\0", "tab	", "\a"]""",
        "\u00a0{é: 1, \\u0061b: 2, true: 3, NaN: 4, null: 5}\u2028",
        "'}'",
        '{"]": "[", "{": ",", ":": ":"}',
    ],
)
def test_values_are_those_of_the_library(text: str) -> None:
    assert parse(text, "a.json5").value == json5.loads(text)


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    assert parse(r'"\ud83d\ude00"', "a.json5").value == "\N{GRINNING FACE}"


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert refused(r'"\ud83d"') == (1, 1, "this has half of a surrogate pair")


def test_every_value_and_every_key_has_its_place() -> None:
    parsed = parse(b"{\n  a: [1,\r\n   {b: 'x'}],\r  'c': 2\n}", "a.json5")
    assert parsed.place() == Place(1, 1)
    assert parsed.key_place(["a"]) == Place(2, 3)
    assert parsed.place(["a"]) == Place(2, 6)
    assert parsed.place(["a", 0]) == Place(2, 7)
    assert parsed.place(["a", 1]) == Place(3, 4)
    assert parsed.key_place(["a", 1, "b"]) == Place(3, 5)
    assert parsed.place(["a", 1, "b"]) == Place(3, 8)
    assert parsed.key_place(["c"]) == Place(4, 3)


def test_an_item_of_a_list_has_no_key() -> None:
    with pytest.raises(KeyError):
        parse("[1]", "a.json5").key_place([0])


def test_columns_count_characters_and_not_bytes() -> None:
    assert parse("{é: 1, b: 2}".encode(), "a.json5").place(["b"]) == Place(1, 11)


def test_each_duplicate_key_is_named_where_it_stands_again() -> None:
    with pytest.raises(DocumentError) as caught:
        parse('{a: 1,\n "a": 2, b: {c: 1, \\u0063: 2}}', "a.json5")
    assert [(p.line, p.column, p.path) for p in caught.value.problems] == [
        (2, 2, "a"),
        (2, 20, "b.c"),
    ]
    assert caught.value.problems[0].what == "'a' stands here a second time"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", (0, 0, "the document is empty")),
        (b" \n\t ", (0, 0, "the document is empty")),
        ("// only\n", (2, 1, "there is nothing here but comments")),
        (
            b"\xef\xbb\xbf{}",
            (0, 0, "the text begins with a byte order mark, save it without one"),
        ),
        (b"{a:\n '\xff'}", (2, 3, "the text is not UTF-8 from here on, save it as UTF-8")),
        ("{a: '\ud800'}", (1, 6, "the text is not UTF-8 from here on, save it as UTF-8")),
        ("{a: NaN}", (1, 5, "'NaN' is not a finite number")),
        ("{a: -Infinity}", (1, 5, "'-Infinity' is not a finite number")),
        ("1e999", (1, 1, "'1e999' is not a finite number")),
        ("18446744073709551616", (1, 1, "'18446744073709551616' does not fit into 64 bits")),
        ("-9223372036854775809", (1, 1, "'-9223372036854775809' does not fit into 64 bits")),
        ("1" * 5000, (1, 1, "this number has too many digits")),
        ("{a: 01}", (1, 5, "'01' is not a number")),
        ("{a: .}", (1, 5, "'.' is not a number")),
        ("{a: treu}", (1, 5, "'treu' is not a value; did you mean 'true'?")),
        ("{a: camera}", (1, 5, "'camera' is not a value, a string stands in quotes")),
        ("{a: 'x}\n", (1, 5, "this string is not closed on its line")),
        ("{a: 1 /* }", (1, 7, "this comment is not closed")),
        ("{a: #}", (1, 5, "'#' has no meaning here")),
        ("{a: 1 b: 2}", (1, 7, "'b' stands where ',' or '}' is expected")),
        ("{a 1}", (1, 4, "'1' stands where ':' after 'a' is expected")),
        ("{1: 2}", (1, 2, "'1' stands where a key or '}' is expected")),
        ("[1,,2]", (1, 4, "',' stands where a value is expected")),
        ("[1", (1, 3, "the text ends where ',' or ']' is expected")),
        ("{} {}", (1, 4, "the document ends before '{'")),
        (r"['\u00']", (1, 2, "this string has an escape that JSON5 does not have")),
        (r"{a\u0020: 1} #", (1, 14, "'#' has no meaning here")),
        ("{\u2200: 1}", (1, 2, "'\u2200' is not a key, put it into quotes")),
    ],
)
def test_a_bad_text_is_a_problem_with_its_place(
    text: str | bytes, problem: tuple[int, int, str]
) -> None:
    assert refused(text) == problem


def test_the_largest_numbers_of_64_bits_are_kept() -> None:
    text = "[18446744073709551615, -9223372036854775808]"
    assert parse(text, "a.json5").value == [2**64 - 1, -(2**63)]


def test_sixty_four_levels_are_read_and_one_more_is_refused() -> None:
    parse("[" * 64 + "]" * 64, "a.json5")
    assert refused("[" * 65 + "]" * 65) == (1, 65, "this is nested more than 64 levels deep")


def test_a_larger_document_is_refused_unread() -> None:
    assert refused(b"#" * (LARGEST + 1)) == (0, 0, "the document is larger than 1024 KiB")


@pytest.mark.parametrize(
    "text",
    [
        "[" * LARGEST,
        "{a:" * (LARGEST // 3),
        '"' + "a" * (LARGEST - 2) + '"',
        '"' + "\\x41" * (LARGEST // 4 - 2) + '"',
        '"' + "\\" * (LARGEST - 1),
        "/*" + "*" * (LARGEST - 2),
        "//" * (LARGEST // 2),
        "[" + "0x1," * (LARGEST // 4 - 1) + "]",
        "[" + "1," * (LARGEST // 2 - 1) + "]",
        "1" * LARGEST,
        "a" * LARGEST,
        "\n" * LARGEST,
        "é" * LARGEST,
        "{" + "a:1," * (LARGEST // 4 - 1) + "}",
        "{'" + "k" * (LARGEST // 2) + "':[" + "x," * 1000,
    ],
    ids=lambda text: str(text)[:6],
)
def test_no_large_text_takes_long(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DocumentError):
        parse(text, "a.json5")
    assert time.process_time() - started < 4


def test_thirty_kilobytes_of_an_ordinary_document_take_a_fraction_of_a_second() -> None:
    item = "{ name: 'joint', qos_profile: \"reliable\", message_format: { x: 'f64' } },\n"
    text = "[" + item * (30_000 // len(item)) + "]"
    started = time.process_time()
    parse(text, "a.json5")
    assert time.process_time() - started < 0.5


ALPHABET = st.sampled_from([*"{}[]:,'\"\\/*\n+-.0123eExaNu \u2028é", "true", "null", "NaN", "//"])


@given(st.lists(ALPHABET, max_size=30).map("".join))
@settings(max_examples=600)
def test_what_is_read_is_what_the_library_reads(text: str) -> None:
    try:
        value = parse(text, "a.json5").value
    except DocumentError:
        return
    assert value == json5.loads(text)


STRICTER = ("a second time", "finite number", "64 bits", "surrogate", "byte order mark")


@given(st.lists(ALPHABET, max_size=30).map("".join))
@settings(max_examples=600)
def test_what_the_library_reads_is_read_but_for_what_documents_may_not_have(text: str) -> None:
    try:
        json5.loads(text)
    except ValueError:
        return
    try:
        parse(text, "a.json5")
    except DocumentError as error:
        refusal = str(error)
    else:
        return
    assert any(reason in refusal for reason in STRICTER)


TEXTS = st.text(max_size=8).filter(lambda text: not re.search(r"\x00\d", text))
"""The library writes NUL as `\\0`, before a digit too, which is no JSON5."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(JSON)
def test_what_the_library_writes_is_read_back(value: object) -> None:
    assert parse(json5.dumps(value, indent=2), "a.json5").value == value


@given(st.text() | st.binary())
def test_no_text_raises_anything_but_a_sentence(text: str | bytes) -> None:
    with contextlib.suppress(PeppyError):
        assert parse(text, "a.json5").place() >= Place(1, 1)
