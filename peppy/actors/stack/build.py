"""One build job: a copy of the snapshot, `build_cmd` in it, and the artifact packed from it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

import msgspec
import trio

from peppy.actors.host.environment import child_environment, expand
from peppy.actors.host.ports import CommandLine, HostError, Process
from peppy.actors.kernel import Actor, Ref
from peppy.actors.stack.errors import BuildFailed
from peppy.actors.stack.ledger import NodeRecord, node_key
from peppy.actors.stack.logs import LAST_LINES, line, without_stamp
from peppy.actors.stack.messages import BuildStopped, BuildSucceeded
from peppy.actors.stack.site import Site
from peppy.actors.stack.starting import say_exit
from peppy.schema.control import BuildNode, BuildView
from peppy.schema.durations import REAP
from peppy.schema.events import EventKind
from peppy.schema.frames import Note
from peppy.schema.names import NodeId
from peppy.schema.runtime_config import NODE_NAME_VARIABLE, NODE_TAG_VARIABLE

BUILDING: Final = {"UV_NO_DEV": "1", "UV_COMPILE_BYTECODE": "1"}
"""What only a node's author needs, such as pytest, makes no artifact slower to build or larger; and
what each start of an instance would compile anew is compiled once.

`uv sync --dev` in a `build_cmd`, or other values in the caller's environment, have it otherwise.
"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one build that is known before it starts."""

    node: NodeId
    snapshot: Path
    workspace: Path
    """Where it is built; gone when the build has ended, however it ends."""
    artifact: Path
    replaces: bool
    """Whether another artifact, which is promised, has had its place."""
    log: Path
    build_cmd: tuple[str, ...]
    request: BuildNode
    record: NodeRecord | None
    """What is written down once the artifact is in place; None leaves that to whoever asked."""


class Succeeded(msgspec.Struct, frozen=True):
    """The artifact is packed, and the owner has been told."""


class Failed(msgspec.Struct, frozen=True):
    """There is no artifact, for this reason."""

    error: Exception


Message = Succeeded | Failed


class Build(Actor[Message]):
    """A build under way. Whatever ends it, nothing half-built is left."""

    def __init__(
        self,
        site: Site,
        plan: Plan,
        owner: Ref[BuildSucceeded | BuildStopped],
        note: Callable[[Note], None],
    ) -> None:
        self._site = site
        self._plan = plan
        self._owner = owner
        self._note = note

    def started(self) -> None:
        """Begin at once."""
        self.background(self._build, done=lambda _: Succeeded(), failed=Failed)

    def receive(self, message: Message) -> None:
        """Report a failure, and end."""
        match message:
            case Succeeded():
                pass
            case Failed(error):
                self._owner.tell(BuildStopped(error))
            case _:
                assert_never(message)
        self.stop()

    def __repr__(self) -> str:
        return f"<Build {self._plan.node}>"

    async def _build(self) -> None:
        # Nothing waits between the artifact's being kept and this word of it.
        self._owner.tell(BuildSucceeded(await Job(self._site, self._plan, self._note).run()))


class Job:
    """One build, from the snapshot to the artifact."""

    def __init__(self, site: Site, plan: Plan, note: Callable[[Note], None]) -> None:
        self._site = site
        self._plan = plan
        self._note = note

    async def run(self) -> BuildView:
        """Build, and return what has come of it. Raises `BuildFailed` and `HostError`.

        Once the artifact is kept, a cancellation comes too late, and the answer is returned.
        """
        plan, files = self._plan, self._site.host.files
        begun = trio.current_time()
        self._note(Note(stream="log", text=str(plan.log)))
        try:
            await files.copy(plan.snapshot, plan.workspace)
            if plan.build_cmd:
                await self._run_command()
            else:
                await self._record("There is no build_cmd: the snapshot is the artifact")
            self._note(Note(stream="step", text="Packing the artifact..."))
            await files.pack(plan.workspace, plan.artifact)
            with trio.CancelScope(shield=True):
                # From here on there is an artifact, whatever ends the build.
                await self._keep_artifact()
            return self._view(trio.current_time() - begun)
        finally:
            with trio.CancelScope(shield=True), suppress(HostError):
                await files.remove(plan.workspace)

    async def _keep_artifact(self) -> None:
        plan, ledger = self._plan, self._site.ledger
        if plan.record is None:
            return
        built = ledger.happened(EventKind.NODE_BUILT, "was built", node=plan.node)
        try:
            await ledger.write({node_key(plan.node): plan.record}, built)
        except HostError:
            if not plan.replaces:
                with suppress(HostError):
                    await self._site.host.files.remove(plan.artifact)
            raise

    def _view(self, seconds: float) -> BuildView:
        plan = self._plan
        return BuildView(
            node=plan.node, log=str(plan.log), artifact=str(plan.artifact), seconds=seconds
        )

    async def _run_command(self) -> None:
        process = await self._start()
        try:
            await self._follow(process)
            status = await process.wait()
        finally:
            process.kill()
            with trio.move_on_after(REAP, shield=True):
                await process.wait()
        if not status.clean:
            raise await self._failure(f"'{self._command()}' ended with {say_exit(status)}")

    async def _start(self) -> Process:
        plan, site = self._plan, self._site
        extra = {NODE_NAME_VARIABLE: plan.node.name, NODE_TAG_VARIABLE: plan.node.tag}
        environment = child_environment(
            BUILDING | plan.request.environment, extra, uv_directory=site.uv_directory
        )
        await self._record(
            f"Executing build_cmd: {self._command()} (working_dir: {plan.workspace})"
        )
        return await site.host.processes.start(
            CommandLine(
                argv=expand(plan.build_cmd, environment),
                directory=plan.workspace,
                environment=environment,
                log=plan.log,
                token=f"{site.daemon_instance}/build/{plan.node}",
            )
        )

    async def _follow(self, process: Process) -> None:
        """Pass the output on until it ends; raise `BuildFailed` if it takes too long."""
        request = self._plan.request
        with trio.move_on_after(request.max_timeout):
            while True:
                with trio.move_on_after(request.idle_timeout):
                    try:
                        output = await process.lines.receive()
                    except trio.EndOfChannel:
                        return
                    self._note(Note(stream=output.stream, text=output.text))
                    continue
                raise await self._failure(
                    f"no output received for {request.idle_timeout:g} s;"
                    " '--idle-timeout' gives it longer"
                    " ('--node-build-idle-timeout-secs' of a launch)"
                )
        raise await self._failure(
            f"it took over {request.max_timeout:g} s; '--max-timeout' gives it longer"
        )

    async def _record(self, text: str) -> None:
        host = self._site.host
        await host.files.append(self._plan.log, line(host.clock.now(), text))

    async def _failure(self, why: str) -> BuildFailed:
        log = self._plan.log
        tail = await self._site.host.files.tail(log, LAST_LINES)
        lines = [without_stamp(text) for text in tail]
        return BuildFailed(self._plan.node, why, str(log), lines)

    def _command(self) -> str:
        return " ".join(self._plan.build_cmd)
