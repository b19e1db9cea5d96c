"""Real processes that outlive their daemon, and what the next one makes of their records."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from peppy.actors.host import shim, shim_record
from peppy.actors.host.ports import CommandLine, ExitStatus, Process
from peppy.actors.host.shim_family import Family, bearers
from tests.actors.host.host_machines import Machine, real_machine

COUNT = (
    "import itertools, time\nfor n in itertools.count(): print(n, flush=True); time.sleep(0.002)"
)

DAEMON = """
import sys, trio, msgspec
sys.path[:0] = {path!r}
from pathlib import Path
from peppy.actors.host.home import Home
from peppy.actors.host.ports import CommandLine
from peppy.actors.host.real import real_host

async def main():
    process = await real_host(Home(Path("/"))).processes.start(
        msgspec.json.decode(
            sys.stdin.buffer.read(), type=CommandLine, dec_hook=lambda kind, text: kind(text)))
    await process.lines.receive()
    print(process.pid, flush=True)
    await trio.sleep_forever()
trio.run(main)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    yield real_machine(tmp_path)
    Family(token(tmp_path)).end()


def token(place: Path) -> str:
    return f"test/{place}"


async def python(machine: Machine, code: str) -> CommandLine:
    command = await machine.command("python")
    return msgspec.structs.replace(
        command,
        argv=(sys.executable, "-IS", "-c", code),
        record=machine.place / "runtime" / "process.json",
    )


async def adopt(machine: Machine, command: CommandLine) -> Process | None:
    assert command.record is not None
    return await machine.host.processes.adopt(command.record)


async def adopted(machine: Machine, command: CommandLine) -> Process:
    process = await adopt(machine, command)
    assert process is not None
    return process


async def started(machine: Machine, command: CommandLine) -> Process:
    """Start a program that prints a line once it is up."""
    process = await machine.host.processes.start(command)
    await process.lines.receive()
    return process


def record_in(command: CommandLine) -> shim_record.Record:
    record = shim_record.read(str(command.record))
    assert record is not None
    return record


def lay(command: CommandLine, record: shim_record.Record) -> None:
    shim_record.write(str(command.record), record)


