# ruff: noqa: T201
import asyncio
import logging
import sys
import threading

import pytest
import trio

from peppy.runtime.output import complain
from peppy.testing.stack.output import NOBODY, Voice, routed, speaking_to


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.voice = Voice(self.say)

    def say(self, line: str, stream: str) -> None:
        self.lines.append((stream, line))


async def test_what_two_nodes_print_at_the_same_time_is_kept_apart() -> None:
    logs = [Log(), Log()]

    async def speak(log: Log, name: str) -> None:
        with speaking_to(log.voice):
            for number in range(2):
                print(name, number)
                await trio.lowlevel.checkpoint()

    with routed():
        async with trio.open_nursery() as nursery:
            for number, log in enumerate(logs):
                nursery.start_soon(speak, log, f"node {number}")
    assert [log.lines for log in logs] == [
        [("stdout", f"node {number} 0"), ("stdout", f"node {number} 1")] for number in range(2)
    ]


def test_a_line_is_one_however_many_pieces_it_comes_in() -> None:
    log = Log()
    with routed(), speaking_to(log.voice):
        sys.stdout.write("one ")
        complain("a complaint")
        sys.stdout.write("line\nand the next\n\nrest")
    assert log.lines == [
        ("stderr", "a complaint"),
        ("stdout", "one line"),
        ("stdout", "and the next"),
        ("stdout", ""),
    ]
    log.voice.end()
    assert log.lines[-1] == ("stdout", "rest")


def test_tasks_jobs_and_loggers_of_a_node_speak_with_its_voice() -> None:
    log = Log()
    logger = logging.getLogger("of a node")
    logger.propagate = False

    async def main() -> None:
        await asyncio.create_task(asyncio.to_thread(print, "a job"))
        logger.warning("a logger")

    with routed():
        handler = logging.StreamHandler()
        logger.addHandler(handler)
        with speaking_to(log.voice):
            asyncio.run(main())
    logger.removeHandler(handler)
    assert log.lines == [("stdout", "a job"), ("stderr", "a logger")]


def test_output_of_others_goes_where_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    with routed(), speaking_to(Log().voice):
        thread = threading.Thread(target=print, args=["of a thread"])
        thread.start()
        thread.join()
    with routed():
        print("of the test")
        print("aloud", file=sys.stderr)
    assert capsys.readouterr() == ("of a thread\nof the test\n", "aloud\n")


def test_standard_output_is_as_before_in_the_end() -> None:
    before = sys.stdout, sys.stderr
    with routed():
        assert sys.stdout is not before[0]
        with routed():
            pass
    assert (sys.stdout, sys.stderr) == before


def test_a_voice_that_is_muted_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    with routed(), speaking_to(log.voice):
        print("begun", end="")
        log.voice.mute()
        print("late")
    with routed(), speaking_to(NOBODY):
        print("never")
    assert log.lines == []
    assert capsys.readouterr().out == ""
