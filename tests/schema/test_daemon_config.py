"""The daemon's settings: what is read, what is refused, and what completing leaves alone."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.daemon_config import Buffers, DaemonConfig, Lifecycle, Mode
from peppy.schema.daemon_config_reader import read_daemon_config
from peppy.schema.daemon_config_text import SETTINGS, Setting, completed, fresh
from peppy.schema.errors import DocumentError, Problem
from peppy.schema.json5 import parse

SPACES = st.sampled_from(
    ["", " ", "\n", "\t", "\r\n", "\n\n    ", " // why\n", " /* a\n b */ ", "// {,}\n  "]
)
EXTRA = st.sampled_from(["extra", "'peer '", '"lifecycle.x"', "modes"])
VALUES = st.sampled_from(["1", "'}'", "null", "[1, {a: 2},]", "{ // x\n}", '"// no"'])


def numbers(least: int) -> st.SearchStrategy[str]:
    whole = st.integers(least, 500)
    return st.one_of(whole.map(str), whole.map(lambda n: f"{n}.0"), whole.map(lambda n: f"+{n}"))


def objects(members: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Texts of objects with some of these members, some strange ones, and odd spacing."""

    @st.composite
    def text(draw: st.DrawFn) -> str:
        keys = draw(st.permutations(sorted(members)))
        chosen = keys[: draw(st.integers(0, len(keys)))]
        pairs = [(key, draw(members[key])) for key in chosen]
        if draw(st.booleans()):
            pairs.append((draw(EXTRA), draw(VALUES)))
        written = ",".join(
            f"{draw(SPACES)}{key}{draw(SPACES)}:{draw(SPACES)}{value}{draw(SPACES)}"
            for key, value in pairs
        )
        ends_with_comma = draw(st.booleans())
        trailing = "," if pairs and ends_with_comma else ""
        return f"{{{written}{trailing}{draw(SPACES)}}}"

    return text()


def seconds(least: int) -> st.SearchStrategy[str]:
    return st.one_of(numbers(least), st.just(f"{least}.5"))


DOCUMENTS = st.tuples(
    SPACES,
    objects(
        {
            "mode": st.sampled_from(['"router"', "'peer'", '"\\u0070eer"']),
            "peer": objects(
                {"standard_buffer_size": numbers(1), "'high_throughput_buffer_size'": numbers(1)}
            ),
            "lifecycle": objects(
                {"daemon_grace_secs": seconds(30), '"shutdown_grace_secs"': seconds(1)}
            ),
        }
    ),
    SPACES,
).map("".join)


def holds(whole: str, part: str) -> bool:
    """Say whether every character of `part` is in `whole`, in this order."""
    rest = iter(whole)
    return all(character in rest for character in part)


def lacking(value: Any, settings: tuple[Setting, ...] = SETTINGS) -> list[str]:
    """Return the settings that an object and the objects in it lack."""
    found: list[str] = []
    for setting in settings:
        if setting.key not in value:
            found.append(setting.key)
        elif not isinstance(setting.value, str):
            found += lacking(value[setting.key], setting.value)
    return found


def problems(text: str) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        read_daemon_config(text, "x")
    return list(caught.value.problems)


def test_a_fresh_file_says_what_holds_without_one() -> None:
    reading = read_daemon_config(fresh(), "x")
    assert reading.config == DaemonConfig()
    assert reading.unknown == ()
    assert completed(fresh()) == fresh()
    assert max(map(len, fresh().splitlines())) <= 100


def test_the_values_of_the_page_are_the_defaults() -> None:
    assert parse(fresh(), "x").value == {
        "mode": "peer",
        "peer": {"standard_buffer_size": 128, "high_throughput_buffer_size": 1024},
        "lifecycle": {"daemon_grace_secs": 180, "shutdown_grace_secs": 5},
    }


def test_every_setting_is_read() -> None:
    reading = read_daemon_config(
        """{ mode: "router",
             peer: { standard_buffer_size: 7, high_throughput_buffer_size: 9.0 },
             lifecycle: { daemon_grace_secs: 30, shutdown_grace_secs: 1.5 } }""",
        "x",
    )
    assert reading.config == DaemonConfig(
        mode=Mode.ROUTER, buffers=Buffers(7, 9), lifecycle=Lifecycle(30.0, 1.5)
    )


