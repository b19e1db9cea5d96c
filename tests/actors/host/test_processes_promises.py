import re
import signal
from pathlib import Path

import msgspec
import pytest

from peppy.actors.host.ports import CommandLine, ExitStatus, HostError, OutputLine, Process
from tests.actors.host.host_machines import Machine

STAMP = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\] "


async def test_output_goes_to_the_log_and_to_whoever_reads(machine: Machine) -> None:
    command = await machine.command("greet")
    process = await machine.host.processes.start(command)
    lines = [line async for line in process.lines]
    assert await process.wait() == ExitStatus(code=0)
    assert sorted(lines, key=repr) == [
        OutputLine(stream="stderr", text="oops"),
        OutputLine(stream="stdout", text="hello"),
    ]
    log = (await machine.files.read(command.log)).decode()
    assert re.search(rf"^{STAMP}\[stdout\] hello$", log, re.M)
    assert re.search(rf"^{STAMP}\[stderr\] oops$", log, re.M)
    assert len(log.splitlines()) == 2


async def test_the_exit_code_is_told_any_number_of_times(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("fail"))
    assert await process.wait() == ExitStatus(code=3)
    assert await process.wait() == ExitStatus(code=3)
    process.terminate()
    process.kill()
    assert process.pid > 0


async def test_sigterm_ends_a_program_that_does_not_care(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("sleep"))
    await process.lines.receive()
    process.terminate()
    assert await process.wait() == ExitStatus(signal=signal.SIGTERM)


async def test_a_program_may_answer_sigterm(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("polite"))
    await process.lines.receive()
    process.terminate()
    assert await process.wait() == ExitStatus(code=7)


async def test_nobody_answers_kill(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("stubborn"))
    await process.lines.receive()
    process.terminate()
    process.kill()
    assert await process.wait() == ExitStatus(signal=signal.SIGKILL)


async def test_a_program_that_is_not_there_is_named(machine: Machine) -> None:
    sentence = "cannot start 'nobody': there is no such program"
    with pytest.raises(HostError, match=sentence) as refused:
        await machine.host.processes.start(await machine.command("nobody"))
    assert "PATH" in (refused.value.hint or "")


async def test_a_directory_that_is_not_there_is_named(machine: Machine) -> None:
    command = await machine.command("greet")
    lost = msgspec.structs.replace(command, directory=machine.place / "lost")
    with pytest.raises(HostError, match=r"there is no directory '.*/lost'"):
        await machine.host.processes.start(lost)


async def test_a_long_line_is_split(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("long"))
    lengths = [len(line.text) async for line in process.lines]
    assert lengths == [65536, 100_000 - 65536]


async def test_a_log_that_is_full_is_rotated_and_loses_no_line(machine: Machine) -> None:
    command = msgspec.structs.replace(await machine.command("count"), log_limit=15_000)
    process = await machine.host.processes.start(command)
    await process.wait()
    names = await machine.files.names(command.log.parent)
    assert names == ["run.log", "run.log.1", "run.log.2"]
    texts = [await machine.files.read(command.log.parent / name) for name in reversed(names)]
    assert [int(line.split()[-1]) for line in b"".join(texts).splitlines()] == list(range(1000))
    assert max(map(len, texts)) <= 15_000


async def test_a_log_keeps_three_old_files_at_the_most(machine: Machine) -> None:
    command = msgspec.structs.replace(await machine.command("count"), log_limit=2_000)
    await (await machine.host.processes.start(command)).wait()
    names = await machine.files.names(command.log.parent)
    assert names == ["run.log", "run.log.1", "run.log.2", "run.log.3"]
    assert (await machine.files.tail(command.log, 1))[0].endswith(" 999")


async def test_the_end_of_a_log_that_has_just_been_rotated_is_all_there(machine: Machine) -> None:
    command = msgspec.structs.replace(await machine.command("count"), log_limit=2_000)
    await (await machine.host.processes.start(command)).wait()
    last = await machine.files.tail(command.log, 40)
    assert [int(line.split()[-1]) for line in last] == list(range(960, 1000))
    await machine.files.move(command.log, command.log.with_name("run.log.1"))
    assert len(await machine.files.tail(command.log, 3)) == 3


# Processes with a record, which outlive the daemon.


