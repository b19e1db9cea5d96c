"""Large payloads cross through shared memory, of which nothing is left, however a process ends."""

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import anyio
import pytest

from peppy.runtime.transport import shared_memory
from peppy.runtime.transport.shared_memory import SHARE, SMALLEST_POOL, pool_size, sweep
from tests.runtime.transport.wires import DEADLINE, router_somewhere

pytestmark = pytest.mark.skipif(
    not shared_memory.DIRECTORY.is_dir(), reason="there is no memory file system"
)

SIZE = 3_000_000

RECEIVER = f"""
import asyncio, hashlib, sys
from peppy.runtime.transport.zenoh import open_peer

async def main():
    transport = await open_peer("127.0.0.1", int(sys.argv[1]))
    subscription = transport.subscribe("big")
    for _ in range(3):
        payload = (await subscription.receive()).payload
        assert len(payload) == {SIZE}
    print(hashlib.sha256(payload).hexdigest(), flush=True)
    sys.stdin.readline()
    await transport.close()

asyncio.run(main())
"""

SENDER = f"""
import asyncio, hashlib, os, sys
from peppy.runtime.transport.port import Delivery
from peppy.runtime.transport.zenoh import open_peer

async def main():
    transport = await open_peer("127.0.0.1", int(sys.argv[1]))
    publisher = transport.publisher("big", Delivery.RELIABLE)
    while not publisher.matched():
        await asyncio.sleep(0.002)
    payload = os.urandom({SIZE})
    for _ in range(3):
        publisher.put(payload)
    print(hashlib.sha256(payload).hexdigest(), flush=True)
    sys.stdin.readline()
    await transport.close()

asyncio.run(main())
"""

KEEPER = """
import asyncio, hashlib, sys
from peppy.runtime.transport.zenoh import open_peer

async def main():
    transport = await open_peer("127.0.0.1", int(sys.argv[1]))
    subscriptions = {"early": transport.subscribe("big"), "late": transport.subscribe("big")}
    while wanted := sys.stdin.readline().strip():
        payload = (await subscriptions[wanted].receive()).payload
        print(hashlib.sha256(payload).hexdigest(), flush=True)
    await transport.close()

asyncio.run(main())
"""


def files_of(process: "subprocess.Popen[str]") -> set[Path]:
    """Return the shared memory that a process has mapped."""
    lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    found = {Path(line.split()[-1]) for line in lines if str(shared_memory.DIRECTORY) in line}
    return {path for path in found if path.suffix == shared_memory.SUFFIX}


def nameless_in(process: "subprocess.Popen[str]") -> set[Path]:
    """Return the names that the shared memory of a process had and has no more."""
    lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    prefix = str(shared_memory.DIRECTORY)
    return {Path(line.split()[-2]) for line in lines if prefix in line and "(deleted)" in line}


def lists_of(process: "subprocess.Popen[str]") -> list[Path]:
    return list(shared_memory.DIRECTORY.glob(f"peppy-{process.pid}-*.pool"))


def pools_in(files: set[Path]) -> set[Path]:
    return {path for path in files if path.stat().st_size >= SMALLEST_POOL}


def sweep_until_gone(files: set[Path]) -> None:
    """Sweep until the files are old enough to be taken."""

    async def main() -> None:
        with anyio.fail_after(DEADLINE):
            while any(path.exists() for path in files):
                await anyio.sleep(0.1)
                sweep()

    anyio.run(main)


