"""Whom a request reaches, and when, where servers come and askers go."""

import anyio
import pytest

from peppy.runtime.transport.exchange import IncomingRequest, open_exchange
from peppy.runtime.transport.port import Sample, Subscription
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, until

pytestmark = pytest.mark.parametrize("world", WORLDS)


async def echo(requests: Subscription[IncomingRequest]) -> None:
    async for request in requests:
        await request.reply(request.payload)


@pytest.mark.parametrize("asked", ["s/later", "s/*"])
def test_a_request_waits_for_a_server_that_matches_whoever_else_serves(
    world: World, asked: str
) -> None:
    async def scenario(wire: Wire) -> None:
        asker = await wire.join()

        async def come_later() -> None:
            await anyio.wait_all_tasks_blocked()
            async with open_exchange(await wire.join()) as serving:
                await echo(serving.serve("s/later"))

        async with open_exchange(asker) as asking, anyio.create_task_group() as group:
            group.start_soon(echo, asking.serve("other/service"))
            group.start_soon(come_later)
            assert (await asking.ask(asked, b"1", timeout=10)).key == "s/later"
            group.cancel_scope.cancel()

    world.run(scenario)


def test_an_answer_to_an_asker_that_gave_up_is_dropped_and_counted(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        asker, server = await wire.pair()
        async with open_exchange(asker) as asking, open_exchange(server) as serving:
            requests = serving.serve("s")
            taken: list[IncomingRequest] = []

            async def give_up(scope: anyio.CancelScope) -> None:
                with scope:
                    await asking.ask("s", b"", timeout=10)

            async with anyio.create_task_group() as group:
                scope = anyio.CancelScope()
                group.start_soon(give_up, scope)
                taken.append(await requests.receive())
                scope.cancel()
            await taken[0].reply(b"too late")
            await until(lambda: asking.late == 1)

    world.run(scenario)


def test_a_message_to_a_pattern_reaches_whoever_listens_to_a_key_of_it(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        sender, receiver = await wire.pair()
        subscriptions = [receiver.subscribe("s/one"), sender.subscribe("s/two")]
        other = receiver.subscribe("t/one")
        publisher, unheard = sender.publisher("s/*"), sender.publisher("u/*")
        await heard(sender.publisher("s/one"))
        await publisher.send(b"all")
        for subscription in subscriptions:
            assert await subscription.receive() == Sample("s/*", b"all")
        assert not unheard.matched()
        assert other.receive_nowait() is None

    world.run(scenario)
