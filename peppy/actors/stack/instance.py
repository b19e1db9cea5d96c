"""One instance of a node: an artifact laid out, a process, and what becomes of it."""

from contextlib import suppress
from typing import assert_never

import trio
from msgspec.structs import replace

from peppy.actors.host.ports import HostError, Process
from peppy.actors.kernel import Actor, Background, Promise, Ref, Timer
from peppy.actors.rules import health as pulses
from peppy.actors.rules import instance_life as life
from peppy.actors.rules import restart
from peppy.actors.stack import attending, hearing, starting, views
from peppy.actors.stack import instance_messages as told
from peppy.actors.stack.diary import Diary
from peppy.actors.stack.errors import StartFailed
from peppy.actors.stack.health import probe
from peppy.actors.stack.instance_messages import Message
from peppy.actors.stack.ledger import InstanceRecord, instance_record
from peppy.actors.stack.messages import InstanceChanged, InstanceLeft
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.recovery import FoundInstance
from peppy.actors.stack.site import Site
from peppy.actors.stack.stopping import follow_leaving
from peppy.schema.control import InstanceView, RunNode, StartView, StopInstance, StopView
from peppy.schema.doing import NO_ANSWER
from peppy.schema.durations import force_kill_after
from peppy.schema.events import EventKind
from peppy.schema.frames import Note


