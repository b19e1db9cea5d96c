"""Lock files of launch files that lie in a repository: theirs, and ours of theirs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from peppy.actors.host.memory_files import File
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.stack.repositories import LocatedLauncher
from peppy.schema.control import StopDaemon
from peppy.schema.launch import LockLaunch, PlanLaunch
from peppy.schema.names import Name, Tag
from peppy.schema.repositories import AddRepository, RefreshRepositories
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, NamedSource, Wanted
from tests.actors.daemon.repository_home import ADDRESS, LAUNCHER
from tests.actors.daemon.test_daemon_actor import daemon
from tests.actors.stack.embedded import Embedded

TREE = Path("/team/fleet")
"""Where somebody works on the repository; what others get of it is the same."""

OLD, NEW = "a" * 40, "b" * 40
OURS = "/home/robot/my.lock.json5"


@asynccontextmanager
async def fleet() -> AsyncGenerator[Embedded, None]:
    """Run a daemon with a repository from elsewhere that holds a node and a launch file."""
    async with daemon() as robot:
        robot.source("camera:v1", at=TREE / "camera")
        text = LAUNCHER % "../camera"
        robot.files.put(TREE / "launchers" / "robot.json5", File(text.encode()))
        sources = robot.host.sources
        assert isinstance(sources, MemorySources)
        sources.elsewhere[ADDRESS] = TREE
        sources.commits[ADDRESS] = OLD
        yield robot
        await robot.ask(StopDaemon())


async def move_on(robot: Embedded) -> None:
    """Let the repository have another commit, and look at it."""
    sources = robot.host.sources
    assert isinstance(sources, MemorySources)
    sources.commits[ADDRESS] = NEW
    await robot.ask(RefreshRepositories())


async def test_a_lock_file_from_a_work_tree_holds_for_what_others_get_of_it() -> None:
    async with fleet() as robot:
        await robot.ask(LockLaunch(launcher=str(TREE / "launchers" / "robot.json5")))
        await robot.ask(AddRepository(source=ADDRESS))
        plan = await robot.ask(PlanLaunch(launcher="robot", locked=True))
        assert [node.origin for node in plan.nodes] == [f"{ADDRESS}/camera@{OLD}"]
        # Whoever locks it in the work tree locks what is in each commit, not the commit.
        await move_on(robot)
        await robot.ask(PlanLaunch(launcher="robot", locked=True))
        robot.source("camera:v1", at=TREE / "camera", run="other")
        drift = await robot.refused(PlanLaunch(launcher="robot", locked=True))
        assert "the document of 'camera:v1'" in drift.sentence


async def test_a_lock_file_of_ours_holds_until_the_repository_has_moved_on() -> None:
    async with fleet() as robot:
        await robot.ask(AddRepository(source=ADDRESS))
        await robot.ask(LockLaunch(launcher="robot", lock_file=OURS))
        assert 'local: "../camera"' in robot.text(OURS)
        await robot.ask(PlanLaunch(launcher="robot", locked=True, lock_file=OURS))
        await move_on(robot)
        drift = await robot.refused(PlanLaunch(launcher="robot", locked=True, lock_file=OURS))
        assert drift.kind == "lock_drift"
        assert f"the commit of 'camera:v1': locked is '{OLD}', there is '{NEW}'" in drift.sentence


async def test_no_lock_file_is_written_beside_a_copy() -> None:
    async with fleet() as robot:
        await robot.ask(AddRepository(source=ADDRESS))
        before = set(robot.files.items)
        refused = await robot.refused(LockLaunch(launcher="robot"))
        assert refused.kind == "copy_locked"
        assert "'--lock-file'" in str(refused)
        assert set(robot.files.items) == before


async def test_a_lock_file_is_written_beside_a_launch_file_of_this_machine() -> None:
    async with fleet() as robot:
        await robot.ask(AddRepository(source=str(TREE)))
        view = await robot.ask(LockLaunch(launcher="robot"))
        assert view.lock == str(TREE / "launchers" / "robot.lock.json5")
        await robot.ask(PlanLaunch(launcher="robot", locked=True))


@pytest.mark.parametrize(
    "place",
    [
        GitSource(ADDRESS, "", OLD),
        GitSource(ADDRESS, "robots/fleet", OLD),
        ArchiveSource("https://example.org/fleet.tar.zst", "c" * 64),
        ArchiveSource("https://example.org/fleet.tar.zst", "c" * 64, "fleet-1.0"),
        None,
    ],
)
@pytest.mark.parametrize("inner", ["", "camera", "robots/arm"])
def test_what_a_launch_file_says_comes_back_from_what_it_means(
    place: GitSource | ArchiveSource | None, inner: str
) -> None:
    file = located(place)
    local = LocalSource(str(file.top / inner))
    for said in (Wanted(source=local, variant=local), Wanted(source=local)):
        assert file.unplaced(file.placed(said)) == said
    name = NamedSource(Name("camera"), Tag("v1"))
    others = (
        *(GitSource(ADDRESS, inner, NEW), GitSource("https://example.org/x.git", inner, OLD)),
        *(GitSource(ADDRESS, "robots", OLD), ArchiveSource("https://example.org/x.tzst", "")),
    )
    for other in (name, *others[: 2 if place == GitSource(ADDRESS, "", OLD) else None]):
        assert file.unplaced(Wanted(source=other)) == Wanted(source=other)


def located(place: GitSource | ArchiveSource | None) -> LocatedLauncher:
    top = Path("/cache/fleet")
    return LocatedLauncher(
        path=top / "launchers" / "robot.json5", repository="fleet", place=place, top=top
    )
