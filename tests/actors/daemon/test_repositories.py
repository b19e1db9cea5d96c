"""Repositories: what they are found to hold, what is kept of that, and what is refused."""

from contextlib import closing
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.daemon import repository_scan
from peppy.actors.daemon.daemon import Daemon
from peppy.actors.host.memory_files import Directory, File, Link, MemoryFiles
from peppy.actors.kernel import run_actor
from peppy.actors.stack.repositories import locate, locate_launcher
from peppy.actors.stack.repository_index import index_path
from peppy.runtime.transport.exchange import Exchange
from peppy.schema.control import AddNode, StopDaemon
from peppy.schema.datastore import ListValues
from peppy.schema.errors import PeppyError
from peppy.schema.json5 import LARGEST
from peppy.schema.names import Name, Tag
from peppy.schema.repositories import (
    AddRepository,
    ExcludeEntry,
    ListRepositories,
    RefreshRepositories,
    RemoveRepository,
)
from peppy.schema.sources import GitSource, LocalSource, NamedSource, Wanted
from tests.actors.daemon.repository_home import (
    ADDRESS,
    ARCHIVE,
    HUB,
    Robot,
    listed,
    repositories,
)
from tests.actors.daemon.test_daemon_actor import daemon
from tests.actors.stack.embedded import HOME, Embedded, Player

CAMERA = NamedSource(Name("camera"), Tag("v1"))


async def sought(robot: Robot, name: NamedSource | str) -> PeppyError:
    """Return what looking a name up is refused with."""
    try:
        if isinstance(name, str):
            await locate_launcher(robot.site_, name)
        else:
            await locate(robot.site_, name)
    except PeppyError as error:
        return error
    raise AssertionError(f"{name} was found")


# What a repository holds.


async def test_a_directory_gives_its_nodes_and_its_launch_files() -> None:
    async with repositories() as robot:
        view = await robot.take(robot.hub())
        assert view.name == "hub"
        assert listed(view) == [
            "robot at launchers/robot.json5",
            "arm:v2 at robots/arm",
            "camera:v1 at camera",
        ]
        assert (view.origin, view.problems) == ("/hub", ())
        assert (await robot.all_of_them()).repositories == (view,)
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_a_node_at_the_top_is_the_repository_itself() -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB)
        assert listed(await robot.take()) == ["camera:v1 at ."]
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub")


async def test_variants_and_other_documents_are_not_listed() -> None:
    async with repositories() as robot:
        robot.hub()
        robot.lay(HUB / "camera" / "mock" / "peppy.json5", '{ execution: { run_cmd: ["x"] } }')
        robot.lay(HUB / "settings.json5", '{ speed: 1, what: "deployments" }')
        robot.lay(HUB / "broken.json5", "{ not a document of ours")
        robot.files.put(HUB / "launchers" / "again.json5", Link("robot.json5"))
        robot.files.put(HUB / "loop", Link("."))
        view = await robot.take()
        assert (len(view.entries), view.problems) == (3, ())


async def test_launch_files_of_the_older_generation_are_called_as_what_they_lie_in() -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB / "camera")
        robot.launcher(HUB / "peppy_launcher.json5", "./camera")
        robot.launcher(HUB / "patrol" / "peppy_launcher.json5")
        view = await robot.take(name="fleet")
        assert listed(view)[:2] == [
            "fleet at peppy_launcher.json5",
            "patrol at patrol/peppy_launcher.json5",
        ]


async def test_what_cannot_be_read_is_a_problem_and_the_rest_is_taken() -> None:
    async with repositories() as robot:
        robot.hub()
        robot.lay(HUB / "bad" / "peppy.json5", '{ peppy_schema: "node_v1", manifest: { nam: 1 } }')
        robot.lay(HUB / "worse" / "peppy.json5", "{ peppy_schema")
        robot.lay(HUB / "stage.json5", '{ deployments: [{ source: { locl: "x" } }] }')
        robot.lay(HUB / "huge" / "peppy.json5", " " * (LARGEST + 1))
        robot.lay(HUB / "a\x1b[2J" / "peppy.json5", "{}")
        view = await robot.take()
        assert len(view.entries) == 3
        by_file = {problem.partition(":")[0]: problem for problem in view.problems}
        assert set(by_file) == {
            "bad/peppy.json5",
            "worse/peppy.json5",
            "stage.json5",
            "huge/peppy.json5",
            "'a\\x1b[2J/peppy.json5' has a name that cannot be shown",
        }
        assert by_file["bad/peppy.json5"].endswith(" (and 3 more)")
        assert by_file["huge/peppy.json5"].endswith("the document is larger than 1024 KiB")