class Instance(Actor[Message]):
    """One process. Its life is `rules.instance_life`; here it is carried out."""

    def __init__(
        self,
        site: Site,
        plan: Plan,
        owner: Ref[InstanceChanged | InstanceLeft],
        stack: Ref[InstanceLeft],
        found: FoundInstance | None = None,
    ) -> None:
        """`found` is what a former daemon has left of it."""
        self._site = site
        self._plan = plan
        self._owner = owner
        self._stack = stack
        self._found = found
        self._diary = Diary(site.ledger, plan)
        self._life = life.Life()
        self._course = restart.Course()
        self._pulse = pulses.Pulse()
        self._process: Process | None = None
        self._preparation: Background | None = None
        self._work: list[Background] = []
        """What goes on as long as the process does."""
        self._timers: list[Timer] = []
        """Of a start, or of the wait for one."""
        self._start: Promise[StartView] | None = None
        self._stops: list[Promise[StopView]] = []
        self._failure: str | None = None
        self._last_sign = self._begun = self._stop_begun = trio.current_time()
        self._warnings: tuple[str, ...] = ()
        self._last_lines: tuple[str, ...] = ()
        self._doing: str | None = None
        self._shown: InstanceView | None = None

    def started(self) -> None:
        """Show the instance; one that was found goes on from where it is."""
        self.background(self._diary.run)
        self.background(hearing.hear, self._site, self._plan.address, self._warn)
        if self._found is not None:
            self._resume(self._found)
        self._show()

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case RunNode():
                self._begin(message)
            case StopInstance():
                self._take_stop(self.promise(message))
            case told.ProcessStarted(process):
                self._process = process
                self._work.append(self.background(self._follow, process))
                self._advance(life.Spawned())
            case told.IdleCheck():
                self._check_idle()
            case told.AskerGone():
                self._advance(life.GivenUp("whoever asked for it went away"))
            case told.WrittenDown(error):
                self._written_down(error)
            case told.Concluded(last_lines):
                self._last_lines = last_lines
                self._show()
            case told.Departed(last_lines):
                self._leave(last_lines)
            case told.Warned(warnings):
                self._warnings = warnings
                self._show()
            case told.Doing(text):
                self._say_doing(text)
            case pulses.Answered() | pulses.Missed():
                self._feel(message)
            case restart.Waited():
                self._advance_course(message)
            case life.Happening():
                self._advance(message)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Instance {self._plan.address.instance_id} {self._life.phase.value}>"

    # Beginnings.

    def _begin(self, request: RunNode) -> None:
        self._start = self.promise(request)
        self._start.on_abandon(told.AskerGone())
        self._prepare()

    def _prepare(self) -> None:
        plan = self._plan
        self._begun = self._last_sign = trio.current_time()
        self._failure, self._pulse, self._last_lines, self._doing = None, pulses.Pulse(), (), None
        self._timers = [
            self.later(plan.max_timeout, life.GivenUp(f"it took over {plan.max_timeout:g} s")),
            self.later(plan.idle_timeout, told.IdleCheck()),
        ]
        self._preparation = self.background(
            self._lay_out, done=lambda _: life.Prepared(), failed=attending.failure
        )

    async def _lay_out(self) -> None:
        await self._diary.write(self._record())
        await starting.prepare(self._site, self._plan)

    def _resume(self, found: FoundInstance) -> None:
        record, process = found.record, found.process
        self._course, self._failure, self._life = record.course, record.reason, found.life
        if self._life.phase is life.Phase.ENDED:
            self.background(attending.last_lines, self._site, self._plan, done=told.Concluded)
            if record.course.due is not None:
                self._wait(record.course.due - self._site.host.clock.now())
            elif not record.stopping:  # the daemon may have died before its policy was asked
                self._advance_course(restart.Ended(views.ended_well(self._life)))
        elif process is None:
            self._advance(life.Exited(life.Ending()))
        else:
            self._process = process
            self.background(attending.stay, process, done=life.Exited)
            follow = self.background(self._follow, process)
            self._work = [follow, self._follow_leaving(), self._watch_health()]
            self._note(EventKind.ADOPTED, "runs on under a new daemon")
        if record.stopping:
            self._advance_course(restart.StopAsked())
            self._advance(life.StopAsked())

    # Decisions, and what they come to.

    def _advance(self, event: life.Event) -> None:
        if isinstance(event, life.Exited) and event.ending.code != 0:
            self.background(self._site.sweep)
        self._life, actions = life.step(self._life, event)
        for action in actions:
            self._carry_out(action)
        self._show()

    def _carry_out(self, action: life.Action) -> None:
        match action:
            case life.Prepare():
                self._prepare()
            case life.Spawn():
                self._spawn()
            case life.ReportRunning():
                self._report_running()
            case life.ReportFailure(reason):
                ending = attending.say_ending(self._life.ending)
                self._failure = reason or f"it ended with {ending}"
            case life.ReportEnded(reason):
                self._report_ended(reason)
            case life.AskShutdown():
                self._ask_shutdown()
            case life.Kill():
                if self._process is not None:
                    self._process.kill()
            case life.AbandonPreparation():
                if self._preparation is not None:
                    self._preparation.cancel()
            case life.ReportStopped() | life.Forget():
                self._quiet()
                self.background(self._depart, done=told.Departed)
            case _:
                assert_never(action)

    def _advance_course(self, event: restart.Event) -> None:
        now = self._site.host.clock.now()
        self._course, decision = restart.step(self._course, event, now, self._plan.restart)
        match decision:
            case restart.EndFirst():
                self._note(EventKind.UNHEALTHY, "it hangs, and is ended by its restart policy")
                self._advance(life.Hung())
            case restart.StartAgain(after, number):
                self._wait(after)
                self._note(EventKind.RESTARTING, f"restart {number} follows in {after:g} s")
            case restart.StartNow():
                self._advance(life.StartAgain())
            case restart.GiveUp(restarts):
                seconds = self._plan.restart.window
                text = f"{restarts} restarts within {seconds:g} s are its limit: it is left so"
                self._note(EventKind.GIVEN_UP, text)
            case restart.WaitNoMore():
                self._doing = None
            case None:
                pass
            case _:
                assert_never(decision)

    def _feel(self, event: pulses.Event) -> None:
        if self._life.phase is not life.Phase.RUNNING:
            return
        self._pulse, verdict = pulses.step(
            self._pulse, event, trio.current_time(), self._plan.restart
        )
        match verdict:
            case pulses.Verdict.UNHEALTHY:
                self._note(EventKind.UNHEALTHY, "does not answer")
            case pulses.Verdict.RECOVERED:
                self._note(EventKind.RECOVERED, "answers again")
            case pulses.Verdict.HUNG:
                self._advance_course(restart.Hung())
            case None:
                pass
        well = isinstance(event, pulses.Answered)
        self._advance_course(restart.Healthy() if well else restart.Unhealthy())
        self._show()

    # The process.

    def _spawn(self) -> None:
        site, plan = self._site, self._plan
        self.background(
            attending.start,
            site,
            plan,
            self._tell_started,
            done=life.Exited,
            failed=attending.failure,
        )
        ready = self.background(attending.await_ready, site, plan, done=lambda _: life.CameReady())
        self._work = [ready, self._follow_leaving()]

    async def _follow(self, process: Process) -> None:
        async for _line in process.lines:
            self._last_sign = trio.current_time()

    def _follow_leaving(self) -> Background:
        return self.background(follow_leaving, self._site, self._plan.address, self._tell_doing)

    def _tell_started(self, process: Process) -> None:
        self.me.tell(told.ProcessStarted(process))

    def _tell_doing(self, text: str) -> None:
        self.me.tell(told.Doing(text))

    def _watch_health(self) -> Background:
        return self.background(probe, self._site, self._plan.address, self.me.tell)

    def _ask_shutdown(self) -> None:
        deadline = force_kill_after(self._site.config.lifecycle.shutdown_grace_secs)
        self._timers.append(self.later(deadline, life.GraceOver()))
        self.background(self._ask_to_leave)

    async def _ask_to_leave(self) -> None:
        """Ask, once it is written down: a daemon that comes later has to know who wanted it."""
        with suppress(HostError):
            await self._diary.write(self._record())
        heard = await attending.ask_shutdown(self._site, self._plan, self._process)
        if not heard and self._life.ready and self._doing is None:
            self.me.tell(told.Doing(NO_ANSWER))

    def _quiet(self) -> None:
        """End what goes on only as long as a process does, or as long as one is waited for."""
        goes_on: list[Background | Timer] = [*self._work, *self._timers]
        for each in goes_on:
            each.cancel()
        self._work, self._timers = [], []

    def _wait(self, seconds: float) -> None:
        seconds = max(0.0, seconds)
        self._doing = f"starts again in {seconds:.3g} s"
        self._timers.append(self.later(seconds, restart.Waited()))

    def _check_idle(self) -> None:
        if self._life.phase not in (life.Phase.PREPARING, life.Phase.STARTING):
            return
        left = self._last_sign + self._plan.idle_timeout - trio.current_time()
        if left > 0:
            self._timers.append(self.later(left, told.IdleCheck()))
            return
        self._advance(life.GivenUp(attending.say_idle(self._plan.idle_timeout)))

    # Reports.

    def _warn(self, warnings: tuple[str, ...]) -> None:
        self.me.tell(told.Warned(warnings))

    def _say_doing(self, text: str) -> None:
        if self._process is None:
            return  # its end was quicker than its last word
        self._doing = text
        for stop in self._stops:
            stop.note(Note(stream="doing", text=text))
        self._show()

    def _report_running(self) -> None:
        self._quiet()
        self._work = [self._follow_leaving(), self._watch_health()]
        said = EventKind.STARTED, f"runs (pid {self._pid})"
        if self._start is None:  # nobody is promised anything, and a full disk stops no robot
            self._note(*said)
            return
        self.background(
            self._diary.write,
            self._record(),
            *said,
            done=lambda _: told.WrittenDown(),
            failed=told.WrittenDown,
        )

    def _written_down(self, error: Exception | None) -> None:
        if error is not None:
            self._failure = str(error)
            self._advance(life.StopAsked())
        elif self._start is not None and self._pid is not None:
            seconds = trio.current_time() - self._begun
            self._start.answer(views.start(self._plan, self._pid, seconds))
            self._start = None

    def _report_ended(self, reason: str | None) -> None:
        """Have the end written down, and ask the policy what follows."""
        self._quiet()
        self._process, self._doing, self._failure = None, None, reason
        clean = views.ended_well(self._life)
        text = reason or f"ended with {attending.say_ending(self._life.ending)}"
        self._note(EventKind.FINISHED if clean else EventKind.FAILED, text)
        self._advance_course(restart.Ended(clean))
        self.background(attending.last_lines, self._site, self._plan, done=told.Concluded)

    def _take_stop(self, stop: Promise[StopView]) -> None:
        if not self._life.asked:
            self._stop_begun = trio.current_time()
            self._advance_course(restart.StopAsked())
        self._stops.append(stop)
        if self._doing is not None:
            stop.note(Note(stream="doing", text=self._doing))
        self._advance(life.StopAsked())

    async def _depart(self) -> tuple[str, ...]:
        last_lines = await attending.last_lines(self._site, self._plan)
        await attending.clear(self._site, self._plan)
        await self._diary.end(*views.farewell(self._life, self._failure))
        return last_lines

    def _leave(self, last_lines: tuple[str, ...]) -> None:
        instance_id = self._plan.address.instance_id
        if self._start is not None:
            why, log = self._failure or "it was stopped", str(self._plan.log)
            self._start.refuse(StartFailed(instance_id, why, log, last_lines))
        seconds = trio.current_time() - self._stop_begun
        for stop in self._stops:
            stop.answer(views.stop(self._plan, self._life, seconds, self._doing))
        for owner in (self._owner, self._stack):  # whoever has the answer may use its name again
            owner.tell(InstanceLeft(instance_id))
        self.stop()

    def _show(self) -> None:
        view = replace(
            views.instance(self._plan, self._life, self._failure),
            pid=self._pid,
            health=self._pulse.health if self._life.phase is life.Phase.RUNNING else None,
            restarts=self._course.restarts,
            warnings=self._warnings,
            doing=self._doing,
            last_lines=self._last_lines,
        )
        if view != self._shown:
            self._shown = view
            self._owner.tell(InstanceChanged(view))

    def _note(self, kind: EventKind | None = None, text: str = "") -> None:
        self._diary.note(self._record(), kind, text)

    def _record(self) -> InstanceRecord:
        return instance_record(self._plan, self._life, self._course, self._failure)

    @property
    def _pid(self) -> int | None:
        return None if self._process is None else self._process.pid
