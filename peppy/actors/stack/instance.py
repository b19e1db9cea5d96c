"""One instance of a node: an artifact laid out, a process, and what becomes of it."""

from typing import Final, assert_never

import msgspec
import trio

from peppy.actors.host.ports import ExitStatus, HostError, Process
from peppy.actors.kernel import Actor, Background, Promise, Ref
from peppy.actors.rules import instance_life as life
from peppy.actors.stack import hearing, starting
from peppy.actors.stack.errors import StartFailed
from peppy.actors.stack.logs import LAST_LINES, without_stamp
from peppy.actors.stack.messages import InstanceChanged, InstanceLeft
from peppy.actors.stack.site import Site
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.control import (
    InstanceState,
    InstanceView,
    RunNode,
    StartView,
    StopInstance,
    StopView,
)
from peppy.schema.durations import REAP, force_kill_after
from peppy.schema.errors import PeppyError

ASK_SHUTDOWN: Final = 1.0
"""Seconds that a node has to confirm the request to end; whoever does not is sent SIGTERM."""


class ProcessStarted(msgspec.Struct, frozen=True):
    """The process is there."""

    process: Process


class IdleCheck(msgspec.Struct, frozen=True):
    """Time to look whether the start still shows signs of life."""


class AskerGone(msgspec.Struct, frozen=True):
    """Whoever asked for the start does not wait for it any more."""


class Departed(msgspec.Struct, frozen=True):
    """Nothing of the instance is left on the machine but its log, which ended so."""

    last_lines: tuple[str, ...]


class Warned(msgspec.Struct, frozen=True):
    """The node has said something that a person should see."""

    warnings: tuple[str, ...]


Message = (
    RunNode | StopInstance | ProcessStarted | IdleCheck | AskerGone | Departed | Warned | life.Event
)