@contextmanager
def program(text: str, argument: object) -> Generator["subprocess.Popen[str]", None, None]:
    process = subprocess.Popen(
        [sys.executable, "-c", text, str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
    finally:
        process.kill()
        process.wait()


def said(process: "subprocess.Popen[str]") -> str:
    return the(process.stdout).readline()


def the(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def tell(process: "subprocess.Popen[str]", line: str) -> None:
    the(process.stdin).write(f"{line}\n")
    the(process.stdin).flush()


def taken(keeper: "subprocess.Popen[str]", subscription: str) -> list[str]:
    """Return the digests of the next three payloads of one of its subscriptions."""
    for _ in range(3):
        tell(keeper, subscription)
    return [said(keeper) for _ in range(3)]


def end(process: "subprocess.Popen[str]") -> None:
    tell(process, "")
    assert process.wait(DEADLINE) == 0


def across_two_processes(
    then: Callable[["subprocess.Popen[str]", "subprocess.Popen[str]"], None],
) -> set[Path]:
    """Have a payload cross from one process to another, `then` something; return the files."""
    shared: set[Path] = set()

    async def main() -> None:
        router, port = await router_somewhere()
        with ExitStack() as stack:
            receiver = stack.enter_context(program(RECEIVER, port))
            sender = stack.enter_context(program(SENDER, port))
            sent = await anyio.to_thread.run_sync(said, sender)
            assert await anyio.to_thread.run_sync(said, receiver) == sent != ""
            shared.update(files_of(sender) & files_of(receiver))
            then(sender, receiver)
        await router.close()

    anyio.run(main)
    return shared


def test_a_large_payload_crosses_through_shared_memory_of_which_a_sweep_leaves_nothing() -> None:
    def end_both(sender: "subprocess.Popen[str]", receiver: "subprocess.Popen[str]") -> None:
        (own_list,) = lists_of(sender)
        assert stat.S_IMODE(own_list.stat().st_mode) == 0o600
        end(receiver)
        end(sender)
        assert not own_list.exists()

    shared = across_two_processes(end_both)
    assert shared
    sweep_until_gone(shared)


@pytest.mark.parametrize("killed", ["sender", "receiver"])
def test_what_a_killed_process_leaves_is_swept_up_once_nobody_uses_it(killed: str) -> None:
    left: set[Path] = set()

    def kill_one(sender: "subprocess.Popen[str]", receiver: "subprocess.Popen[str]") -> None:
        victim, other = (sender, receiver) if killed == "sender" else (receiver, sender)
        left.update(files_of(sender) | files_of(receiver))
        victim.kill()
        victim.wait()
        sweep()
        in_use = files_of(other)  # by now: it gives back what the dead one shared
        assert in_use
        assert all(path.exists() for path in in_use)
        end(other)

    across_two_processes(kill_one)
    assert left
    sweep_until_gone(left)


def test_the_pool_of_a_killed_sender_loses_its_name_and_nothing_of_what_its_receiver_holds() -> (
    None
):
    left: set[Path] = set()

    def scenario(port: int) -> None:
        with program(KEEPER, port) as keeper:
            with program(SENDER, port) as first:
                sent = said(first)
                assert taken(keeper, "early") == [sent] * 3
                pools = pools_in(files_of(first))
                assert pools
                assert pools <= files_of(keeper)
                sweep()
                assert all(path.exists() for path in (*pools, *lists_of(first)))
                left.update(files_of(first))
                first.kill()
                first.wait()
                sweep()
                assert not [path for path in (*pools, *lists_of(first)) if path.exists()]
                assert nameless_in(keeper) == pools
            with program(SENDER, port) as second:
                sent_later = said(second)
                assert taken(keeper, "early") == [sent_later] * 3
                assert taken(keeper, "late") == [sent] * 3
                assert taken(keeper, "late") == [sent_later] * 3
                left.update(files_of(second))
                end(keeper)
                end(second)

    async def main() -> None:
        router, port = await router_somewhere()
        await anyio.to_thread.run_sync(scenario, port)
        await router.close()

    anyio.run(main)
    sweep_until_gone(left)


def leave(directory: Path, name: str) -> Path:
    path = directory / name
    path.write_bytes(b"left behind")
    return path


@contextmanager
def in_use(path: Path) -> Generator[None, None, None]:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def test_a_sweep_takes_what_nobody_uses_and_no_other_file(tmp_path: Path) -> None:
    unused = [leave(tmp_path, f"{number}.zenoh") for number in range(3)]
    used, other = leave(tmp_path, "used.zenoh"), leave(tmp_path, "somebody's")
    (tmp_path / "linked.zenoh").symlink_to(other)
    (tmp_path / "directory.zenoh").mkdir()
    with in_use(used):
        assert sweep(tmp_path, older_than=0) == len(unused)
        assert not [path for path in unused if path.exists()]
        assert used.exists()
        assert other.exists()
        assert (tmp_path / "directory.zenoh").exists()
    assert sweep(tmp_path, older_than=0) == 1
    assert not used.exists()


def test_a_sweep_leaves_files_that_may_be_about_to_be_locked_to_the_next(tmp_path: Path) -> None:
    made = leave(tmp_path, "1.zenoh")
    assert sweep(tmp_path) == 0
    assert made.exists()
    assert sweep(tmp_path, older_than=0) == 1


def test_a_sweep_where_nothing_is_finds_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path) == 0
    assert sweep(tmp_path / "not there") == 0


def file_system(free: int, _: Path) -> SimpleNamespace:
    """Say what a file system says of itself."""
    return SimpleNamespace(f_frsize=4096, f_bavail=free // 4096)


@pytest.mark.parametrize(
    ("free", "enabled"),
    [(0, False), (SMALLEST_POOL * SHARE - 4096, False), (SMALLEST_POOL * SHARE, True)],
)
def test_with_little_free_memory_payloads_go_over_the_link(
    monkeypatch: pytest.MonkeyPatch, free: int, enabled: bool
) -> None:
    monkeypatch.setattr(os, "statvfs", partial(file_system, free))
    assert bool(pool_size()) is enabled


def test_without_a_memory_file_system_payloads_go_over_the_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shared_memory, "DIRECTORY", tmp_path / "not there")
    assert pool_size() == 0


@pytest.mark.parametrize("free", [SMALLEST_POOL * SHARE, 1 << 30, 1 << 40])
def test_a_pool_takes_a_small_part_of_what_is_free_and_never_more_than_is_useful(
    monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(os, "statvfs", partial(file_system, free))
    assert SMALLEST_POOL <= pool_size() <= min(free // SHARE, shared_memory.LARGEST_POOL)
