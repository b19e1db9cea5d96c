import re
import signal

import msgspec
import pytest

from peppy.actors.host.ports import ExitStatus, HostError, OutputLine
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
