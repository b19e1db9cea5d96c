"""What only a real machine can show: families, and what becomes of them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio

from peppy.actors.host.ports import CommandLine, ExitStatus, HostError, Process
from peppy.actors.host.processes import WAITING
from peppy.actors.host.shim_family import Family, bearers
from peppy.actors.host.shim_lines import LONGEST_LINE, LineSplitter
from tests.actors.host.host_machines import Machine, real_machine

ORPHAN = """
import subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);" \\
    "print('orphan', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-IS", "-c", code], start_new_session=True)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return real_machine(tmp_path)


async def python(machine: Machine, code: str) -> CommandLine:
    command = await machine.command("python")
    return msgspec.structs.replace(command, argv=(sys.executable, "-IS", "-c", code))


async def start(machine: Machine, code: str) -> Process:
    return await machine.host.processes.start(await python(machine, code))


def shim_of(process: Process) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])


async def gone(token: str) -> None:
    with trio.fail_after(20):
        while await trio.to_thread.run_sync(bearers, token):  # noqa: ASYNC110  # not our children
            await trio.sleep(0.02)


async def test_a_grandchild_that_holds_the_output_ends_with_the_program(machine: Machine) -> None:
    process = await start(machine, ORPHAN + "time.sleep(0.5)")
    with trio.fail_after(10):
        assert await process.wait() == ExitStatus(code=0)
    assert bearers(f"test/{machine.place}") == set()
    assert "orphan" in (await machine.files.read(machine.place / "logs" / "run.log")).decode()


async def test_kill_reaches_a_grandchild_in_its_own_session(machine: Machine) -> None:
    process = await start(machine, ORPHAN + "time.sleep(60)")
    assert (await process.lines.receive()).text == "orphan"
    process.kill()
    with trio.fail_after(10):
        assert await process.wait() == ExitStatus(signal=signal.SIGKILL)
    assert bearers(f"test/{machine.place}") == set()


async def test_a_killed_shim_takes_its_family_with_it(machine: Machine) -> None:
    process = await start(machine, ORPHAN + "time.sleep(60)")
    assert (await process.lines.receive()).text == "orphan"
    parent = shim_of(process)
    assert parent != os.getpid()
    os.kill(parent, signal.SIGKILL)
    with trio.fail_after(10):
        assert await process.wait() == ExitStatus(signal=signal.SIGKILL)
    await gone(f"test/{machine.place}")


DAEMON = """
import sys, trio
sys.path[:0] = {path!r}
from pathlib import Path
from peppy.actors.host.home import Home
from peppy.actors.host.ports import CommandLine
from peppy.actors.host.real import real_host

async def main():
    place = Path({place!r})
    process = await real_host(Home(place)).processes.start(CommandLine(
        argv=(sys.executable, "-IS", "-c", {code!r}), directory=place, environment={{}},
        log=place / "log", token="test/orphaned"))
    print((await process.lines.receive()).text, flush=True)
    await trio.sleep_forever()
trio.run(main)
"""


async def test_the_family_ends_when_the_daemon_is_killed(machine: Machine) -> None:
    code = "import time; print('up', flush=True); time.sleep(60)"
    text = DAEMON.format(path=sys.path, place=str(machine.place), code=code)
    with subprocess.Popen(  # noqa: ASYNC220  # it is quick
        [sys.executable, "-c", text], stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        assert await trio.to_thread.run_sync(daemon.stdout.readline) == b"up\n"
        assert bearers("test/orphaned")
        daemon.kill()
    await gone("test/orphaned")


def test_what_its_owner_forgets_ends_with_the_run(machine: Machine) -> None:
    async def main() -> None:
        process = await start(machine, ORPHAN + "time.sleep(60)")
        await process.lines.receive()

    trio.run(main)
    assert bearers(f"test/{machine.place}") == set()


async def test_a_flood_loses_no_line_of_the_log(machine: Machine) -> None:
    process = await start(machine, "for n in range(100_000): print(n)")
    assert await process.wait() == ExitStatus(code=0)
    log = (await machine.files.read(machine.place / "logs" / "run.log")).decode()
    assert [int(line.rpartition(" ")[2]) for line in log.splitlines()] == list(range(100_000))


async def test_a_busy_daemon_still_learns_how_it_ended(machine: Machine) -> None:
    process = await start(machine, "for n in range(20_000): print(n)")
    subprocess.run(("sleep", "1.5"), check=True)  # noqa: ASYNC221  # this is what busy means
    assert await process.wait() == ExitStatus(code=0)


async def test_lines_that_nobody_takes_do_not_pile_up(machine: Machine) -> None:
    code = "for _ in range(800): print('x' * 60_000, flush=True)\nimport time; time.sleep(60)"
    command = msgspec.structs.replace(await python(machine, code), log_limit=1 << 30)
    process = await machine.host.processes.start(command)
    log = command.log
    while log.stat().st_size < 800 * 60_000:
        subprocess.run(("sleep", "0.05"), check=True)  # noqa: ASYNC221  # nobody takes them
    status = Path(f"/proc/{shim_of(process)}/status").read_text()
    assert int(status.partition("VmHWM:")[2].split()[0]) < 40_000
    process.kill()
    assert await process.wait() == ExitStatus(signal=signal.SIGKILL)


async def test_long_lines_that_wait_are_few(machine: Machine) -> None:
    process = await start(machine, "for _ in range(800): print('x' * 60_000, flush=True)")
    assert await process.wait() == ExitStatus(code=0)
    waiting = [len(line.text) async for line in process.lines]
    assert WAITING / 2 < sum(waiting) <= WAITING


@pytest.mark.parametrize(
    ("text", "mode", "sentence"),
    [
        ("#!/no/such/python\n", 0o755, "the interpreter in its first line is not there"),
        ("#!/bin/sh\n", 0o644, "it is not executable"),
        ("echo\n", 0o755, "it is no program of this machine"),
    ],
)
async def test_what_is_no_program_is_told_apart(
    machine: Machine, text: str, mode: int, sentence: str
) -> None:
    program = machine.place / "program"
    program.write_text(text)
    program.chmod(mode)
    command = await machine.command("greet")
    with pytest.raises(HostError, match=f"cannot start '{program}': {sentence}") as refused:
        await machine.host.processes.start(msgspec.structs.replace(command, argv=(str(program),)))
    assert refused.value.hint


async def test_undecodable_output_is_replaced_and_an_unfinished_line_kept(machine: Machine) -> None:
    process = await start(machine, "import os; os.write(1, b'a\\xffb\\r\\nend')")
    assert [line.text async for line in process.lines] == ["a�b", "end"]


async def test_a_program_sees_its_environment_and_its_token_only(machine: Machine) -> None:
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.getpgid(0) == os.getpid())"
    process = await start(machine, code)
    lines = [line.text async for line in process.lines]
    assert lines == ["['PATH', 'PEPPY_INSTANCE_TOKEN'] True"]


