"""What is said of names that are not in a stack is refused, and what could be of some is not."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from peppy.schema.errors import PeppyError
from peppy.testing.sentences import Sentence, event, fault, line, message
from peppy.testing.stack.conditions import Conditions
from peppy.testing.stack.names import UnknownInstance
from peppy.testing.trace import NotShown
from tests.testing.stack.lamps import lamps

SHINING = """
from peppygen.emitted_topics import light
import asyncio

async def shine(node_runner):
    while True:
        await light.emit(node_runner, 3)
        await asyncio.sleep(1.0)

def setup(params, node_runner):
    print("shining")
    return [asyncio.create_task(shine(node_runner))]
"""

WRONG: list[tuple[Sentence, str]] = [
    (message("ligth"), "no topic 'ligth' in the stack\n  did you mean 'light'"),
    (message("light", sender="the_lmap"), "no 'the_lmap' in the stack; did you mean 'the_lamp'"),
    (message("light", sender="lamp:v1"), "there is no 'lamp:v1'"),
    (message("light", levle=3), "'light' have no field 'levle'; did you mean 'level'"),
    (event("failed", "the_lmap"), "did you mean 'the_lamp'"),
    (event("failed", "lamp"), "there are 'the_lamp', 'the_other', 'daemon', 'test'"),
    (line("shining", who="the_lmap"), "did you mean 'the_lamp'"),
    (fault("crash", "the_lmap"), "did you mean 'the_lamp'"),
    (event("failed") | message("ligth"), "no topic 'ligth'"),
    (message("light") & message("light", levle=3), "no field 'levle'"),
]


@pytest.mark.parametrize(("sentence", "says"), WRONG, ids=lambda value: str(value)[:30])
async def test_claims_about_what_is_not_there_are_refused(
    autojump_clock: MockClock, tmp_path: Path, sentence: Sentence, says: str
) -> None:
    async with lamps(tmp_path, SHINING) as stack:
        await stack.sleep(2.0)
        trace, right = stack.trace, message("light")
        for claim in (
            lambda: trace.never_shows(sentence),
            lambda: trace.never_shows(right, after=sentence),
            lambda: trace.never_shows(right, before=sentence),
            lambda: trace.shows_after_each(sentence, right, within=1.0),
            lambda: trace.all(sentence),
            lambda: trace.shows(sentence),
        ):
            with pytest.raises(PeppyError, match=says):
                claim()
        with pytest.raises(NotShown, match=says):
            await stack.until(sentence, within=1.0, anew=True)
    with pytest.raises(PeppyError, match=says):
        trace.never_shows(sentence)


async def test_claims_about_what_was_there_are_not(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with lamps(tmp_path, SHINING) as stack:
        await stack.topic("light").publish({"level": 9}, sender="somebody", within=None)
        started = await stack.node("lamp").start()
        await stack.instance("the_other").stop()
        await stack.faults.crash("the_lamp")
        trace = stack.trace
        trace.never_shows(message("light", sender="somebody", level=8))
        trace.never_shows(line("broken", who=str(started.instance_id)))
        trace.never_shows(event("failed", "lamp:v1") | event("failed", "the_other"))
        trace.never_shows(fault("reboot", "machine") | event("adopted", "daemon"))
        stack.network.part({"the_other", "daemon"}, {str(started.instance_id), "test"})


async def test_what_was_to_be_started_and_was_not_can_be_spoken_of(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with lamps(tmp_path, SHINING) as stack:
        await stack.faults.fill_disk()
        with pytest.raises(PeppyError, match="no space"):
            await stack.node("lamp").start("the_third")
        stack.trace.never_shows(event("started", "the_third"))
        await stack.faults.free_disk()


async def test_a_network_takes_nobody_who_is_not_there(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    slow = Conditions(latency=(1.0, 1.0))
    async with lamps(tmp_path, SHINING) as stack:
        network = stack.network
        await stack.topic("light").publish({"level": 9}, sender="somebody", within=None)
        with pytest.raises(UnknownInstance, match="did you mean 'the_lamp'"):
            network.part({"the_lmap"}, {"test"})
        with pytest.raises(UnknownInstance, match="did you mean 'the_lamp'"):
            network.between("the_lmap", "test", slow)
        with pytest.raises(UnknownInstance, match="did you mean 'the_other'"):
            network.between("test", "the_othr", slow)
        with pytest.raises(UnknownInstance, match="no 'somebody'"):
            network.part({"somebody"}, {"the_lamp"})  # it is the test that sends in its name
        # Nothing has come of these.
        await stack.topic("light").next(within=2.0, sender="the_lamp")


async def test_who_is_started_later_is_announced(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with lamps(tmp_path, SHINING) as stack:
        with pytest.raises(UnknownInstance, match=r"announced: stack.expect\('the_third'\)"):
            stack.network.part({"the_third"}, {"test"})
        stack.expect("the_third", "the_fourth")
        stack.network.part({"the_third"}, {"test"})
        stack.trace.never_shows(event("started", "the_third"))
        async with stack.topic("light").subscribe() as light:
            await stack.node("lamp").start("the_third")
            with pytest.raises(AssertionError, match=r"no message of 'the_third'|none of"):
                await light.next(within=5.0, sender="the_third")


async def test_what_is_asked_of_an_instance_that_never_was_is_refused(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with lamps(tmp_path, SHINING) as stack:
        with pytest.raises(UnknownInstance, match="did you mean 'the_lamp'"):
            stack.instance("the_lmap").lines()
        with pytest.raises(UnknownInstance, match="did you mean 'the_lamp'"):
            await stack.service("switch").call({"on": True}, instance="the_lmap")
        with pytest.raises(UnknownInstance, match="did you mean 'the_lamp'"):
            await stack.action("fade").send({"to": 3}, instance="the_lmap")
        await stack.instance("the_lamp").stop()
        assert stack.instance("the_lamp").lines() == ["shining"]
        with pytest.raises(ConnectionError):
            await stack.service("switch").call({"on": True}, instance="the_lamp")


def test_there_are_no_other_faults() -> None:
    with pytest.raises(ValueError, match="no faults 'crsh'; did you mean 'crash'"):
        fault("crsh")