async def test_names_that_differ_in_case_are_two_names() -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB / "camera")
        robot.source("Camera:v1", at=HUB / "Camera")
        view = await robot.take()
        assert listed(view) == ["Camera:v1 at Camera", "camera:v1 at camera"]
        assert (await robot.all_of_them()).ambiguous == ()
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_so_many_documents_are_looked_at_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repository_scan, "MOST_DOCUMENTS", 20)
    async with repositories() as robot:
        for number in range(30):
            robot.source(f"n{number:02}:v1", at=HUB / f"n{number:02}")
        view = await robot.take()
        assert [entry.name for entry in view.entries] == [f"n{n:02}:v1" for n in range(20)]
        assert view.problems == ("it has more than 20 documents, and only so many are looked at",)


async def test_only_so_many_problems_are_listed() -> None:
    async with repositories() as robot:
        for number in range(60):
            robot.lay(HUB / str(number) / "peppy.json5", "{ x")
        view = await robot.take()
        assert len(view.problems) == repository_scan.MOST_PROBLEMS + 1
        assert view.problems[-1] == "there are 10 more problems"


async def test_what_lies_too_deep_is_not_looked_at() -> None:
    async with repositories() as robot:
        deep = HUB.joinpath(*"abcdefgh")
        robot.source("camera:v1", at=deep)
        robot.source("arm:v1", at=deep / "i")
        assert [entry.name for entry in (await robot.take()).entries] == ["camera:v1"]


async def test_a_repository_with_nothing_in_it_is_taken_with_a_warning() -> None:
    async with repositories() as robot:
        robot.files.put(HUB, Directory())
        assert (await robot.take()).entries == ()
        warned = [note.text for note in robot.notes if note.stream == "warning"]
        assert warned == ["repository 'hub' holds no node and no launch file"]


async def test_whoever_adds_a_bare_git_repository_as_a_directory_is_told_how_to_write_it() -> None:
    async with repositories() as robot:
        robot.files.put(Path("/fleet.git"), Directory())
        await robot.take("/fleet.git")
        warned = [note.text for note in robot.notes if note.stream == "warning"]
        assert [text.partition("; ")[2] for text in warned] == [
            "a git repository is written as 'file:///fleet.git'"
        ]


# Adding and forgetting.


async def test_a_place_is_added_once_and_a_name_is_given_once() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        robot.hub(Path("/other"))
        again = await robot.refused(AddRepository(source="/hub/../hub", name="else"))
        assert again.sentence == "there is a repository 'hub' already, of '/hub'"
        taken = await robot.refused(AddRepository(source="/other", name="hub"))
        assert taken.kind == "already_added"
        bad = await robot.refused(AddRepository(source="/other", name="no name"))
        assert "'no name' is not a repository's name" in bad.sentence


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (ADDRESS, "fleet"),
        ("git@example.org:fleet.git", "fleet"),
        ("https://example.org/a/b.git/inner", "b"),
        (ARCHIVE, "fleet"),
        ("/nodes of mine", "nodes-of-mine"),
        ("/ß", "repository"),
    ],
)
async def test_a_name_is_made_of_the_source_and_of_a_number_if_it_is_taken(
    source: str, name: str
) -> None:
    async with repositories() as robot:
        for address in (source.removesuffix("/inner"), f"{source}/x"):
            robot.places.elsewhere[address] = HUB
        robot.hub()
        robot.hub(HUB / "inner")
        robot.hub(Path(source) if source.startswith("/") else HUB)
        assert (await robot.take(source)).name == name
        assert (await robot.take(robot.hub(Path("/x") / name))).name == f"{name}-2"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("/nothing", "there is no directory '/nothing'"),
        ("/hub/peppy.json5", "cannot list '/hub/peppy.json5': not a directory"),
        ("camera:v1", "'camera:v1' is not a repository"),
        ("nodes", "'nodes' is not a repository"),
        (ADDRESS, f"cannot reach '{ADDRESS}'"),
        ("ftp://example.org/x", "nodes are fetched over"),
    ],
)
async def test_a_place_that_cannot_be_had_leaves_nothing_behind(source: str, sentence: str) -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB)
        refused = await robot.refused(AddRepository(source=source))
        assert sentence in refused.sentence
        assert refused.kind != "bug"
        assert robot.left() == set()