async def test_ignored_signals_are_not_passed_on(machine: Machine) -> None:
    code = (
        "import signal as s; print(*(s.getsignal(n) is s.SIG_DFL for n in (s.SIGTERM, s.SIGHUP)))"
    )
    process = await start(machine, code)
    assert [line.text async for line in process.lines] == ["True True"]


def test_a_split_falls_between_characters() -> None:
    splitter = LineSplitter()
    text = "ä" * LONGEST_LINE
    data = b"x" + text.encode() + b"\nrest"
    pieces = [
        piece
        for start in range(0, len(data), 1000)
        for piece in splitter.feed(data[start : start + 1000])
    ]
    assert "".join(pieces) == "x" + text
    assert max(len(piece.encode()) for piece in pieces) <= LONGEST_LINE
    assert list(splitter.finish()) == ["rest"]


STORM = """
import os, sys, time
for n in range(500):
    if os.fork() == 0:
        if n % 3 == 1:
            os.setsid()
        if n % 3 == 2 and os.fork():
            os._exit(0)
        while True:
            time.sleep(60)
print("up", flush=True)
time.sleep(60)
"""

RUNNING_ON = """
import os, time
print("up", flush=True)
for _ in range(2000):
    if os.fork():
        time.sleep(0.01)
        os._exit(0)
"""
"""Each generation lives just long enough to have one child; the last one ends by itself."""


async def test_a_storm_of_five_hundred_ends_with_its_program(machine: Machine) -> None:
    process = await start(machine, STORM)
    assert (await process.lines.receive()).text == "up"
    process.kill()
    with trio.fail_after(20):
        await process.wait()
    assert bearers(f"test/{machine.place}") == set()


async def test_a_storm_of_five_hundred_does_not_survive_its_shim(machine: Machine) -> None:
    process = await start(machine, STORM)
    assert (await process.lines.receive()).text == "up"
    os.kill(shim_of(process), signal.SIGKILL)
    with trio.fail_after(20):
        await process.wait()
    assert bearers(f"test/{machine.place}") == set()


async def test_a_group_that_runs_on_while_it_is_killed_does_not_get_away(machine: Machine) -> None:
    process = await start(machine, RUNNING_ON)
    assert (await process.lines.receive()).text == "up"
    process.kill()
    with trio.fail_after(20):
        await process.wait()
    assert bearers(f"test/{machine.place}") == set()


GUARDS = """
import os, time
for _ in range(200):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
for life in range(20):
    guarded = os.getpid()
    if os.fork():
        if life == 0:
            print("up", flush=True)
        os.wait()
    else:
        while os.getppid() == guarded:
            time.sleep(0.0005)
time.sleep(60)
"""
"""The first and the last of many watch each other, and replace each other at once, for a while."""


async def test_guards_that_replace_each_other_are_stopped_before_they_are_killed(
    machine: Machine,
) -> None:
    family = Family(f"test/{machine.place}")
    process = await start(machine, GUARDS)
    assert (await process.lines.receive()).text == "up"
    os.kill(shim_of(process), signal.SIGSTOP)
    assert len(family.members()) > 200
    family.kill()
    with trio.fail_after(5):
        while family.members():  # noqa: ASYNC110  # not our children
            await trio.sleep(0.01)
    os.kill(shim_of(process), signal.SIGCONT)
    assert await process.wait() == ExitStatus(signal=signal.SIGKILL)


async def test_a_child_without_the_token_ends_all_the_same(machine: Machine) -> None:
    code = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen(['sleep', '60'], env={}, start_new_session=True).pid, flush=True)"
    )
    process = await start(machine, code)
    child = int((await process.lines.receive()).text)
    assert await process.wait() == ExitStatus(code=0)
    assert not Path(f"/proc/{child}").exists()
