"""`os.environ` where nodes share a process: each has its own, with what the launch file says."""

import os
from pathlib import Path
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from peppy.schema.control import StartView
from peppy.testing.sentences import line
from peppy.testing.stack.environments import living_in, routed_environments
from tests.testing.stack.lamps import lamps

CODE: Final = """
import asyncio
import os
from os import environ, getenv

AT_IMPORT = os.environ.get("LAMP_COLOR")

async def shine():
    in_thread = await asyncio.to_thread(os.getenv, "LAMP_COLOR")
    print(AT_IMPORT, environ.get("LAMP_COLOR"), getenv("LAMP_COLOR"), in_thread)
    print(os.environ["PATH"], os.environ["OF_THE_TEST"], os.environ["PEPPY_NODE_NAME"])
    print(os.path.expandvars("$LAMP_COLOR"), "PEPPY_RUNTIME_CONFIG" in os.environ)
    os.environ["OF_THE_TEST"] = "changed"
    await asyncio.sleep(1.0)
    print(os.environ["OF_THE_TEST"])
    del os.environ["OF_THE_TEST"]
    print("OF_THE_TEST" in {**os.environ})

async def setup(params, node_runner):
    return [asyncio.create_task(shine())]
"""

ON_TRIO: Final = """
import os
import trio

async def setup(params, node_runner, nursery):
    print(os.environ.get("LAMP_COLOR"), os.environ["HOME"])
    print(await trio.to_thread.run_sync(os.getenv, "LAMP_COLOR"))
"""


async def test_a_node_has_what_the_launch_file_says_and_else_what_the_test_has(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_TEST", "one")
    before = dict(os.environ)
    async with lamps(tmp_path, CODE) as stack:
        await stack.sleep(2.0)
        assert dict(os.environ) == before
        assert stack.instance("the_other").lines() == [
            "green green green green", "/lamps one lamp", "green False", "changed", "False",
        ]  # fmt: skip
        assert stack.instance("the_lamp").lines() == [
            "None None None None", f"{before['PATH']} one lamp", "$LAMP_COLOR False",
            "changed", "False",
        ]  # fmt: skip
    assert dict(os.environ) == before


async def test_a_node_on_trio_has_it_as_well(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with lamps(tmp_path, ON_TRIO) as stack:
        await stack.instance("the_other").restart()
        home = os.environ["HOME"]
        assert stack.instance("the_other").lines() == [f"green {home}", "green"] * 2
        assert stack.instance("the_lamp").lines() == [f"None {home}", "None"]
        started: StartView = await stack.node("lamp").start()
        assert started.instance_id is not None
        stack.trace.shows(line(f"None {home}", who=str(started.instance_id)))


async def test_what_a_test_changes_reaches_those_who_start_later(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lamps(tmp_path, ON_TRIO) as stack:
        monkeypatch.setenv("LAMP_COLOR", "blue")
        await stack.instance("the_lamp").restart()
        assert stack.instance("the_lamp").lines()[-1] == "blue"


def test_it_is_a_mapping_like_the_one_that_it_stands_for() -> None:
    real = os.environ
    with routed_environments():
        assert os.environ == real
        assert os.environ.copy() == dict(real)
        with living_in({"A": "1"}):
            assert os.environ | {"B": "2"} == {"A": "1", "B": "2"}
            assert {"B": "2", "A": "3"} | os.environ == {"A": "1", "B": "2"}
            os.environ |= {"B": "2"}
            assert (dict(os.environ), len(os.environ)) == ({"A": "1", "B": "2"}, 2)
            assert repr(os.environ) == "{'A': '1', 'B': '2'}"
            with pytest.raises(TypeError):
                os.environ["C"] = 3  # type: ignore[assignment]  # as nodes may do
            with pytest.raises(KeyError):
                os.environ["HOME"]
        assert "A" not in os.environ
    assert os.environ is real


def test_outside_of_a_node_it_is_the_processs_own() -> None:
    async def main() -> None:
        with routed_environments():
            os.environ["PEPPY_TEST_OF_ENVIRONMENTS"] = "1"
            assert os.environb[b"PEPPY_TEST_OF_ENVIRONMENTS"] == b"1"
            del os.environ["PEPPY_TEST_OF_ENVIRONMENTS"]
        assert "PEPPY_TEST_OF_ENVIRONMENTS" not in os.environ

    trio.run(main)