async def test_what_is_forgotten_leaves_nothing_behind() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        before = await robot.take(ADDRESS)
        assert len(robot.left()) == 3
        assert await robot.ask(RemoveRepository(name="fleet")) == before
        assert (await robot.all_of_them()).repositories == ()
        assert robot.left() == {"conf/repositories.json5", "cache/repositories/index.json"}
        assert (await sought(robot, CAMERA)).kind == "not_in_repositories"
        gone = await robot.refused(RemoveRepository(name="fleet"))
        assert gone.sentence == "there is no repository 'fleet'"


async def test_an_unknown_repository_is_refused_with_the_name_that_was_meant() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        for request in (
            RemoveRepository(name="hup"),
            RefreshRepositories(names=("hub", "hup")),
            ExcludeEntry(repository="hup", entry="camera:v1"),
        ):
            refused = await robot.refused(request)
            assert (refused.kind, refused.hint) == ("unknown_repository", "did you mean 'hub'?")


async def test_whoever_leaves_while_a_repository_is_fetched_leaves_nothing_behind() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        robot.places.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.take, ADDRESS)
            await wait_all_tasks_blocked()
            assert (robot.places.held_up, len(robot.workspaces)) == (1, 1)
            nursery.cancel_scope.cancel()
        await wait_all_tasks_blocked()
        assert (robot.places.held_up, robot.left()) == (0, set())
        robot.places.gate = None
        assert (await robot.take(ADDRESS)).name == "fleet"


# Looking names up.


async def test_what_lies_elsewhere_is_pinned_to_what_was_there_at_the_refresh() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub(Path("/a"))
        view = await robot.take(ADDRESS, ref="stable")
        assert (view.ref, view.origin) == ("stable", f"{ADDRESS}@stable-0")
        assert await locate(robot.site_, CAMERA) == GitSource(ADDRESS, "camera", "stable-0")


async def test_a_repository_may_be_a_directory_of_a_git_repository() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = Path("/a")
        robot.hub(Path("/a/fleet/nodes"))
        await robot.take(f"{ADDRESS}/fleet")
        place = await locate(robot.site_, CAMERA)
        assert place == GitSource(ADDRESS, "fleet/nodes/camera", "main-0")
        document = await robot.host.sources.read(place)
        assert b'name: "camera"' in document.text


async def test_a_node_of_an_archive_is_found_in_it() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ARCHIVE] = Path("/a")
        robot.hub(Path("/a/fleet-1.0"))
        await robot.take(f"{ARCHIVE}#sha256={'ab' * 32}")
        place = await locate(robot.site_, CAMERA)
        assert str(place) == f"{ARCHIVE} (fleet-1.0/camera)"
        document = await robot.host.sources.read(place)
        assert document.origin.sha256 == "ab" * 32
        assert b'name: "camera"' in document.text


async def test_an_unknown_name_is_refused_with_the_nearest_one_and_what_to_do() -> None:
    async with repositories() as robot:
        nothing = await sought(robot, CAMERA)
        assert nothing.sentence == "'camera:v1' is in no repository"
        assert nothing.hint == "there are no repositories yet: 'peppy repo add SOURCE' adds one"
        await robot.take(robot.hub())
        newer = await sought(robot, NamedSource(Name("camera"), Tag("v2")))
        assert newer.sentence == "'camera:v2' is in no repository"
        assert newer.hint is not None
        assert newer.hint.startswith("did you mean 'camera:v1'? 'peppy repo refresh' looks again")
        file = await sought(robot, "robbot")
        assert str(file).startswith("'robbot' is in no repository\n  did you mean 'robot'?")


async def test_an_ambiguous_name_names_both_places_until_one_is_excluded() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        await robot.take(robot.hub(Path("/other")))
        view = await robot.all_of_them()
        assert view.ambiguous == ("arm:v2", "camera:v1", "robot")
        refused = await sought(robot, CAMERA)
        assert refused.sentence == (
            "'camera:v1' is ambiguous: it is in 'camera' of repository 'hub'"
            " and in 'camera' of repository 'other'"
        )
        assert (await sought(robot, "robot")).kind == "ambiguous_name"
        changed = await robot.ask(ExcludeEntry(repository="hub", entry="camera:v1"))
        assert [e.name for e in changed.entries if e.excluded] == ["camera:v1"]
        assert await locate(robot.site_, CAMERA) == LocalSource("/other/camera")
        await robot.refresh()
        assert await locate(robot.site_, CAMERA) == LocalSource("/other/camera")
        await robot.ask(ExcludeEntry(repository="hub", entry="camera", excluded=False))
        assert (await sought(robot, CAMERA)).kind == "ambiguous_name"


