"""Starting many instances: those that others need before those that need them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import trio

from peppy.actors.kernel import ActorEnded, Ref
from peppy.actors.stack.errors import GoingDown
from peppy.actors.stack.hands import Hands
from peppy.actors.stack.plan import Plan
from peppy.schema.control import RunNode, StartView
from peppy.schema.errors import PeppyError
from peppy.schema.launch import NodeProgress
from peppy.schema.names import NodeId

Refs = Mapping[NodeId, Ref[Any]]
Waves = Sequence[Sequence[NodeId]]


async def together(calls: Iterable[Callable[[], Any]]) -> None:
    """Make all calls at once; where one raises a `PeppyError`, end the others and raise it."""
    first: list[PeppyError] = []

    async def one(call: Callable[[], Any], scope: trio.CancelScope) -> None:
        try:
            await call()
        except PeppyError as error:
            first.append(error)
            scope.cancel()

    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(one, call, nursery.cancel_scope)
    if first:
        raise first[0]


async def start_all(
    hands: Hands, refs: Refs, starts: Sequence[RunNode], waves: Waves
) -> tuple[StartView, ...]:
    """Start instances, wave by wave; each wave when all of the one before run.

    Raises what the first that does not start is refused with; the others of its wave are then
    ended.
    """
    started: list[StartView] = []

    async def start(request: RunNode) -> None:
        started.append(await _start(hands, refs, request))

    for wave in waves:
        of_wave = [request for request in starts if request.node in wave]
        await together([lambda r=request: start(r) for request in of_wave])  # type: ignore[misc]
    return tuple(started)


async def start_what_can_be(
    hands: Hands, refs: Refs, starts: Sequence[RunNode], waves: Waves
) -> tuple[tuple[StartView, ...], list[str]]:
    """Start instances like `start_all`, but go on; return a sentence for each that does not run.

    Raises `GoingDown` if nodes end beneath it: the next daemon has to start what is left.
    """
    started: list[StartView] = []
    failures: list[str] = []
    beneath: list[GoingDown] = []

    async def start(request: RunNode) -> None:
        try:
            started.append(await _start(hands, refs, request))
        except GoingDown as error:
            beneath.append(error)
        except PeppyError as error:
            failures.append(str(error))

    for wave in waves:
        async with trio.open_nursery() as nursery:
            for request in starts:
                if request.node in wave:
                    nursery.start_soon(start, request)
        if beneath:
            raise beneath[0]
    return tuple(started), failures


def again(plan: Plan) -> RunNode:
    """Return what starts an instance as it was started before."""
    return RunNode(
        node=plan.node,
        instance_id=plan.address.instance_id,
        values=plan.arguments,
        environment=plan.environment,
        idle_timeout=plan.idle_timeout,
        max_timeout=plan.max_timeout,
        restart=plan.restart,
        bindings=plan.bindings,
    )


async def _start(hands: Hands, refs: Refs, request: RunNode) -> StartView:
    instance_id = request.instance_id
    hands.progress(request.node, NodeProgress.STARTING, f"starting '{instance_id}'")
    try:
        view: StartView = await refs[request.node].ask(request)
    except ActorEnded:
        raise GoingDown from None
    except PeppyError:
        hands.progress(request.node, NodeProgress.FAILED, f"'{instance_id}' did not start")
        raise
    hands.progress(request.node, NodeProgress.RUNNING, f"'{instance_id}' runs (pid {view.pid})")
    return view