class Instance(Actor[Message]):
    """One process. Its life is `rules.instance_life`; here it is carried out."""

    def __init__(
        self, site: Site, plan: starting.Plan, owner: Ref[InstanceChanged | InstanceLeft]
    ) -> None:
        self._site = site
        self._plan = plan
        self._owner = owner
        self._life = life.Life()
        self._process: Process | None = None
        self._preparation: Background | None = None
        self._start: Promise[StartView] | None = None
        self._stops: list[Promise[StopView]] = []
        self._failure: str | None = None
        self._last_sign = trio.current_time()
        self._begun = trio.current_time()
        self._stop_begun = trio.current_time()
        self._warnings: tuple[str, ...] = ()
        self._shown: InstanceView | None = None

    def started(self) -> None:
        """Show the instance as starting."""
        self.background(hearing.hear, self._site, self._plan.address, self._warn)
        self._show()

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case RunNode():
                self._begin(message)
            case StopInstance():
                if not self._stops:
                    self._stop_begun = trio.current_time()
                self._stops.append(self.promise(message))
                self._advance(life.StopAsked())
            case ProcessStarted(process):
                self._attend(process)
            case IdleCheck():
                self._check_idle()
            case AskerGone():
                self._advance(life.GivenUp("whoever asked for it went away"))
            case Departed(last_lines):
                self._leave(last_lines)
            case Warned(warnings):
                self._warnings = warnings
                self._show()
            case (
                life.Prepared()
                | life.Failed()
                | life.Spawned()
                | life.CameReady()
                | life.Exited()
                | life.StopAsked()
                | life.GraceOver()
                | life.GivenUp()
            ):
                self._advance(message)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Instance {self._plan.address.instance_id} {self._life.phase.value}>"

    def _begin(self, request: RunNode) -> None:
        self._start = self.promise(request)
        self._start.on_abandon(AskerGone())
        self.later(request.max_timeout, life.GivenUp(f"it took over {request.max_timeout:g} s"))
        self.later(request.idle_timeout, IdleCheck())
        self._preparation = self.background(
            starting.prepare,
            self._site,
            self._plan,
            done=lambda _: life.Prepared(),
            failed=_failure,
        )

    def _advance(self, event: life.Event) -> None:
        if isinstance(event, life.Exited) and event.ending.code != 0:
            self.background(self._site.sweep)
        self._life, actions = life.step(self._life, event)
        self._show()
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: life.Action) -> None:
        match action:
            case life.Spawn():
                self.background(self._live, done=_exited, failed=_failure)
                self.background(self._await_ready)
            case life.ReportRunning():
                self._report_running()
            case life.ReportFailure(reason):
                self._failure = reason or f"it ended with {_say(self._life.ending)}"
            case life.AskShutdown():
                self.later(force_kill_after(), life.GraceOver())
                self.background(self._ask_shutdown)
            case life.Kill():
                if self._process is not None:
                    self._process.kill()
            case life.AbandonPreparation():
                if self._preparation is not None:
                    self._preparation.cancel()
            case life.ReportStopped() | life.Forget():
                self.background(self._depart, done=Departed)
            case _:
                assert_never(action)

    # The process.

    def _attend(self, process: Process) -> None:
        self._process = process
        self.background(self._follow, process)
        self._advance(life.Spawned())

    async def _live(self) -> life.Ending:
        """Start the process and stay with it: whatever ends this actor ends its process first."""
        process = await starting.spawn(self._site, self._plan)
        try:
            self.me.tell(ProcessStarted(process))
            status = await process.wait()
        except BaseException:
            process.kill()
            with trio.move_on_after(REAP, shield=True):
                await process.wait()
            raise
        return life.Ending(status.code, status.signal)

    async def _follow(self, process: Process) -> None:
        async for _line in process.lines:
            self._last_sign = trio.current_time()

    async def _await_ready(self) -> None:
        watch = self._site.transport.watch(keys.ready(self._plan.address))
        try:
            while not (await watch.receive()).present:
                pass
            self.me.tell(life.CameReady())
        finally:
            watch.close()

    async def _ask_shutdown(self) -> None:
        key = keys.instance_service(self._plan.address, keys.SHUTDOWN_SERVICE)
        try:
            await self._site.exchange.ask(key, b"", timeout=ASK_SHUTDOWN)
        except TransportError:
            if self._process is not None:
                self._process.terminate()

    def _check_idle(self) -> None:
        if self._life.phase not in (life.Phase.PREPARING, life.Phase.STARTING):
            return
        left = self._last_sign + self._plan.idle_timeout - trio.current_time()
        if left > 0:
            self.later(left, IdleCheck())
            return
        reason = f"no output received for {self._plan.idle_timeout:g} s (see '--idle-timeout')"
        self._advance(life.GivenUp(reason))

    # Reports.

    def _warn(self, warnings: tuple[str, ...]) -> None:
        self.me.tell(Warned(warnings))

    def _report_running(self) -> None:
        if self._start is None or self._process is None:
            return
        address = self._plan.address
        self._start.answer(
            StartView(
                node=self._plan.node,
                instance_id=address.instance_id,
                pid=self._process.pid,
                log=str(self._plan.log),
                seconds=trio.current_time() - self._begun,
            )
        )
        self._start = None

    def _show(self) -> None:
        view = InstanceView(
            instance_id=self._plan.address.instance_id,
            node=self._plan.node,
            state=_state(self._life),
            pid=None if self._process is None else self._process.pid,
            log=str(self._plan.log),
            started_at=self._plan.started_at,
            ended=None if self._life.ending is None else _say(self._life.ending),
            warnings=self._warnings,
        )
        if view != self._shown:
            self._shown = view
            self._owner.tell(InstanceChanged(view))

    async def _depart(self) -> tuple[str, ...]:
        files = self._site.host.files
        try:
            last_lines = await files.tail(self._plan.log, LAST_LINES)
            await files.remove(self._plan.directory)
            await files.remove(self._plan.runtime_config)
        except HostError as error:
            return (str(error),)
        return tuple(without_stamp(line) for line in last_lines)

    def _leave(self, last_lines: tuple[str, ...]) -> None:
        address = self._plan.address
        if self._start is not None:
            why = self._failure or "it was stopped"
            log = str(self._plan.log)
            self._start.refuse(StartFailed(address.instance_id, why, log, last_lines))
        view = StopView(
            node=self._plan.node,
            instance_id=address.instance_id,
            forced=self._life.forced,
            ended=_say(self._life.ending),
            seconds=trio.current_time() - self._stop_begun,
        )
        for stop in self._stops:
            stop.answer(view)
        self._owner.tell(InstanceLeft(address.instance_id))
        self.stop()


def _failure(error: Exception) -> life.Failed:
    if isinstance(error, PeppyError):
        return life.Failed(str(error))
    raise error


def _exited(ending: life.Ending) -> life.Exited:
    return life.Exited(ending)


def _state(now: life.Life) -> InstanceState:
    match now.phase:
        case life.Phase.PREPARING | life.Phase.STARTING:
            return InstanceState.STARTING
        case life.Phase.RUNNING:
            return InstanceState.RUNNING
        case life.Phase.STOPPING:
            return InstanceState.STOPPING
        case life.Phase.ENDED:
            clean = now.ending is not None and now.ending.code == 0
            return InstanceState.FINISHED if clean else InstanceState.FAILED
    assert_never(now.phase)


def _say(ending: life.Ending | None) -> str:
    if ending is None or (ending.code is None and ending.signal is None):
        return "no process"
    return starting.say_exit(ExitStatus(ending.code, ending.signal))