async def test_one_of_two_places_in_a_repository_is_excluded_by_its_path() -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB / "old" / "camera")
        await robot.take(robot.hub())
        refused = await sought(robot, CAMERA)
        assert "'camera' of repository 'hub' and in 'old/camera' of" in refused.sentence
        await robot.ask(ExcludeEntry(repository="hub", entry="./old/camera/"))
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_a_name_goes_before_a_path() -> None:
    async with repositories() as robot:
        robot.source("camera:v1", at=HUB / "robot")
        robot.launcher(HUB / "robot.json5", "./robot")
        await robot.take()
        view = await robot.ask(ExcludeEntry(repository="hub", entry="robot"))
        assert [entry.name for entry in view.entries if entry.excluded] == ["robot"]


async def test_what_is_excluded_everywhere_is_said_to_be() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        await robot.ask(ExcludeEntry(repository="hub", entry="camera:v1"))
        assert (await sought(robot, CAMERA)).hint == (
            "repository 'hub' has one that is excluded; to take it all the same:"
            " peppy repo exclude --undo hub camera:v1"
        )


async def test_excluding_what_is_not_there_is_refused_with_what_was_meant() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        for entry, guess in (("camera:v11", "camera:v1"), ("robots/arn", "robots/arm")):
            refused = await robot.refused(ExcludeEntry(repository="hub", entry=entry))
            assert (refused.kind, refused.hint) == ("no_such_entry", f"did you mean '{guess}'?")


async def test_what_is_excluded_but_gone_can_be_taken_back() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        await robot.ask(ExcludeEntry(repository="hub", entry="arm:v2"))
        await robot.files.remove(HUB / "robots")
        await robot.ask(ExcludeEntry(repository="hub", entry="camera:v1"))
        await robot.refresh()
        await robot.ask(ExcludeEntry(repository="hub", entry="camera:v1", excluded=False))
        robot.hub()
        view = await robot.refresh()
        assert [e.name for e in view.repositories[0].entries if e.excluded] == ["arm:v2"]
        await robot.ask(ExcludeEntry(repository="hub", entry="arm:v2", excluded=False))
        assert "arm" not in robot.text(str(HOME.repositories))


async def test_a_directory_that_holds_another_node_now_is_not_taken_for_the_old_one() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        robot.source("camera:v9", at=HUB / "camera")
        refused = await sought(robot, CAMERA)
        assert refused.sentence == (
            "'/hub/camera' was 'camera:v1' at the last refresh and is 'camera:v9' now"
        )
        assert refused.hint == "run 'peppy repo refresh'"
        await robot.files.remove(HUB)
        refused = await sought(robot, CAMERA)
        assert refused.kind == "changed_since_refresh"
        assert refused.sentence.endswith("at the last refresh and is no node now")
        assert "is no longer there" in (await sought(robot, "robot")).sentence


# Launch files from elsewhere.


async def test_a_launch_file_from_elsewhere_means_the_nodes_of_its_own_repository() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        robot.lay(HUB / "launchers" / "robot.lock.json5", "{ locked: true }")
        robot.lay(HUB / "launchers" / "other.lock.json5", "{}")
        await robot.take(ADDRESS)
        found = await locate_launcher(robot.site_, "robot")
        assert found.place == GitSource(ADDRESS, "", "main-0")
        assert robot.text(str(found.path)) == robot.text("/hub/launchers/robot.json5")
        assert robot.names(found.path.parent) == {"robot.json5", "robot.lock.json5"}

        directory = f"{found.path.parent}/../camera"
        named = Wanted(source=CAMERA)
        meant = Wanted(source=LocalSource(directory), variant=LocalSource(f"{directory}/mock"))
        assert found.placed(named) == named
        assert found.placed(meant) == Wanted(
            source=GitSource(ADDRESS, "camera", "main-0"),
            variant=GitSource(ADDRESS, "camera/mock", "main-0"),
        )
        top = found.placed(Wanted(source=LocalSource(f"{found.path.parent}/..")))
        assert top.source == GitSource(ADDRESS, "", "main-0")


