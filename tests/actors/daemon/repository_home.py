"""The repositories' actor on a machine in memory, and directories for it to look at."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import trio

from peppy.actors.daemon.repositories import Repositories
from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.host.ports import AT_HAND, Fetching
from peppy.actors.kernel import run_actor
from peppy.actors.stack.site import Site
from peppy.runtime.transport.exchange import Exchange
from peppy.schema.frames import Note
from peppy.schema.repositories import (
    AddRepository,
    ListRepositories,
    RefreshRepositories,
    RepositoriesView,
    RepositoryView,
)
from peppy.schema.sources import Origin, PlacedSource
from tests.actors.stack.embedded import HOME, Embedded

HUB = Path("/hub")
ADDRESS = "https://example.org/team/fleet.git"
ARCHIVE = "https://example.org/files/fleet.tar.zst"

LAUNCHER = '{ deployments: [{ source: { local: "%s" }, instances: [{ instance_id: "a" }] }] }'


class Places(MemorySources):
    """Sources in memory that take their time, and some of which are out of reach."""

    def __init__(self, files: MemoryFiles) -> None:
        super().__init__(files)
        self.gate: trio.Event | None = None
        """Held up before this is set are those that have been fetched."""
        self.held_up = 0

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        how.note(Note(stream="doing", text="counting"))
        origin = await super().copy(source, into, how)
        if self.gate is not None:
            self.held_up += 1
            try:
                await self.gate.wait()
            finally:
                self.held_up -= 1
        return origin


class Robot(Embedded):
    """A machine, its repositories, and the site that others look names up with."""

    site_: Site
    places: Places

    def lay(self, path: Path, text: str) -> None:
        self.files.put(path, File(text.encode()))

    def launcher(self, path: Path, local: str = "../camera") -> None:
        self.lay(path, LAUNCHER % local)

    def hub(self, at: Path = HUB) -> Path:
        """Lay out a repository with two nodes and a launch file."""
        self.source("camera:v1", at=at / "camera")
        self.source("arm:v2", at=at / "robots" / "arm")
        self.launcher(at / "launchers" / "robot.json5")
        return at

    async def take(self, source: object = HUB, **others: Any) -> RepositoryView:
        return await self.ask(AddRepository(source=str(source), **others))

    async def all_of_them(self) -> RepositoriesView:
        return await self.ask(ListRepositories())

    async def refresh(self, *names: str) -> RepositoriesView:
        return await self.ask(RefreshRepositories(names=names))

    def left(self) -> set[str]:
        """Return the files that the repositories have on the disk."""
        inside = (HOME.cache, HOME.repositories.parent, HOME.tmp)
        return {
            str(path.relative_to(HOME.root))
            for path, item in self.files.items.items()
            if isinstance(item, File) and any(path.is_relative_to(each) for each in inside)
        }


@asynccontextmanager
async def repositories(robot: Robot | None = None) -> AsyncGenerator[Robot, None]:
    """Run the actor; with a `robot` that another one has left behind, on its disk."""
    if robot is None:
        robot = Robot({})
        robot.places = Places(robot.files)
        robot.host = type(robot.host)(
            robot.host.clock,
            robot.host.processes,
            robot.host.files,
            robot.places,
            robot.host.journal,
        )
    transport = robot.transport()
    with closing(Exchange(transport)) as exchange:
        robot.site_ = robot.site(transport, exchange)
        site = robot.site_
        async with run_actor(lambda: Repositories(site), on_failure=robot.report) as actor:
            robot.stack = actor
            yield robot
    await transport.close()
    assert robot.failures == []
    assert robot.workspaces == set()


def listed(view: RepositoryView) -> list[str]:
    """Return the entries' names and places."""
    return [f"{entry.name} at {entry.path or '.'}" for entry in view.entries]
