"""`peppy datastore`: what is asked, what is printed where, and what is refused."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peppy.actors.rules.datastore import Values
from peppy.cli.run import run
from peppy.schema.datastore import (
    LARGEST_VALUE,
    PAGE,
    DatastoreRefusal,
    Encoding,
    GetValue,
    ListValues,
    RemoveValue,
    RemoveValueView,
    SetValue,
    SetView,
    ValueView,
)
from peppy.schema.frames import Refusal
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon

Start = Callable[..., FakeDaemon]

TABLE = """\
┌─────┬──────────────────────────┬───────┬──────────────────┐
│ KEY │ ENCODING                 │ BYTES │ LAST MODIFIED BY │
├─────┼──────────────────────────┼───────┼──────────────────┤
│ a b │ application/octet-stream │ 2     │ cli              │
│ arm │ text/plain               │ 6     │ front            │
└─────┴──────────────────────────┴───────┴──────────────────┘
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a daemon that keeps these values, in a home of its own."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    daemons: list[FakeDaemon] = []

    def begin(*values: SetValue) -> FakeDaemon:
        kept = Values(most_keys=PAGE + 1)
        for value in values:
            kept.set(value)
        daemon = FakeDaemon(tmp_path, lambda request: [answer(kept, request)]).__enter__()
        daemons.append(daemon)
        return daemon

    yield begin
    for daemon in daemons:
        daemon.__exit__(None, None, None)


def answer(kept: Values, request: Request[Any]) -> object:
    try:
        match request:
            case GetValue(key=key):
                return ValueView(stored=kept.get(key))
            case SetValue(key=key, value=value):
                return SetView(key=key, size=len(value), replaced=kept.set(request))
            case ListValues(after=after):
                return kept.page(after)
            case RemoveValue(key=key):
                return RemoveValueView(key=key, existed=kept.remove(key))
            case _:
                raise AssertionError(request)
    except DatastoreRefusal as refused:
        return Refusal(kind=refused.kind, sentence=refused.sentence, hint=refused.hint)


def kept(
    key: str, value: bytes, encoding: Encoding = Encoding.TEXT_PLAIN, by: str = "front"
) -> SetValue:
    return SetValue(key=key, value=value, encoding=encoding, by=by)


ARM = kept("arm", b"locked")
BINARY = kept("a\nb", b"\xff\0", Encoding.APPLICATION_OCTET_STREAM, "cli")