@pytest.mark.parametrize("directory", ["/etc", "{launchers}/../../camera", "{launchers}/../.."])
async def test_a_launch_file_from_elsewhere_cannot_name_directories_of_this_machine(
    directory: str,
) -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        await robot.take(ADDRESS)
        found = await locate_launcher(robot.site_, "robot")
        local = LocalSource(directory.format(launchers=found.path.parent))
        for wanted in (Wanted(source=local), Wanted(source=CAMERA, variant=local)):
            with pytest.raises(PeppyError, match="is not in that repository"):
                found.placed(wanted)


async def test_a_launch_file_of_this_machine_is_read_in_its_place() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        found = await locate_launcher(robot.site_, "robot")
        assert (found.path, found.place) == (HUB / "launchers" / "robot.json5", None)
        wanted = Wanted(source=LocalSource("/anywhere"))
        assert found.placed(wanted) == wanted


# Refreshing.


async def test_a_refresh_sees_what_has_come_and_what_has_gone() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        await robot.take(ADDRESS)
        await robot.files.remove(HUB / "robots")
        robot.launcher(HUB / "launchers" / "patrol.json5")
        assert len((await robot.all_of_them()).repositories[0].entries) == 3
        (view,) = (await robot.refresh("fleet")).repositories
        assert [entry.name for entry in view.entries] == ["patrol", "robot", "camera:v1"]
        assert (await locate_launcher(robot.site_, "patrol")).path.name == "patrol.json5"


async def test_what_cannot_be_reached_keeps_what_it_held_and_says_why() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub(Path("/a"))
        before = await robot.take(ADDRESS)
        await robot.take(robot.hub())
        robot.places.reachable = False
        robot.source("hand:v1", at=HUB / "hand")
        fleet, hub = (await robot.refresh()).repositories
        assert fleet.failed == f"cannot reach '{ADDRESS}'"
        assert (fleet.entries, fleet.refreshed_at) == (before.entries, before.refreshed_at)
        assert "hand:v1" in {entry.name for entry in hub.entries}
        assert hub.failed is None
        await robot.files.remove(HUB)
        _, vanished = (await robot.refresh()).repositories
        assert vanished.failed == "there is no directory '/hub'"
        assert len(vanished.entries) == 4


async def test_several_are_looked_at_together_and_others_can_ask_meanwhile() -> None:
    async with repositories() as robot:
        for number in range(6):
            address = f"https://example.org/r{number}.git"
            robot.places.elsewhere[address] = robot.hub(Path(f"/r{number}"))
            await robot.take(address)
        robot.source("hand:v1", at=Path("/r5/hand"))
        robot.places.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.refresh)
            await wait_all_tasks_blocked()
            nursery.start_soon(robot.refresh, "r5")
            await wait_all_tasks_blocked()
            assert robot.places.held_up == 4
            assert len((await robot.ask(ListRepositories())).repositories) == 6
            robot.places.gate.set()
        assert await locate(robot.site_, NamedSource(Name("hand"), Tag("v1")))


async def test_progress_says_which_of_them_it_is_of() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        await robot.take(ADDRESS)
        told = [(note.stream, note.text) for note in robot.notes]
        assert told == [("step", "Looking at repository 'fleet'"), ("doing", "fleet: counting")]


# What a killed daemon, a disk or a person has left.


async def test_the_next_daemon_finds_all_as_it_was() -> None:
    async with repositories() as robot:
        robot.places.elsewhere[ADDRESS] = robot.hub()
        await robot.take(ADDRESS, ref="stable")
        await robot.ask(ExcludeEntry(repository="fleet", entry="arm:v2"))
        before = await robot.all_of_them()
    async with repositories(robot):
        assert await robot.all_of_them() == before


async def test_a_repository_that_was_half_removed_is_removed_by_the_next_daemon() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        whole = robot.files.items[index_path(HOME)]
        await robot.ask(RemoveRepository(name="hub"))
        robot.files.put(index_path(HOME), whole)
    async with repositories(robot):
        await wait_all_tasks_blocked()
        assert (await sought(robot, CAMERA)).kind == "not_in_repositories"


