"""One launch, from its file to the last instance that runs; or back to the stack before it.

Everything is checked, fetched and built while the former stack still runs: what goes wrong by then
has cost nobody anything. Only then the former stack is stopped and this one started.
"""

from collections.abc import Mapping
from typing import Final

import trio

from peppy.actors.host.ports import HostError
from peppy.actors.stack.bringing_up import start_all, together
from peppy.actors.stack.clearing import remove_files, start_again
from peppy.actors.stack.errors import GoingDown, LaunchCancelled, LaunchFailed, StartFailed
from peppy.actors.stack.hands import Former, GivenUp, Hands
from peppy.actors.stack.ledger import UNDERTAKING, Record, Stage, node_key, node_record
from peppy.actors.stack.logs import line
from peppy.actors.stack.making import Made, Workshop
from peppy.actors.stack.members import free_instance_id
from peppy.actors.stack.messages import InstanceLeft
from peppy.actors.stack.planning import LaunchPlan, Reading, Step, plan
from peppy.actors.stack.undertaking_messages import Survey, Swap, Swapped
from peppy.schema.control import InstanceState, ListStack, RunNode, StartView
from peppy.schema.errors import PeppyError
from peppy.schema.events import EventKind
from peppy.schema.frames import Note
from peppy.schema.launch import Launch, LaunchView
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.wording import counted

UNTOUCHED: Final = "the stack is as it was"