@contextmanager
def daemon_of(command: CommandLine) -> Generator[subprocess.Popen[bytes], None, None]:
    """Give a daemon of its own that has started `command`; it is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as daemon:
        try:
            assert daemon.stdin is not None
            assert daemon.stdout is not None
            with daemon.stdin as order:
                order.write(msgspec.json.encode(command, enc_hook=str))
            assert int(daemon.stdout.readline())
            yield daemon
        finally:
            daemon.kill()


async def gone(machine: Machine) -> None:
    with trio.fail_after(20):
        while await trio.to_thread.run_sync(bearers, token(machine.place)):  # noqa: ASYNC110
            await trio.sleep(0.02)


def numbers(log: Path) -> list[int]:
    return [int(line.split()[-1]) for line in log.read_text().splitlines()]


async def test_a_killed_daemon_costs_no_line_of_the_log(machine: Machine) -> None:
    command = await python(machine, COUNT)
    with daemon_of(command) as daemon:
        before = len(numbers(command.log))
        daemon.kill()
    process = await adopted(machine, command)
    for _ in range(50):
        await process.lines.receive()
    process.kill()
    assert await process.wait() == ExitStatus(signal=signal.SIGKILL)
    logged = numbers(command.log)
    assert logged == list(range(len(logged)))
    assert len(logged) >= before + 50


async def test_what_a_daemon_that_hangs_has_not_fetched_is_not_the_next_ones(
    machine: Machine,
) -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye\\n'), os._exit(0)))\n"
        "print('up', flush=True); time.sleep(0.5)\n"
        "for n in range(30_000): print(n, 'x' * 100)\n"
        "print('flooded', flush=True); time.sleep(60)"
    )
    command = await python(machine, code)
    with daemon_of(command) as daemon:
        daemon.send_signal(signal.SIGSTOP)
        with trio.fail_after(20):
            while not command.log.read_text().endswith("flooded\n"):  # noqa: ASYNC110
                await trio.sleep(0.02)
        process = await adopted(machine, command)
        # Told by nothing but the end of its connection, it must leave the process alone.
        daemon.send_signal(signal.SIGCONT)
        with trio.move_on_after(3):
            assert not await process.wait()
        process.terminate()
        assert [line.text async for line in process.lines] == ["bye"]
        assert await process.wait() == ExitStatus(code=0)


async def test_the_end_of_the_daemons_run_leaves_what_has_a_record(machine: Machine) -> None:
    command = await python(machine, COUNT)
    with daemon_of(command) as daemon:
        daemon.send_signal(signal.SIGINT)
        daemon.wait()
    process = await adopted(machine, command)
    await process.lines.receive()
    process.kill()
    await process.wait()


async def test_one_that_ends_without_a_daemon_says_how(machine: Machine) -> None:
    code = "import os, signal\nprint('up', flush=True)\nsignal.pause()"
    command = await python(machine, code)
    process = await started(machine, command)
    process.release()
    await trio.testing.wait_all_tasks_blocked()
    os.kill(process.pid, signal.SIGUSR1)
    await gone(machine)
    assert await (await adopted(machine, command)).wait() == ExitStatus(signal=signal.SIGUSR1)
    with trio.fail_after(5):
        while Path(record_in(command).socket).exists():  # noqa: ASYNC110  # not our child
            await trio.sleep(0.01)
    assert [path.name for path in (machine.place / "runtime").iterdir()] == ["process.json"]


async def test_what_no_daemon_comes_for_is_ended_in_the_end(machine: Machine) -> None:
    stubborn = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    command = await python(machine, stubborn + "print('up', flush=True); time.sleep(60)")
    command = msgspec.structs.replace(command, abandoned_after=0.1, grace=0.1)
    (await started(machine, command)).release()
    await gone(machine)
    assert await (await adopted(machine, command)).wait() == ExitStatus(signal=signal.SIGKILL)


async def test_one_whose_end_cannot_be_written_down_waits_for_a_daemon(machine: Machine) -> None:
    command = await python(machine, "import signal; print('up', flush=True); signal.pause()")
    process = await started(machine, command)
    process.release()
    await trio.testing.wait_all_tasks_blocked()
    Path(f"{command.record}.{record_in(command).shim}.new").mkdir()
    os.kill(process.pid, signal.SIGUSR1)
    await gone(machine)
    process = await adopted(machine, command)
    assert record_in(command).ended_at is None
    assert await process.wait() == ExitStatus(signal=signal.SIGUSR1)


async def test_one_whose_shim_was_killed_is_ended_without_a_status(machine: Machine) -> None:
    code = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " start_new_session=True)\nprint('up', flush=True); time.sleep(60)"
    )
    command = await python(machine, code)
    (await started(machine, command)).release()
    os.kill(record_in(command).shim, signal.SIGKILL)
    assert len(bearers(token(machine.place))) >= 1
    process = await adopted(machine, command)
    assert bearers(token(machine.place)) == set()
    assert await process.wait() == ExitStatus()
    assert not Path(record_in(command).socket).exists()


async def test_a_record_of_another_boot_has_nothing_signalled(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    process = await started(machine, command)
    lay(command, record_in(command)._replace(boot="another"))
    assert await (await adopted(machine, command)).wait() == ExitStatus()
    assert bearers(token(machine.place)) == {process.pid}


async def test_a_stranger_with_the_shims_id_is_not_signalled(machine: Machine) -> None:
    command = await python(machine, "print('up')")
    await (await machine.host.processes.start(command)).wait()
    with subprocess.Popen(("sleep", "60")) as stranger:  # noqa: ASYNC220
        alive = record_in(command)._replace(ended_at=None, code=None)
        lay(command, alive._replace(shim=stranger.pid, pid=stranger.pid))
        assert await (await adopted(machine, command)).wait() == ExitStatus()
        assert stranger.poll() is None
        stranger.kill()


async def test_another_shim_at_the_old_ones_socket_is_let_be(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    other = msgspec.structs.replace(command, record=machine.place / "other.json", token="other")
    living = await started(machine, command)
    ended = await started(machine, other)
    ended.kill()
    await ended.wait()
    stale = record_in(other)._replace(ended_at=None, signal=None)
    lay(other, stale._replace(socket=record_in(command).socket))
    assert await (await adopted(machine, other)).wait() == ExitStatus()
    living.terminate()
    assert await living.wait() == ExitStatus(signal=signal.SIGTERM)


async def test_a_record_cut_at_any_byte_signals_only_its_own_bearers(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    assert command.record is not None
    process = await started(machine, command)
    process.release()
    whole = command.record.read_bytes()
    end = whole.index(command.token.encode()) + len(command.token) + 1
    for cut in range(end):
        command.record.write_bytes(whole[:cut])
        assert await adopt(machine, command) is None
    assert bearers(token(machine.place)) == {process.pid}
    command.record.write_bytes(whole[:end])
    assert await adopt(machine, command) is None
    assert bearers(token(machine.place)) == set()


async def test_a_record_of_a_newer_version_is_not_guessed_at(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    (await started(machine, command)).release()
    lay(command, record_in(command)._replace(version=shim_record.VERSION + 1))
    assert await adopt(machine, command) is None
    assert bearers(token(machine.place)) == set()


async def test_a_record_whose_token_is_empty_is_nobodys(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    process = await started(machine, command)
    assert command.record is not None
    command.record.write_text(json.dumps({"token": "", "version": 99}))
    assert await adopt(machine, command) is None
    assert bearers(token(machine.place)) == {process.pid}


async def test_the_socket_is_its_owners_alone(machine: Machine) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    await started(machine, command)
    status = Path(record_in(command).socket).lstat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert command.record is not None
    assert stat.S_IMODE(command.record.stat().st_mode) == 0o600


@pytest.mark.parametrize("folders", [[], ["d" * 60] * 3])
@pytest.mark.parametrize("name", ["process", "process_" + "i" * 128])
async def test_a_record_may_lie_deep_down_and_have_a_long_name(
    machine: Machine, folders: list[str], name: str
) -> None:
    command = await python(machine, "import time; print('up', flush=True); time.sleep(60)")
    deep = machine.place.joinpath(*folders) / f"{name}.json"
    command = msgspec.structs.replace(command, record=deep)
    (await started(machine, command)).release()
    process = await adopted(machine, command)
    process.terminate()
    assert await process.wait() == ExitStatus(signal=signal.SIGTERM)


def test_nothing_is_started_for_a_daemon_that_has_died_meanwhile(machine: Machine) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    record, sign = machine.place / "runtime" / "process.json", machine.place / "sign"
    order = {
        "argv": ["touch", str(sign)],
        "directory": str(machine.place),
        "environment": machine.environment,
        "log": str(machine.place / "log"),
        "token": token(machine.place),
        "grace": 1.0,
        "log_limit": 1000,
        "record": str(record),
        "abandoned_after": 60.0,
    }
    script = str(Path(shim.__file__).with_name("shim_main.py"))
    with theirs:
        words = [sys.executable, "-I", "-S", script, str(theirs.fileno())]
        text = json.dumps(order).encode()
        subprocess.run(words, input=text, pass_fds=[theirs.fileno()], check=True)
    assert not sign.exists()
    assert list(record.parent.iterdir()) == []


def test_a_stranger_is_sent_no_signal() -> None:
    with subprocess.Popen(("sleep", "60")) as stranger:
        family = Family("test/nobody")
        assert not family.has(stranger.pid)
        assert not family.send(stranger.pid, signal.SIGKILL)
        assert not Family("", root=stranger.pid).send(os.getppid(), 0)
        assert stranger.poll() is None
        assert Family("test/nobody", root=os.getpid()).send(stranger.pid, signal.SIGKILL)