async def test_a_repository_that_was_half_added_is_listed_as_not_looked_at() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        robot.files.take(index_path(HOME))
        (view,) = (await robot.all_of_them()).repositories
        assert (view.name, view.refreshed_at, view.entries) == ("hub", None, ())
        await robot.refresh()
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_a_damaged_index_is_said_to_be_and_a_refresh_makes_it_anew() -> None:
    async with repositories() as robot:
        await robot.take(robot.hub())
        for damage in (b"", b"{", b"[]", b'{"version": 2}', b"\xff"):
            robot.files.put(index_path(HOME), File(damage))
            broken = await sought(robot, CAMERA)
            assert (broken.kind, broken.sentence) == (
                "broken_index",
                f"'{index_path(HOME)}' is damaged",
            )
            await robot.refresh()
            assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_settings_that_cannot_be_read_are_refused_and_kept() -> None:
    async with repositories() as robot:
        robot.hub()
        robot.lay(HOME.repositories, "{ repositories: [{ nam: 'x' }] }")
        for request in (ListRepositories(), AddRepository(source="/hub"), RefreshRepositories()):
            refused = await robot.refused(request)
            assert str(HOME.repositories) in refused.sentence
        assert robot.text(str(HOME.repositories)) == "{ repositories: [{ nam: 'x' }] }"


async def test_what_a_person_has_written_into_the_settings_counts_from_the_refresh_on() -> None:
    async with repositories() as robot:
        robot.hub()
        robot.lay(
            HOME.repositories,
            "{ repositories: [{ name: 'mine', source: '/hub', exclude: ['robots/arm'] },"
            " { name: 'odd', source: 'somewhere' }] }",
        )
        mine, odd = (await robot.refresh()).repositories
        assert [entry.name for entry in mine.entries if entry.excluded] == ["arm:v2"]
        assert odd.failed == "'somewhere' is not a repository"
        assert await locate(robot.site_, CAMERA) == LocalSource("/hub/camera")


async def test_passwords_are_kept_from_everybody_but_the_owner() -> None:
    address = "https://robot:secret@example.org/fleet.git"
    async with repositories() as robot:
        robot.places.elsewhere[address] = robot.hub()
        views = [await robot.take(address), *(await robot.all_of_them()).repositories]
        robot.places.reachable = False
        views += (await robot.refresh()).repositories
        refused = await robot.refused(AddRepository(source=address))
        assert "secret" not in f"{views} {robot.notes} {refused}"
        assert await locate(robot.site_, CAMERA) == GitSource(address, "camera", "main-0")
        for path in (HOME.repositories, index_path(HOME)):
            item = robot.files.items[path]
            assert isinstance(item, File)
            assert item.mode == 0o600


# In the daemon.


async def test_a_node_is_added_by_the_name_that_a_repository_has_for_it() -> None:
    async with daemon() as robot:
        robot.source("camera:v1", at=HUB / "camera")
        await robot.ask(AddRepository(source=str(HUB)))
        unknown = await robot.refused(AddNode(source="camera:v2"))
        assert "did you mean 'camera:v1'?" in str(unknown)
        view = await robot.ask(AddNode(source="camera:v1"))
        assert str(view.node) == "camera:v1"
        assert len((await robot.ask(ListRepositories())).repositories) == 1
        await robot.ask(StopDaemon())


async def test_a_failure_of_the_repositories_is_none_of_the_daemon() -> None:
    class Flaky(MemoryFiles):
        failing = 1

        async def exists(self, path: Path) -> bool:
            if path == HOME.repositories and self.failing:
                self.failing -= 1
                raise RuntimeError("a defect")
            return await super().exists(path)

    robot = Embedded({}, Flaky())
    with closing(Exchange(robot.transport())) as exchange:
        site = robot.site(robot.transport(), exchange)
        async with run_actor(lambda: Daemon(site), on_failure=robot.report) as robot.stack:
            await wait_all_tasks_blocked()
            assert [str(failure) for failure in robot.failures] == ["a defect"]
            assert (await robot.ask(ListRepositories())).repositories == ()
            assert (await robot.ask(ListValues())).entries == ()
            await robot.ask(StopDaemon())


async def test_a_daemon_that_goes_down_takes_no_more_repositories(
    autojump_clock: MockClock,
) -> None:
    async with daemon({"slow": Player(leaves_in=5)}) as robot:
        await robot.ready(run="slow")
        await robot.run()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.ask, StopDaemon())
            await wait_all_tasks_blocked()
            assert (await robot.refused(ListRepositories())).kind == "going_down"
