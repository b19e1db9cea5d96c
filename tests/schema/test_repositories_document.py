"""The file of the repositories: what is read, and what stays when it is changed."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.names import Name
from peppy.schema.repositories_document import (
    HEAD,
    RepositorySetting,
    read_repositories,
    repositories_text,
)

ONE = RepositorySetting(name=Name("one"), source="/robots")
TWO = RepositorySetting(
    name=Name("two"), source="https://h/a.git", ref="main", exclude=("x:v1", "y")
)
THREE = RepositorySetting(name=Name("three"), source="/nodes", exclude=("z",))

FRESH = """\
{
  repositories: [
    {
      name: "one",
      source: "/robots",
    },
    {
      name: "two",
      source: "https://h/a.git",
      ref: "main",
      exclude: ["x:v1", "y"],
    },
  ],
}
"""

MINE = """\
// mine
{
    // the list
    repositories: [
        { name: 'one', source: '/robots' }, // first
        // about two
        {
            name: 'two', // two!
            source: "https://h/a.git", ref: "main",
            exclude: ["x:v1", "y"], // why
        } // no comma
    ] // end
}
// tail
"""


def read(text: str) -> tuple[RepositorySetting, ...]:
    return read_repositories(text.encode(), "repositories.json5")


def test_a_fresh_document_says_what_it_is_and_is_read() -> None:
    text = repositories_text([ONE, TWO])
    assert text == "\n".join((*HEAD, FRESH))
    assert read(text) == (ONE, TWO)


def test_a_document_with_nothing_in_it_is_read() -> None:
    assert read(repositories_text([])) == ()


def test_what_has_not_changed_leaves_the_text_as_it_is() -> None:
    assert repositories_text([TWO, ONE], MINE) == MINE


@pytest.mark.parametrize(
    ("wanted", "old", "new"),
    [
        (
            [ONE, TWO, THREE],
            "        } // no comma\n",
            '        }, // no comma\n        {\n          name: "three",\n          source: '
            '"/nodes",\n          exclude: ["z"],\n        },\n',
        ),
        ([TWO], "        { name: 'one', source: '/robots' }, // first\n", "        // first\n"),
        ([replace(ONE, exclude=("z",)), TWO], "/robots' }", '/robots\', exclude: ["z"] }'),
        ([ONE, replace(TWO, exclude=("x:v1", "y", "z"))], '"y"]', '"y", "z"]'),
        ([ONE, replace(TWO, exclude=("y",))], '["x:v1", "y"]', '["y"]'),
        ([ONE, replace(TWO, exclude=("x:v1",))], '["x:v1", "y"]', '["x:v1"]'),
        ([ONE, replace(TWO, exclude=())], '["x:v1", "y"]', "[]"),
        (
            [replace(ONE, source="/other"), TWO],
            "{ name: 'one', source: '/robots' }",
            '{\n          name: "one",\n          source: "/other",\n        }',
        ),
    ],
)
def test_a_change_leaves_everything_else_that_a_person_wrote(
    wanted: list[RepositorySetting], old: str, new: str
) -> None:
    assert MINE.count(old) == 1
    text = repositories_text(wanted, MINE)
    assert text == MINE.replace(old, new)
    assert read(text) == tuple(wanted)


def test_the_ends_of_lines_are_those_of_the_file() -> None:
    text = repositories_text([ONE, TWO, THREE], MINE.replace("\n", "\r\n"))
    assert text.count("\n") == text.count("\r\n")
    assert read(text) == (ONE, TWO, THREE)


@pytest.mark.parametrize(
    "before",
    [
        "{repositories: []}",
        "{repositories: [ ],}",
        "{repositories: [\n]}",
        "{repositories: [{name: 'old', source: '/o'}]}",
        "{repositories: [{name: 'old', source: '/o'}, {name: 'one', source: '/robots',},]}",
        "{repositories: [{name: 'two', source: 'x', exclude: [\n'x:v1', // a\n'y' // b\n]}]}",
        "{repositories: 1}",
        "no document",
        "",
    ],
)
def test_whatever_stood_there_the_repositories_are_those_that_are_wanted(before: str) -> None:
    for wanted in ([], [ONE], [ONE, TWO], [THREE, TWO]):
        found = read(repositories_text(wanted, before))
        assert sorted(each.name for each in found) == sorted(each.name for each in wanted)
        assert set(found) == set(wanted)


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("{}", "", "'repositories' is missing"),
        ("{repositories: {}}", "repositories", "must be a list, not an object"),
        ("{repositories: [], repos: []}", "repos", "'repos' is not known here"),
        ("{repositories: [{name: 'a'}]}", "repositories[0]", "'source' is missing"),
        ("{repositories: [{name: 'a b', source: 'x'}]}", "repositories[0].name", "'a b' is not"),
        (
            "{repositories: [{name: 'a', source: 'x', exclude: 'y'}]}",
            "repositories[0].exclude",
            "must be a list, not a string",
        ),
        (
            "{repositories: [{name: 'a', source: 'x'}, {name: 'a', source: 'y'}]}",
            "repositories[1]",
            "repository 'a' stands here a second time",
        ),
    ],
)
def test_a_wrong_document_is_a_problem(text: str, path: str, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.what.startswith(what)


_SETTINGS = st.builds(
    RepositorySetting,
    name=st.sampled_from([Name(name) for name in "abcd"]),
    source=st.sampled_from(["/x", "https://h/ü.git", 'a"b\\c']),
    ref=st.sampled_from([None, "main"]),
    exclude=st.lists(st.sampled_from(["x", "y:v1", "'"]), unique=True).map(tuple),
)
_LISTS = st.lists(_SETTINGS, unique_by=lambda each: each.name)


@settings(max_examples=8)
@given(st.lists(_LISTS, min_size=1, max_size=4))
def test_however_often_a_document_is_changed_it_says_what_is_wanted(
    steps: list[list[RepositorySetting]],
) -> None:
    text = MINE
    for wanted in steps:
        text = repositories_text(wanted, text)
        by_name = {each.name: each for each in read(text)}
        assert by_name.keys() == {each.name for each in wanted}
        for each in wanted:
            found = by_name[each.name]
            assert replace(found, exclude=()) == replace(each, exclude=())
            assert set(found.exclude) == set(each.exclude)
        for comment in ("// mine", "// the list", "// about two", "// end", "// tail"):
            assert comment in text


@settings(max_examples=40)
@given(st.integers(0, len(MINE)), st.integers(0, 30), st.sampled_from(["", "}", "[", "1", "\\"]))
def test_no_document_is_more_than_refused(at: int, length: int, put: str) -> None:
    text = MINE[:at] + put + MINE[at + length :]
    with contextlib.suppress(PeppyError):
        read(text)
    assert set(read(repositories_text([ONE, THREE], text))) == {ONE, THREE}
