"""The verbs of the wire as far as they need no wire: what they ask, draw and refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peppy.cli.drawing.wire import actions, services, topic_info, topics
from peppy.cli.run import run
from peppy.schema.control import DescribeWire
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_wire import ENABLE, FRAMES, JOINTS, PAN, WIRE
from tests.cli.test_startup import imported_by


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """A daemon whose wire nobody can reach."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    with FakeDaemon(tmp_path, lambda _: [WIRE]) as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["topic", "list"], topics((FRAMES, JOINTS))),
        (["topic", "info", "camera/frames"], topic_info(FRAMES)),
        (["service", "list"], services((ENABLE,))),
        (["action", "list"], actions((PAN,))),
    ],
)
def test_what_is_on_the_wire_is_asked_of_the_daemon_and_drawn(
    daemon: FakeDaemon, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    assert capsys.readouterr() == (f"{text}\n", "")
    assert daemon.requests == [DescribeWire()]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["topic", "list"], {"topics": "frames"}),
        (["service", "list"], {"services": "enable"}),
        (["action", "list"], {"actions": "pan"}),
    ],
)
@pytest.mark.usefixtures("daemon")
def test_a_list_in_json_is_one_document_under_one_name(
    words: list[str], first: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {kind: views[0]["name"] for kind, views in document.items()} == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topic", "info", "frame"], "there is no topic 'frame' in the stack"),
        (["topic", "echo", "joints"], "topic 'joints' has no message format"),
        (["topic", "echo", "frames", "--filter", "header.x == 1"], "'header' has no field 'x'"),
        (["topic", "echo", "frames", "--field", "dat"], "did you mean 'data'?"),
        (["topic", "hz", "nothing"], "there is no topic 'nothing'"),
        (["topic", "pub", "joints", "{}"], "topic 'joints' has no message format"),
        (["topic", "pub", "frames", "{data: }"], "1 problem in the values for topic 'frames'"),
        (["topic", "pub", "frames", "dat=1"], "did you mean 'data'?"),
        (["topic", "pub", "frames", "matrix=[1]", "data=", "header.at=0"], "9 f64, not of 1"),
    ],
)
@pytest.mark.usefixtures("daemon")
def test_what_cannot_be_done_is_said_before_the_wire_is_opened(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topic", "echo"], "'peppy topic echo' needs NAME"),
        (["topic", "echo", "frames", "--from", "a b"], "'a b' is not an instance id"),
        (["topic", "hz", "frames", "--window", "0"], "'--window' takes a whole number from 1 on"),
        (["topic", "bw", "frames", "--times", "0"], "'--times' takes a whole number from 1 on"),
        (["topic", "pub", "frames", "--rate", "0"], "'--rate' takes a positive number"),
        (["topic", "pub", "frames", "--rate", "nan"], "'--rate' takes a positive number"),
        (["topic", "pub", "frames", "--once", "--times", "2"], "'--once' stands without"),
        (["topic", "pub", "frames", "a=1", "b"], "'b' is no value of a field"),
    ],
)
@pytest.mark.usefixtures("daemon")
def test_a_command_line_without_sense_has_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("group", ["topic", "service", "action"])
def test_the_help_of_every_verb_has_an_example(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([group]) == 0
    listed = capsys.readouterr().out
    verbs = [line.split(":")[0].strip() for line in listed.splitlines() if ": " in line]
    assert "list" in verbs
    for verb in verbs:
        if verb not in ("Usage", "--help (-h)"):
            assert run([group, verb, "--help"]) == 0
            assert f"peppy {group} {verb}" in capsys.readouterr().out.partition("Example")[2]


def test_a_list_opens_no_wire(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, lambda _: [WIRE]):
        heavy = {"trio", "anyio", "zenoh", "asyncio"}
        assert imported_by("topic", "list", home=tmp_path).isdisjoint(heavy)