def test_a_text_is_stored_as_text(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start()
    assert run(["datastore", "set", "arm", "locked"]) == 0
    assert capsys.readouterr() == ("Stored 'arm' (6 bytes)\n", "")
    assert daemon.requests == [
        SetValue(key="arm", value=b"locked", encoding=Encoding.TEXT_PLAIN, by="cli")
    ]
    assert run(["datastore", "set", "arm", "x"]) == 0
    assert capsys.readouterr().out == "Replaced 'arm' (1 byte)\n"


def test_a_json5_value_is_stored_as_json(start: Start) -> None:
    daemon = start()
    assert run(["datastore", "set", "limits", "--json-value", "{speed: 1.5, /**/ on: true,}"]) == 0
    (request,) = daemon.requests
    assert request == kept("limits", b'{"speed":1.5,"on":true}', Encoding.APPLICATION_JSON, "cli")


def test_a_value_may_begin_with_a_minus(start: Start) -> None:
    daemon = start()
    assert run(["datastore", "set", "low", "-5"]) == 0
    assert run(["datastore", "set", "low", "--json-value", "-5"]) == 0
    assert [request.value for request in daemon.requests if isinstance(request, SetValue)] == [
        b"-5",
        b"-5",
    ]


def test_an_option_that_is_misspelt_is_no_value(start: Start) -> None:
    daemon = start()
    assert run(["datastore", "set", "low", "--jsn-value", "5"]) == 2
    assert run(["datastore", "set", "low", "--jsn"]) == 2
    assert daemon.requests == []


def test_a_broken_json_value_is_a_failure_and_nothing_is_asked(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start()
    assert run(["datastore", "set", "limits", "--json-value", "{speed: }"]) == 1
    assert "1 problem in the value" in capsys.readouterr().err
    assert daemon.requests == []


def test_a_file_is_stored_as_it_is_with_the_encoding_that_is_said(
    start: Start, tmp_path: Path
) -> None:
    daemon = start()
    file = tmp_path / "map.png"
    file.write_bytes(b"\x89PNG\0")
    assert run(["datastore", "set", "map", "--file", str(file)]) == 0
    assert run(["datastore", "set", "map", "--file", str(file), "--encoding", "image/png"]) == 0
    octets, png = Encoding.APPLICATION_OCTET_STREAM, Encoding.IMAGE_PNG
    assert daemon.requests == [
        kept("map", b"\x89PNG\0", octets, "cli"),
        kept("map", b"\x89PNG\0", png, "cli"),
    ]


def test_a_dash_stores_what_comes_on_stdin(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\0")))
    assert run(["datastore", "set", "map", "--file", "-"]) == 0
    assert [request.value for request in daemon.requests if isinstance(request, SetValue)] == [
        b"\xff\0"
    ]


@pytest.mark.parametrize("words", [[], ["x", "--file", "y"], ["x", "--json-value", "1"]])
def test_no_value_and_two_values_are_no_command_line(start: Start, words: list[str]) -> None:
    daemon = start()
    assert run(["datastore", "set", "arm", *words]) == 2
    assert daemon.requests == []


def test_what_is_too_large_is_never_sent(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start()
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(LARGEST_VALUE * 100)
    assert run(["datastore", "set", "map", "--file", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "value_too_large"
    assert daemon.requests == []


def test_a_file_that_cannot_be_read_is_named(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    assert run(["datastore", "set", "map", "--file", str(tmp_path / "absent")]) == 1
    assert "absent': no such file" in capsys.readouterr().err


def test_a_pipe_gets_the_bytes_and_nothing_else(
    start: Start, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    start(ARM, BINARY)
    assert run(["datastore", "get", "a\nb"]) == 0
    assert run(["datastore", "get", "arm"]) == 0
    assert capfdbinary.readouterr() == (b"\xff\0locked", b"")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (kept("k", b"\x1b[2Jlocked\nshut"), "locked\r\nshut\r\n"),
        (kept("k", b"{}", Encoding.APPLICATION_JSON), "{}\r\n"),
        (kept("k", b"\xff", Encoding.IMAGE_PNG), "(1 byte of image/png; in a pipe"),
        (kept("k", b"\xff\0"), "(2 bytes of text/plain; in a pipe"),
    ],
)
def test_a_terminal_gets_text_that_leaves_it_in_peace(
    start: Start, tmp_path: Path, value: SetValue, shown: str
) -> None:
    start(value)
    controller, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "peppy", "datastore", "get", "k"],
        stdout=terminal,
        check=True,
        env={**os.environ, "PEPPY_HOME": str(tmp_path)},
        timeout=30,
    )
    os.close(terminal)
    text = os.read(controller, 4096).decode()
    os.close(controller)
    assert text.startswith(shown)


def test_json_has_the_value_as_base64_and_text_where_it_is_text(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(ARM, BINARY)
    assert run(["datastore", "get", "arm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "key": "arm",
        "encoding": "text/plain",
        "last_modified_by": "front",
        "size": 6,
        "value": "bG9ja2Vk",
        "text": "locked",
    }
    assert run(["datastore", "get", "a\nb", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["value"], document["text"]) == ("/wA=", None)


@pytest.mark.parametrize("verb", ["get", "remove"])
def test_a_key_that_is_absent_is_a_failure_with_the_nearest_one(
    start: Start, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start(kept("arm_lock", b""))
    assert run(["datastore", verb, "arm_lok"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "the datastore has nothing under 'arm_lok'" in err
    assert "did you mean 'arm_lock'?" in err


def test_remove_says_what_is_gone(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(ARM)
    assert run(["datastore", "remove", "arm"]) == 0
    assert capsys.readouterr() == ("Removed 'arm'\n", "")
    assert run(["datastore", "list"]) == 0
    assert capsys.readouterr().out == "The datastore is empty\n"
    assert daemon.requests == [RemoveValue(key="arm"), ListValues()]


def test_list_draws_one_line_for_each_key(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start(ARM, BINARY)
    assert run(["datastore", "list"]) == 0
    assert capsys.readouterr().out == TABLE


def test_list_goes_through_all_pages(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(*(kept(f"{number:06}", b"") for number in range(PAGE + 1)))
    assert run(["datastore", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["key"] for entry in document["entries"]] == [f"{n:06}" for n in range(PAGE + 1)]
    assert document["more"] is False
    assert daemon.requests == [ListValues(), ListValues(after=f"{PAGE - 1:06}")]


def test_a_page_of_the_longest_keys_fits_in_a_frame() -> None:
    longest = kept("x" * 512, b"", Encoding("x" * 128), "x" * 128)
    values = Values()
    values.set(longest)
    assert len(msgspec.msgpack.encode(values.page(""))) * PAGE < 16 * 1024 * 1024