async def recorded(machine: Machine, name: str) -> CommandLine:
    command = await machine.command(name)
    return msgspec.structs.replace(command, record=record_of(machine))


def record_of(machine: Machine) -> Path:
    return machine.place / "runtime" / "process.json"


async def up(machine: Machine, name: str) -> Process:
    """Start a program with a record; return once it has set its signals."""
    process = await machine.host.processes.start(await recorded(machine, name))
    assert (await process.lines.receive()).text == "up"
    return process


async def adopted(machine: Machine) -> Process:
    process = await machine.host.processes.adopt(record_of(machine))
    assert process is not None
    return process


async def test_a_released_process_is_adopted_as_it_was(machine: Machine) -> None:
    first = await up(machine, "farewell")
    first.release()
    second = await adopted(machine)
    assert second.pid == first.pid
    second.terminate()
    assert [line.text async for line in second.lines] == ["bye"]
    assert await second.wait() == ExitStatus(code=0)
    assert await second.wait() == ExitStatus(code=0)
    log = await machine.files.read(machine.place / "logs" / "run.log")
    assert [line.split()[-1] for line in log.decode().splitlines()] == ["up", "bye"]


async def test_an_adopted_process_is_killed_like_any_other(machine: Machine) -> None:
    (await up(machine, "stubborn")).release()
    process = await adopted(machine)
    process.terminate()
    process.kill()
    assert await process.wait() == ExitStatus(signal=signal.SIGKILL)


async def test_a_process_may_be_adopted_again_and_again(machine: Machine) -> None:
    process = await up(machine, "polite")
    for _ in range(3):
        process.release()
        process = await adopted(machine)
    process.terminate()
    assert await process.wait() == ExitStatus(code=7)


async def test_whoever_has_released_a_process_can_do_nothing_with_it(machine: Machine) -> None:
    first = await up(machine, "polite")
    first.release()
    first.kill()
    first.terminate()
    assert [line.text async for line in first.lines] == []
    second = await adopted(machine)
    first.kill()
    second.terminate()
    assert await second.wait() == ExitStatus(code=7)


async def test_an_adoption_takes_the_process_from_whoever_had_it(machine: Machine) -> None:
    first = await up(machine, "polite")
    second = await adopted(machine)
    assert [line.text async for line in first.lines] == []
    first.kill()
    second.terminate()
    assert await second.wait() == ExitStatus(code=7)


@pytest.mark.parametrize(("name", "code"), [("fail", 3), ("greet", 0)])
async def test_one_that_has_ended_says_how_from_its_record(
    machine: Machine, name: str, code: int
) -> None:
    process = await machine.host.processes.start(await recorded(machine, name))
    await process.wait()
    late = await adopted(machine)
    assert late.pid == process.pid
    assert [line async for line in late.lines] == []
    assert await late.wait() == ExitStatus(code=code)
    for nothing in (late.terminate, late.kill, late.release):
        nothing()


async def test_one_that_was_killed_says_so_from_its_record(machine: Machine) -> None:
    process = await up(machine, "sleep")
    process.kill()
    await process.wait()
    assert await (await adopted(machine)).wait() == ExitStatus(signal=signal.SIGKILL)


async def test_a_process_without_a_record_cannot_be_released(machine: Machine) -> None:
    process = await machine.host.processes.start(await machine.command("polite"))
    await process.lines.receive()
    process.release()
    process.terminate()
    assert await process.wait() == ExitStatus(code=7)


async def test_there_is_nothing_to_adopt_without_a_readable_record(machine: Machine) -> None:
    processes, record = machine.host.processes, record_of(machine)
    assert await processes.adopt(record) is None
    for text in (b"", b"{", b"[]", b"null", b"7", b'{"token": 3}', b"\xff"):
        await machine.files.write(record, text)
        assert await processes.adopt(record) is None


async def test_a_record_that_was_removed_does_not_come_back(machine: Machine) -> None:
    process = await up(machine, "polite")
    await machine.files.remove(record_of(machine))
    process.terminate()
    assert await process.wait() == ExitStatus(code=7)
    assert not await machine.files.exists(record_of(machine))


async def test_a_start_that_fails_leaves_no_record(machine: Machine) -> None:
    with pytest.raises(HostError, match="there is no such program"):
        await machine.host.processes.start(await recorded(machine, "nobody"))
    assert await machine.files.names(record_of(machine).parent) == []
