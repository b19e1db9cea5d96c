"""The end of a stack, its restart, and its return after a change that was interrupted."""

from collections.abc import Collection
from typing import Final

import trio

from peppy.actors.host.ports import HostError
from peppy.actors.rules import dependencies
from peppy.actors.stack.bringing_up import Waves, again, start_what_can_be
from peppy.actors.stack.errors import GoingDown, NotAllRestarted
from peppy.actors.stack.hands import Former, Hands
from peppy.actors.stack.ledger import UNDERTAKING, Stage, UndertakingRecord
from peppy.actors.stack.messages import InstanceLeft
from peppy.actors.stack.undertaking_messages import Swap, Swapped
from peppy.schema.control import StartView
from peppy.schema.events import EventKind
from peppy.schema.launch import ClearStack, DownView, RestartStack, RestartView
from peppy.schema.names import NodeId
from peppy.schema.wording import counted

BRING_BACK_WITHIN: Final = 600.0
"""Seconds after which instances that a daemon had stopped for a change are not started again by the
next one: whoever stands beside a robot does not expect that any more."""


ALL_ENDS: Final = "the stack of before is not started again, since all ends"


async def clear(hands: Hands, request: ClearStack) -> DownView:
    """Stop every instance, and take every node out unless they are to stay; return both.

    Raises `StackInUse` where something runs and nobody has agreed, and what the swap fails with.
    """
    former = await hands.survey()
    if former.plans and not request.clear_stack:
        raise former.in_use("taken down")
    hands.step(f"Stopping {counted(len(former.plans), 'instance')}...")
    nodes = former.nodes if request.keep_nodes else ()
    cleared = hands.happened(EventKind.CLEARED, "was taken down")
    swapped = await hands.swap(Swap(nodes=nodes, changes={}, events=(cleared,)))
    if swapped.error is not None:
        raise swapped.error
    if request.keep_nodes:
        return DownView(stopped=swapped.stopped, removed=())
    with trio.CancelScope(shield=True):
        await remove_files(hands, former)
    removed = tuple(each.entry.node for each in former.nodes)
    return DownView(stopped=swapped.stopped, removed=removed)


async def restart(hands: Hands, request: RestartStack) -> RestartView:
    """Stop every instance, and start the same ones again; return those that run.

    Raises `StackInUse`, `NotAllRestarted` with what did not start, or `GoingDown`.
    """
    begun = trio.current_time()
    former = await hands.survey()
    if former.plans and not request.clear_stack:
        raise former.in_use("restarted")
    hands.step(f"Stopping {counted(len(former.plans), 'instance')}...")
    now = hands.site.host.clock.now()
    await hands.site.ledger.write({UNDERTAKING: former.record(Stage.STOPPING, now)})
    changes = {UNDERTAKING: former.record(Stage.GOING_BACK, now)}
    swap = Swap(nodes=former.nodes, changes=changes, owners=former.owners)
    swapped = await hands.swap(swap)
    started, failures = await start_again(hands, swapped, former)
    if hands.going_down:
        raise GoingDown
    if failures:
        raise NotAllRestarted(failures)
    return RestartView(started=started, seconds=trio.current_time() - begun)


async def start_again(
    hands: Hands, swapped: Swapped, former: Former
) -> tuple[tuple[StartView, ...], list[str]]:
    """Start the instances of `former` on its nodes, and write down that this is all.

    Returns those that run, and a sentence for each that does not.
    """
    started: tuple[StartView, ...] = ()
    failures: list[str] = []
    hands.step(f"Starting {counted(len(former.plans), 'instance')} again...")
    with hands.back:
        started, failures = await start_what_can_be(
            hands, swapped.refs, [again(plan) for plan in former.plans], waves_of(former)
        )
    said = f"{counted(len(started), 'instance')} of the stack before run again"
    if hands.going_down:
        said = ALL_ENDS
    with trio.CancelScope(shield=True):
        back = hands.happened(EventKind.BROUGHT_BACK, said)
        await hands.site.ledger.write_if_possible({UNDERTAKING: None}, back)
    return started, failures


async def bring_back(hands: Hands, record: UndertakingRecord) -> None:
    """Start what does not live of a former stack whose nodes are there again."""
    former = await hands.survey()
    alive = former.owners
    plans = [plan for plan in record.plans if plan.address.instance_id not in alive]
    age = hands.site.host.clock.now() - record.at
    known = {each.entry.node for each in former.nodes}
    failures: list[str] = []
    said = "the stack of before a change that was interrupted is there again"
    if plans and not 0 <= age <= BRING_BACK_WITHIN:
        names = ", ".join(f"'{plan.address.instance_id}'" for plan in plans)
        said += f"; its instances {names} are not started, since that was too long ago"
        known = set[NodeId]()
    refs = {node: member.ref for node, member in hands.former.items()}
    for plan in plans:
        if plan.node not in known:  # its name is free again
            hands.stack.tell(InstanceLeft(plan.address.instance_id))
    with hands.back:
        starts = [again(plan) for plan in plans if plan.node in known]
        _, failures = await start_what_can_be(hands, refs, starts, waves_of(former))
    if hands.going_down:
        said = ALL_ENDS
    warnings = [hands.happened(EventKind.WARNING, failure) for failure in failures]
    events = [hands.happened(EventKind.BROUGHT_BACK, said), *warnings]
    await hands.site.ledger.write_if_possible({UNDERTAKING: None}, *events)


async def remove_files(hands: Hands, former: Former, *, keeping: Collection[object] = ()) -> None:
    """Remove what is left of nodes that are no longer in the stack.

    What cannot be removed now, the next daemon removes.
    """
    for each in former.nodes:
        for path in {each.entry.artifact, each.entry.snapshot}.difference(keeping):
            try:
                await hands.site.host.files.remove(path)
            except HostError:
                continue


def waves_of(former: Former) -> Waves:
    """Return the order in which the nodes of a stack are started."""
    documents = {each.entry.node: each.entry.document for each in former.nodes}
    return dependencies.waves(documents)
