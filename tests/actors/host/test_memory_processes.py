"""What tests of the daemon bring about with processes in memory: its death, and a reboot."""

import signal
from typing import cast

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory import memory_host
from peppy.actors.host.memory_files import MemoryFiles
from peppy.actors.host.memory_processes import MemoryProcess, MemoryProcesses, Stage
from peppy.actors.host.ports import CommandLine, ExitStatus
from tests.actors.host.host_machines import Machine, memory_machine


@pytest.fixture
async def machine() -> Machine:
    return memory_machine()


def processes(machine: Machine) -> MemoryProcesses:
    return cast("MemoryProcesses", machine.host.processes)


async def recorded(machine: Machine, name: str) -> CommandLine:
    record = machine.place / "process.json"
    return msgspec.structs.replace(await machine.command(name), record=record)


async def up(machine: Machine, command: CommandLine) -> MemoryProcess:
    process = await processes(machine).start(command)
    assert (await process.lines.receive()).text == "up"
    return process


async def adopted(machine: Machine) -> MemoryProcess:
    process = await processes(machine).adopt(machine.place / "process.json")
    assert process is not None
    return process


async def test_a_process_with_a_record_outlives_its_daemon(machine: Machine) -> None:
    before = await up(machine, await recorded(machine, "farewell"))
    processes(machine).daemon_died()
    before.kill()
    assert [line async for line in before.lines] == []
    after = await adopted(machine)
    assert after.pid == before.pid
    after.terminate()
    assert [line.text async for line in after.lines] == ["bye"]
    assert await after.wait() == ExitStatus(code=0)


@pytest.mark.parametrize("has_record", [False, True])
async def test_only_a_process_without_a_record_ends_with_its_daemon(
    machine: Machine, has_record: bool
) -> None:
    ended = trio.Event()

    async def deaf(stage: Stage) -> int:
        stage.handle_terminate()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()
        return 0

    files = cast("MemoryFiles", machine.files)
    host = memory_host({"deaf": deaf}, files=files)
    command = await machine.command("deaf")
    if has_record:
        command = await recorded(machine, "deaf")
    await host.processes.start(command)
    await wait_all_tasks_blocked()
    cast("MemoryProcesses", host.processes).daemon_died()
    await wait_all_tasks_blocked()
    assert ended.is_set() is not has_record


async def test_one_that_ends_without_a_daemon_says_how(machine: Machine) -> None:
    await up(machine, msgspec.structs.replace(await recorded(machine, "polite"), abandoned_after=9))
    processes(machine).daemon_died()
    await wait_all_tasks_blocked()
    daemonless = await adopted(machine)
    processes(machine).daemon_died()
    daemonless.terminate()
    again = await adopted(machine)
    again.terminate()
    assert await again.wait() == ExitStatus(code=7)
    processes(machine).daemon_died()
    assert await (await adopted(machine)).wait() == ExitStatus(code=7)


async def test_what_no_daemon_comes_for_is_ended_in_the_end(
    machine: Machine, autojump_clock: MockClock
) -> None:
    command = await recorded(machine, "stubborn")
    command = msgspec.structs.replace(command, abandoned_after=30.0, grace=10.0)
    (await up(machine, command)).release()
    begun = trio.current_time()
    await trio.sleep(39)
    assert b'ended":false' in await machine.files.read(machine.place / "process.json")
    await trio.sleep(2)
    assert await (await adopted(machine)).wait() == ExitStatus(signal=signal.SIGKILL)
    assert trio.current_time() - begun == pytest.approx(41)


async def test_an_adoption_ends_the_wait_for_a_daemon(
    machine: Machine, autojump_clock: MockClock
) -> None:
    command = msgspec.structs.replace(await recorded(machine, "polite"), abandoned_after=30.0)
    (await up(machine, command)).release()
    await trio.sleep(29)
    process = await adopted(machine)
    with trio.move_on_after(1000):
        assert not await process.wait()
    process.terminate()
    assert await process.wait() == ExitStatus(code=7)


async def test_nobody_sees_how_a_process_ends_when_the_machine_starts_anew(
    machine: Machine,
) -> None:
    await up(machine, await recorded(machine, "sleep"))
    processes(machine).reboot()
    process = await adopted(machine)
    assert [line async for line in process.lines] == []
    assert await process.wait() == ExitStatus()
