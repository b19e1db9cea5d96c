"""What a launch would do: its file read, its sources resolved, all of it checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.ports import Fetching, HostError, silent
from peppy.actors.rules import dependencies, launching
from peppy.actors.rules.launching import Candidate
from peppy.actors.stack.generated import generate
from peppy.actors.stack.locks import Locked, load_lock
from peppy.actors.stack.repositories import LocatedLauncher, locate_launcher
from peppy.actors.stack.resolving import NO_PINS, Resolved, resolve
from peppy.actors.stack.site import Site
from peppy.schema.errors import DocumentError, PeppyError, Problem
from peppy.schema.frames import Note
from peppy.schema.launch import Launch, PlanLaunch
from peppy.schema.launcher import Deployment, Launcher
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.reader import MOST_PROBLEMS

AT_ONCE: Final = 8
"""Sources that are looked up at the same time: they wait for networks, not for processors."""

SIM_TIME: Final = (
    "'framework.use_sim_time' has no effect: this version of peppy has no simulated clock, and"
    " nodes see the machine's time"
)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a launch file is read."""

    launcher: str
    environment: dict[str, str]
    locked: bool = False
    frozen: bool = False
    offline: bool = False
    lock_file: str | None = None

    @classmethod
    def of(cls, request: PlanLaunch | Launch) -> "Reading":
        """Return how a request wants it."""
        return cls(
            launcher=request.launcher,
            environment=request.environment,
            locked=request.locked,
            frozen=request.frozen,
            offline=request.offline,
            lock_file=request.lock_file,
        )


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One node of a launch."""

    deployment: Deployment
    resolved: Resolved

    @property
    def node(self) -> NodeId:
        """The node's name and tag."""
        return self.resolved.document.manifest.id


class LaunchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All that a launch comes to."""

    launcher: Launcher
    path: Path
    """Of the launch file, on this machine."""
    located: LocatedLauncher | None
    """The launch file, if it is one of a repository."""
    steps: tuple[Step, ...]
    """In the order of the file."""
    waves: tuple[tuple[NodeId, ...], ...]
    """The nodes in the order in which they start."""

    @property
    def documents(self) -> Mapping[NodeId, NodeDocument]:
        """The documents of all nodes."""
        return {step.node: step.resolved.document for step in self.steps}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is said about the nodes, without keeping them from being launched."""
        of_nodes = tuple(text for step in self.steps for text in step.resolved.warnings)
        return (SIM_TIME, *of_nodes) if self.launcher.use_sim_time else of_nodes


async def plan(site: Site, reading: Reading, note: Callable[[Note], None] = silent) -> LaunchPlan:
    """Return what a launch comes to. Raises `DocumentError` with everything that is wrong with it.

    Raises `LockDrift` where it has to be as locked and is not, and `HostError` where the file
    cannot be read.
    """
    launcher, path, located = await _launcher(site, reading)
    lock = None
    if reading.locked or reading.frozen:
        lock = await load_lock(site.host.files, path, reading.lock_file, located)
    steps, found = await _resolved(site, launcher, lock, reading, note)
    candidates = [Candidate(step.deployment, step.resolved.document) for step in steps]
    found += launching.problems(candidates, site.core_node, whole=not found)
    documents = launching.documents_of(candidates)
    if not found:
        found = [problem for step in steps for problem in await _generated(step, documents)]
    if found:
        raise _wrong(launcher, found)
    if lock is not None:
        lock.check([step.resolved for step in steps], frozen=reading.frozen)
    waves = tuple(dependencies.waves(documents))
    return LaunchPlan(launcher=launcher, path=path, located=located, steps=steps, waves=waves)


async def _launcher(site: Site, reading: Reading) -> tuple[Launcher, Path, LocatedLauncher | None]:
    files = site.host.files
    if "/" in reading.launcher:
        path, located = Path(reading.launcher), None
        if not await files.exists(path):
            raise HostError(
                f"there is no launch file '{path}'",
                hint="name a launch file, or one of a repository: 'peppy repo list' shows those",
            )
    else:
        located = await locate_launcher(site, reading.launcher)
        path = located.path
    launcher = read_launcher(await files.read(path), str(path), str(path.parent))
    return (launcher if located is None else _placed(launcher, located)), path, located


def _placed(launcher: Launcher, located: LocatedLauncher) -> Launcher:
    """Return a launch file of a repository, whose directories are those of the repository."""
    problems: list[Problem] = []
    deployments: list[Deployment] = []
    for each in launcher.deployments:
        try:
            wanted = located.placed(each.wanted)
        except PeppyError as error:
            problems.append(each.place.problem(one_line(error)))
            continue
        deployments.append(msgspec.structs.replace(each, wanted=wanted))
    if problems:
        raise DocumentError(launcher.source, problems)
    return msgspec.structs.replace(launcher, deployments=tuple(deployments))


async def _resolved(
    site: Site,
    launcher: Launcher,
    lock: Locked | None,
    reading: Reading,
    note: Callable[[Note], None],
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Return the nodes whose sources come to something, and what is wrong with the others."""
    how = Fetching(note=note, environment=reading.environment, offline=reading.offline)
    found: dict[int, Step] = {}
    problems: list[Problem] = []
    limit = trio.CapacityLimiter(AT_ONCE)

    async def look(number: int, deployment: Deployment) -> None:
        pins = lock.pins(deployment.wanted) if lock is not None and reading.frozen else NO_PINS
        try:
            async with limit:
                resolved = await resolve(site, deployment.wanted, how, pins)
        except DocumentError as error:
            problems.extend(
                deployment.place.problem(f"{error.source}:{p.line}:{p.column} {p.path}: {p.what}")
                for p in error.problems
            )
        except PeppyError as error:
            problems.append(deployment.place.problem(one_line(error)))
        else:
            found[number] = Step(deployment=deployment, resolved=resolved)

    async with trio.open_nursery() as nursery:
        for number, deployment in enumerate(launcher.deployments):
            nursery.start_soon(look, number, deployment)
    return tuple(found[number] for number in sorted(found)), problems


def _wrong(launcher: Launcher, problems: list[Problem]) -> DocumentError:
    """Return all problems in the order of the file, or as many as anybody reads."""
    problems.sort(key=lambda problem: (problem.line, problem.column))
    more = len(problems) - MOST_PROBLEMS
    hint = f"and {more} more" if more > 0 else None
    return DocumentError(launcher.source, problems[:MOST_PROBLEMS], hint=hint)


async def _generated(step: Step, documents: Mapping[NodeId, NodeDocument]) -> list[Problem]:
    """Return why there can be no bindings for a node."""
    await trio.lowlevel.checkpoint()  # each takes milliseconds, in which nothing else is done
    try:
        generate(step.resolved.document, documents)
    except PeppyError as error:
        return [step.deployment.place.problem(one_line(error))]
    return []


def one_line(error: PeppyError) -> str:
    """Return an error in one line, for a table."""
    sentence = " ".join(error.sentence.split())
    if error.hint is None:
        return sentence
    return f"{sentence} {error.hint}" if sentence.endswith("?") else f"{sentence}; {error.hint}"
