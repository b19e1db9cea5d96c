"""What an instance tells of its end, step by step, on virtual time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.stack.stopping import LONGEST_NAME, MOST_STEPS, follow_leaving
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.leaving import Leaving, LeavingStep
from peppy.schema.names import InstanceId, Name
from tests.actors.stack.embedded import CORE, Machine

ARM = Address(CORE, Name("hello"), InstanceId("arm"))
LEG = Address(CORE, Name("hello"), InstanceId("leg"))


class Node:
    """An instance that ends, and what is shown of it."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.shown: list[str] = []
        self.closed = transport.close
        self._arm = transport.publisher(keys.leaving(ARM))
        self._leg = transport.publisher(keys.leaving(LEG))

    async def tell(self, step: Leaving, *, leg: bool = False) -> None:
        publisher = self._leg if leg else self._arm
        publisher.put(msgspec.msgpack.encode(step))
        await wait_all_tasks_blocked()

    async def send(self, payload: bytes) -> None:
        self._arm.put(payload)
        await wait_all_tasks_blocked()


@asynccontextmanager
async def followed() -> AsyncGenerator[Node, None]:
    machine = Machine({})
    ours, theirs = machine.transport(), machine.transport()
    node = Node(theirs)
    with closing(Exchange(ours)) as exchange:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow_leaving, machine.site(ours, exchange), ARM, node.shown.append)
            await wait_all_tasks_blocked()
            yield node
            nursery.cancel_scope.cancel()
    await theirs.close()
    await ours.close()


async def test_each_step_is_shown_as_it_begins(autojump_clock: MockClock) -> None:
    async with followed() as node:
        for step in LeavingStep:
            await node.tell(Leaving(step, "release_lock"))
    assert node.shown == [
        "cancelling setup",
        "running hook 'release_lock'",
        "ending tasks",
        "the process is ending",
    ]


async def test_a_step_that_lasts_is_shown_with_its_time_each_half_second(
    autojump_clock: MockClock,
) -> None:
    async with followed() as node:
        await node.tell(Leaving(LeavingStep.HOOK, "release_lock", 5.0))
        await trio.sleep(1.2)
        await node.tell(Leaving(LeavingStep.TASKS))
        await trio.sleep(10)
    assert node.shown == [
        "running hook 'release_lock', 0.0 s of 5 s",
        "running hook 'release_lock', 0.5 s of 5 s",
        "running hook 'release_lock', 1.0 s of 5 s",
        "ending tasks",
    ]


async def test_a_plain_hook_that_lasts_is_said_to_block(autojump_clock: MockClock) -> None:
    async with followed() as node:
        await node.tell(Leaving(LeavingStep.HOOK, "park_arm", 5.0, is_async=False))
        await trio.sleep(0.7)
    assert node.shown == [
        "running hook 'park_arm', 0.0 s of 5 s",
        "hook 'park_arm' blocks, 0.5 s of 5 s",
    ]


async def test_what_another_instance_tells_is_not_shown(autojump_clock: MockClock) -> None:
    async with followed() as node:
        await node.tell(Leaving(LeavingStep.TASKS), leg=True)
    assert node.shown == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"\xc1", msgspec.msgpack.encode(["fly"]), b"\x81\xa1x" + b"\x91" * 100_000],
)
async def test_what_cannot_be_read_is_ignored(payload: bytes, autojump_clock: MockClock) -> None:
    async with followed() as node:
        await node.tell(Leaving(LeavingStep.HOOK, "one", 5.0))
        await trio.sleep(0.25)
        await node.send(payload)
        await trio.sleep(0.35)
        await node.tell(Leaving(LeavingStep.TASKS))
    assert node.shown == [
        "running hook 'one', 0.0 s of 5 s",
        "running hook 'one', 0.5 s of 5 s",
        "ending tasks",
    ]


async def test_a_name_cannot_disturb_a_terminal_nor_fill_it(autojump_clock: MockClock) -> None:
    async with followed() as node:
        await node.tell(Leaving(LeavingStep.HOOK, "\x1b[2J\n" + "x" * 10_000))
    (text,) = node.shown
    assert text.isprintable()
    assert len(text) <= LONGEST_NAME + len("running hook ''")


async def test_a_flood_of_steps_is_followed_up_to_its_limit(autojump_clock: MockClock) -> None:
    async with followed() as node:
        for number in range(MOST_STEPS + 50):
            await node.tell(Leaving(LeavingStep.HOOK, f"hook{number}"))
    assert len(node.shown) == MOST_STEPS


async def test_a_closed_transport_ends_it(autojump_clock: MockClock) -> None:
    machine = Machine({})
    ours = machine.transport()
    with closing(Exchange(ours)) as exchange:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow_leaving, machine.site(ours, exchange), ARM, print)
            await trio.sleep(1)
            await ours.close()