class Launching:
    """What has been done so far, and how it is undone."""

    def __init__(self, hands: Hands, request: Launch) -> None:
        self._hands = hands
        self._request = request
        site = hands.site
        stamp = line(site.host.clock.now(), "").decode()
        name = "".join(c for c in stamp if c.isdigit())
        self._log = site.home.launch_logs / f"launch_{name}.log"
        self._former: Former | None = None
        """Set once something of it may have been stopped."""
        self._workshop: Workshop | None = None
        self._swapped: Swapped | None = None
        self._names: set[InstanceId] = set()
        """Of the instances that it starts."""

    async def run(self) -> LaunchView:
        """Launch. Raises what is wrong with the file, `LaunchFailed` or `LaunchCancelled`."""
        hands, begun = self._hands, trio.current_time()
        try:
            planned, former = await hands.as_long_as_wanted(self._prepare)
            starts = self._starts(planned)
            swapped = await self._swap(planned, former, starts)
            started = await hands.as_long_as_wanted(lambda: self._start(planned, swapped, starts))
            await self._conclude(planned, former)
        except GivenUp:
            raise LaunchCancelled(await self._undo(None)) from None
        except PeppyError as error:
            if self._workshop is None:
                raise  # nothing has been begun
            raise LaunchFailed(error, await self._undo(error)) from None
        nodes = tuple(node for wave in planned.waves for node in wave)
        made = self._made
        return LaunchView(
            launcher=planned.launcher.source,
            log=str(self._log),
            nodes=nodes,
            built=tuple(node for node in nodes if not made[node].reused),
            started=started,
            stopped=swapped.stopped,
            removed=tuple(n.entry.node for n in former.nodes if n.entry.node not in made),
            seconds=trio.current_time() - begun,
            warnings=planned.warnings,
        )

    @property
    def _made(self) -> Mapping[NodeId, Made]:
        return {} if self._workshop is None else self._workshop.made

    async def _prepare(self) -> tuple[LaunchPlan, Former]:
        """Do all that leaves the present stack alone."""
        hands, request = self._hands, self._request
        hands.step(f"Launching {request.launcher}...")
        planned = await plan(hands.site, Reading.of(request), hands.note)
        former = await hands.survey()
        if former.nodes and not request.clear_stack:
            raise former.in_use("replaced")
        hands.note(Note(stream="log", text=str(self._log)))
        await self._record(f"Launching {planned.launcher.source}")
        for warning in planned.warnings:
            hands.note(Note(stream="warning", text=warning))
        await self._make(planned)
        # What has been stopped or has ended by itself since then is not to come back.
        return planned, await hands.survey()

    async def _start(
        self, planned: LaunchPlan, swapped: Swapped, starts: list[RunNode]
    ) -> tuple[StartView, ...]:
        await self._say(f"Starting {counted(len(starts), 'instance')}")
        started = await start_all(self._hands, swapped.refs, starts, planned.waves)
        stack = await self._hands.stack.ask(ListStack())
        for each in (instance for row in stack.nodes for instance in row.instances):
            if each.state is InstanceState.FAILED and not each.is_alive:
                why = f"it ended with {each.ended} while others were started"
                raise StartFailed(each.instance_id, why, each.log, each.last_lines)
        return started

    async def _make(self, planned: LaunchPlan) -> None:
        """Fetch and build all nodes, each as soon as it can be."""
        self._workshop = workshop = Workshop(self._hands, self._request, planned)
        await self._say(f"Fetching and building {counted(len(planned.steps), 'node')}")
        await together(lambda s=step: workshop.make(s) for step in planned.steps)  # type: ignore[misc]

    def _starts(self, planned: LaunchPlan) -> list[RunNode]:
        taken: dict[InstanceId, None] = {}
        for step in planned.steps:
            for instance in step.deployment.instances:
                if instance.instance_id is not None:
                    taken[instance.instance_id] = None
        return [start for step in planned.steps for start in self._of_step(step, taken)]

    def _of_step(self, step: Step, taken: dict[InstanceId, None]) -> list[RunNode]:
        request, starts = self._request, list[RunNode]()
        for instance in step.deployment.instances:
            name = instance.instance_id or free_instance_id(self._hands.site.random, taken)
            taken[name] = None
            start = RunNode(
                node=step.node,
                instance_id=name,
                values=instance.arguments,
                environment={**request.environment, **instance.env_vars},
                idle_timeout=request.run_idle_timeout,
                max_timeout=request.max_timeout,
                restart=instance.restart,
                bindings=instance.bindings,
            )
            starts.append(start)
        return starts

    async def _swap(self, planned: LaunchPlan, former: Former, starts: list[RunNode]) -> Swapped:
        """Stop the former stack and have the new one in its place; none of it runs yet."""
        hands, ledger, made = self._hands, self._hands.site.ledger, self._made
        if former.plans:
            await self._say(f"Stopping {counted(len(former.plans), 'instance')}")
        at = hands.site.host.clock.now()
        await ledger.write({UNDERTAKING: former.record(Stage.STOPPING, at)})
        # From here on there is something to undo, whatever happens.
        self._former = former
        swap = Swap(
            nodes=tuple(made[step.node].node for step in planned.steps),
            changes={UNDERTAKING: former.record(Stage.STARTING, at)},
            owners=_owners(starts),
        )
        swapped = await hands.swap(swap)
        if swapped.error is not None:
            raise swapped.error
        self._swapped, self._names = swapped, set(swap.owners)
        return swapped

    async def _conclude(self, planned: LaunchPlan, former: Former) -> None:
        """Write down that the new stack is what counts, and remove what was only for going back."""
        hands = self._hands
        text = f"{planned.launcher.source}: {counted(len(planned.steps), 'node')}"
        with trio.CancelScope(shield=True):
            launched = hands.happened(EventKind.LAUNCHED, text)
            await hands.site.ledger.write({UNDERTAKING: None}, launched)
            self._former = None
            await self._say_if_possible("The launch configuration was applied")
            await remove_files(hands, former, keeping=self._artifacts())

    def _artifacts(self) -> frozenset[object]:
        return frozenset(each.node.entry.artifact for each in self._made.values())

    # Back.

    async def _undo(self, error: PeppyError | None) -> str:
        """Undo what has been done; return what has become of the stack, in a sentence."""
        kept = await self._back(error)
        with trio.CancelScope(shield=True):
            why = "it was cancelled" if error is None else error.sentence
            await self._say_if_possible(f"{why}; {kept}")
            failed = self._hands.happened(EventKind.LAUNCH_FAILED, f"{_first_line(why)}; {kept}")
            await self._hands.site.ledger.write_if_possible({}, failed)
        return kept

    async def _back(self, error: PeppyError | None) -> str:
        hands, former = self._hands, self._former
        if former is None:
            with trio.CancelScope(shield=True):
                if self._workshop is not None:
                    await self._workshop.discard()
            return UNTOUCHED
        if hands.going_down:
            await self._write_back(former)
            return "all ends, and nothing is started again"
        if self._may_stay(error):
            return await self._leave_it(former)
        hands.step("Going back to the stack before...")
        return await self._return_to(former)

    def _may_stay(self, error: PeppyError | None) -> bool:
        """Say whether what came up of it is to be left, and not just for the next daemon."""
        failed = error is not None and not isinstance(error, GoingDown)
        return failed and not self._request.rollback and self._swapped is not None

    async def _leave_it(self, former: Former) -> str:
        """Let what came up stand, and have no way back any more."""
        with trio.CancelScope(shield=True):
            try:
                await self._hands.site.ledger.write({UNDERTAKING: None})
            except HostError as error:
                self._hands.site.ledger.supersede(UNDERTAKING)
                return (
                    f"what came up of it is left as it is, until this daemon ends: {error.sentence}"
                )
            await remove_files(self._hands, former, keeping=self._artifacts())
        await self._free_names()
        return "what came up of it is left as it is"

    async def _free_names(self) -> None:
        """Let others have the names of instances that were not started any more."""
        if self._swapped is None:
            return
        surveyed = [await ref.ask(Survey()) for ref in self._swapped.refs.values()]
        alive = {plan.address.instance_id for each in surveyed for plan in each.plans}
        for name in sorted(self._names - alive):
            self._hands.stack.tell(InstanceLeft(name))

    async def _return_to(self, former: Former) -> str:
        hands = self._hands
        record = former.record(Stage.GOING_BACK, hands.site.host.clock.now())
        swapped = await hands.swap(
            Swap(nodes=former.nodes, changes={UNDERTAKING: record}, owners=former.owners)
        )
        if swapped.error is not None and self._swapped is not None:
            for name in former.owners:  # none of them lives
                hands.stack.tell(InstanceLeft(name))
            # The next daemon brings it back, unless a person has changed the stack before.
            hands.site.ledger.supersede(UNDERTAKING)
            return f"the stack before could not be brought back: {swapped.error}"
        if self._workshop is not None:
            with trio.CancelScope(shield=True):
                await self._workshop.discard()
        if not former.nodes:
            await self._write_back(former)
            return "the stack is empty, as it was before"
        started, failures = await start_again(hands, swapped, former)
        if hands.going_down:
            return "all ends, and nothing is started again"
        if failures:
            told = "\n".join(failures)
            return f"of the stack before, not all could be started again:\n{told}"
        return f"the stack before was brought back, {counted(len(started), 'instance')} of it run"

    async def _write_back(self, former: Former) -> None:
        """Have the former nodes in the journal, for the daemon that comes next."""
        ledger = self._hands.site.ledger
        changes: dict[str, Record | None] = {UNDERTAKING: None}
        changes |= {node_key(node): None for node in self._made}
        for each in former.nodes:
            record = node_record(each.entry, built=each.built, build_log=each.build_log)
            changes[node_key(each.entry.node)] = record
        with trio.CancelScope(shield=True):
            await ledger.write_if_possible(changes)

    # Words.

    async def _say(self, text: str) -> None:
        self._hands.step(f"{text}...")
        await self._record(text)

    async def _record(self, text: str) -> None:
        host = self._hands.site.host
        await host.files.append(self._log, line(host.clock.now(), text))

    async def _say_if_possible(self, text: str) -> None:
        try:
            await self._record(text)
        except HostError:
            return


def _owners(starts: list[RunNode]) -> dict[InstanceId, NodeId]:
    return {start.instance_id: start.node for start in starts if start.instance_id is not None}


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else text