@given(DOCUMENTS)
def test_completing_keeps_what_was_written_and_what_it_says(text: str) -> None:
    after = completed(text)
    assert holds(after, text)
    assert completed(after) == after
    before, now = read_daemon_config(text, "x"), read_daemon_config(after, "x")
    assert now.config == before.config
    assert [problem.path for problem in now.unknown] == [problem.path for problem in before.unknown]
    assert lacking(parse(after, "x").value) == []


@given(DOCUMENTS)
def test_completing_adds_nothing_where_nothing_lacks(text: str) -> None:
    assert (completed(text) == text) == (lacking(parse(text, "x").value) == [])


def test_what_lacks_comes_into_the_right_object_behind_the_last_member() -> None:
    text = """\
// mine
{
    lifecycle: {
        shutdown_grace_secs: 9 // it parks the arm
    },
    mode: 'router', peer: { standard_buffer_size: 4, high_throughput_buffer_size: 5 }
}
"""
    assert (
        completed(text)
        == """\
// mine
{
    lifecycle: {
        shutdown_grace_secs: 9, // it parks the arm
        // How long a node bears a silent daemon before it ends itself. At least 30.
        daemon_grace_secs: 180,
    },
    mode: 'router', peer: { standard_buffer_size: 4, high_throughput_buffer_size: 5 }
}
"""
    )


def test_line_ends_stay_those_of_the_file() -> None:
    after = completed("{\r\n  mode: 'peer',\r\n}\r\n")
    assert re.search(r"(?<!\r)\n", after) is None
    assert read_daemon_config(after, "x").config == DaemonConfig()


def test_all_problems_come_at_once_with_their_places() -> None:
    found = problems(
        """{
  mode: "ruter",
  peer: { standard_buffer_size: 0, high_throughput_buffer_size: 1.5 },
  lifecycle: {
    daemon_grace_secs: 29.9,
    shutdown_grace_secs: "5",
  },
}"""
    )
    assert [(p.line, p.column, p.path, p.what) for p in found] == [
        (2, 9, "mode", "'ruter' is not known here; did you mean 'router'?"),
        (3, 33, "peer.standard_buffer_size", "must be at least 1, not '0'"),
        (
            3,
            65,
            "peer.high_throughput_buffer_size",
            "must be a whole number, not '1.5'",
        ),
        (5, 24, "lifecycle.daemon_grace_secs", "must be at least 30, not '29.9'"),
        (6, 26, "lifecycle.shutdown_grace_secs", "must be a number, not a string"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("[]", "", "must be an object, not a list"),
        ("{peer: null}", "peer", "must be an object, not null"),
        ("{lifecycle: 5}", "lifecycle", "must be an object, not a whole number"),
        ("{mode: true}", "mode", "must be 'peer' or 'router', not a boolean"),
        (
            "{lifecycle: {daemon_grace_secs: true}}",
            "lifecycle.daemon_grace_secs",
            "must be a number, not a boolean",
        ),
        (
            "{lifecycle: {shutdown_grace_secs: 604801}}",
            "lifecycle.shutdown_grace_secs",
            "must be at most 604800, not '604801'",
        ),
        (
            "{peer: {standard_buffer_size: 1e7}}",
            "peer.standard_buffer_size",
            "must be at most 1000000, not '10000000.0'",
        ),
        ("{mode: 'peer', mode: 'router'}", "mode", "'mode' stands here a second time"),
        ("{mode: 'peer'", "", "the text ends where ',' or '}' is expected"),
        ("", "", "the document is empty"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(text: str, path: str, what: str) -> None:
    (problem,) = problems(text)
    assert (problem.path, problem.what) == (path, what)


def test_unknown_keys_are_told_with_a_guess_and_have_no_effect() -> None:
    reading = read_daemon_config(
        "{ mood: 1,\n  lifecycle: { shutdown_grace_sec: 0 }, peer: { x: [] } }", "x"
    )
    assert reading.config == DaemonConfig()
    assert [msgspec.structs.astuple(problem) for problem in reading.unknown] == [
        (1, 3, "mood", "'mood' is not known here; did you mean 'mode'?"),
        (
            2,
            16,
            "lifecycle.shutdown_grace_sec",
            "'shutdown_grace_sec' is not known here; did you mean 'shutdown_grace_secs'?",
        ),
        (2, 49, "peer.x", "'x' is not known here"),
    ]
