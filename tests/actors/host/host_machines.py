"""Two machines for one suite of promises: a real one and one in memory, with the same programs."""

import sys
from collections.abc import Mapping
from pathlib import Path

import trio

from peppy.actors.host.home import Home
from peppy.actors.host.memory import memory_host
from peppy.actors.host.memory_files import Directory, File, Link, MemoryFiles
from peppy.actors.host.memory_processes import Stage
from peppy.actors.host.ports import CommandLine, Files, Host
from peppy.actors.host.real import real_host

PROGRAMS = {
    "greet": "import sys; print('hello'); print('oops', file=sys.stderr)",
    "fail": "import sys; sys.exit(3)",
    "sleep": "import time; print('up', flush=True); time.sleep(60)",
    "stubborn": (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        " print('up', flush=True); time.sleep(60)"
    ),
    "polite": (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
        " print('up', flush=True); time.sleep(60)"
    ),
    "farewell": (
        "import os, signal, time;"
        " signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye\\n'), os._exit(0)));"
        " print('up', flush=True); time.sleep(60)"
    ),
    "long": "print('x' * 100_000)",
    "count": "for n in range(1000): print(n)",
}


async def greet(stage: Stage) -> int:
    stage.print("hello")
    stage.print("oops", "stderr")
    return 0


async def fail(_: Stage) -> int:
    return 3


async def sleep(stage: Stage) -> int:
    stage.print("up")
    await trio.sleep(60)
    return 0


async def stubborn(stage: Stage) -> int:
    stage.handle_terminate()
    return await sleep(stage)


async def polite(stage: Stage) -> int:
    terminated = stage.handle_terminate()
    stage.print("up")
    await terminated.wait()
    return 7


async def farewell(stage: Stage) -> int:
    await polite(stage)
    stage.print("bye")
    return 0


async def long(stage: Stage) -> int:
    stage.print("x" * 100_000)
    return 0


async def count(stage: Stage) -> int:
    for n in range(1000):
        stage.print(str(n))
    return 0


PLAYED = {
    "greet": greet,
    "fail": fail,
    "sleep": sleep,
    "stubborn": stubborn,
    "polite": polite,
    "farewell": farewell,
    "long": long,
    "count": count,
}


class Machine:
    """A host, a place on its disk, and a way to make commands for it."""

    def __init__(self, host: Host, place: Path, environment: Mapping[str, str]) -> None:
        self.host = host
        self.place = place
        self.environment = environment

    @property
    def files(self) -> Files:
        return self.host.files

    async def command(self, name: str) -> CommandLine:
        await self.files.make_directory(self.place / "work")
        return CommandLine(
            argv=(name,),
            directory=self.place / "work",
            environment=self.environment,
            log=self.place / "logs" / "run.log",
            token=f"test/{self.place}",
        )

    async def link(self, path: Path, target: str) -> None:
        if isinstance(self.files, MemoryFiles):
            self.files.put(path, Link(target))
        else:
            path.symlink_to(target)

    async def item(self, path: Path) -> File | Link | Directory:
        if isinstance(self.files, MemoryFiles):
            return self.files.items[path]
        if path.is_symlink():
            return Link(str(path.readlink()))
        if path.is_dir():
            return Directory()
        return File(path.read_bytes(), path.stat().st_mode & 0o7777)


def real_machine(place: Path) -> Machine:
    programs = place / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!{sys.executable} -IS\n{text}\n")
        (programs / name).chmod(0o755)
    return Machine(real_host(Home(place)), place, {"PATH": f"{programs}:/usr/bin:/bin"})


def memory_machine() -> Machine:
    place = Path("/machine")
    files = MemoryFiles()
    files.put(place, Directory())
    return Machine(memory_host(PLAYED, files=files), place, {})
