"""Whom a request reaches, and who learns what, where servers come and askers go."""

from collections.abc import Awaitable, Callable
from contextlib import closing

import anyio
import pytest

from peppy.runtime.transport.exchange import Exchange, IncomingRequest, Service
from peppy.runtime.transport.exchange_errors import Unanswered, Unreachable
from peppy.runtime.transport.port import Closed, Sample
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, until

pytestmark = pytest.mark.parametrize("world", WORLDS)

PATIENCE = 10.0
"""Seconds that nothing here takes."""

Meeting = Callable[[Exchange, Exchange, Exchange], Awaitable[None]]


def meet(world: World, scenario: Meeting) -> None:
    """Run a scenario with an exchange that asks and two that serve."""

    async def main(wire: Wire) -> None:
        transports = [await wire.join() for _ in range(3)]
        with (
            closing(Exchange(transports[0])) as asking,
            closing(Exchange(transports[1])) as one,
            closing(Exchange(transports[2])) as other,
        ):
            await scenario(asking, one, other)

    world.run(main)


def echo(request: IncomingRequest) -> None:
    request.reply(request.payload)


@pytest.mark.parametrize("asked", ["s/later", "s/*"])
def test_a_request_waits_for_a_server_that_matches_whoever_else_serves(
    world: World, asked: str
) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        async def come_later() -> None:
            await anyio.wait_all_tasks_blocked()
            one.serve("s/later", arrived=echo)

        asking.serve("other/service", arrived=echo)
        async with anyio.create_task_group() as group:
            group.start_soon(come_later)
            assert (await asking.ask(asked, b"1", timeout=PATIENCE)).key == "s/later"

    meet(world, scenario)


def test_who_knows_the_servers_learns_at_once_that_nobody_is_there(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        with pytest.raises(Unreachable, match="'s/1' is unreachable") as caught:
            await asking.ask("s/1", b"", timeout=PATIENCE, servers="up/s/1/*")
        assert not caught.value.left
        service = one.serve("s/1", announce="up/s/1", arrived=echo)
        for payload in (b"2", b"3"):
            reply = await asking.ask("s/1", payload, timeout=PATIENCE, servers="up/s/1/*")
            assert reply.payload == payload
        service.close()
        while await asking.seek("up/s/1/*"):
            pass
        with pytest.raises(Unreachable):
            await asking.ask("s/1", b"4", timeout=PATIENCE, servers="up/s/1/*")

    meet(world, scenario)


def test_a_request_fails_as_soon_as_the_last_who_might_answer_it_has_gone(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, other: Exchange) -> None:
        services = [
            server.serve(f"s/{number}", announce=f"up/s/{number}")
            for number, server in enumerate((one, other))
        ]
        ended: list[bool] = []

        async def ask() -> None:
            with pytest.raises(Unreachable) as caught:
                await asking.ask("s/*", b"", timeout=PATIENCE, servers="up/s/*/*")
            ended.append(caught.value.left)

        async with anyio.create_task_group() as group:
            found: list[str] = []
            while len(found) < 2:
                found = await asking.seek("up/s/*/*")
            group.start_soon(ask)
            await services[0].receive()
            await until(lambda: services[1].statistics().received == 1)
            one.close()
            while len(found) > 1:
                found = await asking.seek("up/s/*/*")
            await anyio.sleep(0.01)
            assert not ended
            other.close()
        assert ended == [True]

    meet(world, scenario)


def test_what_a_service_answers_at_its_end_arrives_though_word_of_the_end_is_faster(
    world: World,
) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s", announce="up/s")
        answered: list[bytes] = []

        async def ask() -> None:
            reply = await asking.ask("s", b"", timeout=PATIENCE, servers="up/s/*")
            answered.append(reply.payload)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            request = await service.receive()
            service.close()
            request.reply(b"the last one")
        assert answered == [b"the last one"]

    meet(world, scenario)


def test_a_server_learns_that_its_asker_left(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")
        told: list[str] = []
        async with anyio.create_task_group() as group:

            async def give_up() -> None:
                with pytest.raises(Unanswered):
                    await asking.ask("s", b"", timeout=0.2)

            def forgotten() -> None:
                told.append("forgotten")

            group.start_soon(give_up)
            request = await service.receive()
            request.when_gone(lambda: told.append("later"))
            request.when_gone(forgotten)
            request.forget_callback(forgotten)
            await until(lambda: request.gone)
            request.when_gone(lambda: told.append("at once"))
            assert told == ["later", "at once"]
            assert service.gone == 1
            request.reply(b"to nobody")
            request.put_back()
            assert service.receive_nowait() is None
        assert asking.late == 0

    meet(world, scenario)


def test_a_request_whose_asker_left_is_not_handed_out(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")
        with pytest.raises(Unanswered):
            await asking.ask("s", b"stale", timeout=0.1)
        await until(lambda: service.gone == 1)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: asking.ask("s", b"fresh", timeout=PATIENCE))
            request = await service.receive()
            assert request.payload == b"fresh"
            request.reply(b"")

    meet(world, scenario)


def test_a_server_learns_that_its_asker_died(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")
        async with anyio.create_task_group() as group:

            async def die() -> None:
                with pytest.raises(Closed):
                    await asking.ask("s", b"", timeout=PATIENCE)

            group.start_soon(die)
            request = await service.receive()
            asking.close()
            await until(lambda: request.gone)

    meet(world, scenario)


def test_the_servers_that_did_not_answer_first_are_told_that_nobody_waits(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, other: Exchange) -> None:
        quick = one.serve("s/quick", announce="up/s/quick")
        slow = other.serve("s/slow", announce="up/s/slow")
        while len(await asking.seek("up/s/*/*")) < 2:
            pass
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: asking.ask("s/*", b"", timeout=PATIENCE, servers="up/s/*/*"))
            held = await slow.receive()
            (await quick.receive()).reply(b"")
            await until(lambda: held.gone)
        assert quick.gone == 0

    meet(world, scenario)


def test_a_request_to_one_server_that_answers_is_no_more_than_two_messages(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        with closing(Exchange(here)) as asking, closing(Exchange(there)) as serving:
            serving.serve("s/1", announce="up/s/1", arrived=echo)
            on_the_way = there.subscribe("s/*")
            while not await asking.seek("up/s/*/*"):
                pass
            for _ in range(10):
                await asking.ask("s/*", b"", timeout=PATIENCE, servers="up/s/*/*")
            await until(lambda: on_the_way.statistics().received >= 10)
            await anyio.lowlevel.checkpoint()
            assert on_the_way.statistics().received == 10

    world.run(main)


async def one_of(asking: Exchange, services: list[Service]) -> None:
    granted: list[IncomingRequest] = []
    replies: list[str] = []

    async def ask() -> None:
        reply = await asking.ask("s/*", b"", timeout=PATIENCE, servers="up/s/*/*", contested=True)
        replies.append(reply.key)

    async def serve(service: Service) -> None:
        request = await service.receive()
        if await request.claim():
            assert await request.claim()
            granted.append(request)
        else:
            assert request.gone
            request.put_back()

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        async with anyio.create_task_group() as serving:
            for service in services:
                serving.start_soon(serve, service)
        assert len(granted) == 1
        granted[0].reply(b"")
    assert replies == [granted[0].key]


def test_of_those_who_claim_a_contested_request_one_gets_it(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, other: Exchange) -> None:
        services = [
            server.serve(f"s/{number}", announce=f"up/s/{number}")
            for number, server in enumerate((one, other))
        ]
        while len(await asking.seek("up/s/*/*")) < 2:
            pass
        for _ in range(10):
            await one_of(asking, services)

    meet(world, scenario)


def test_a_request_that_is_not_contested_is_everybodys(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: asking.ask("s", b"", timeout=PATIENCE))
            request = await service.receive()
            assert await request.claim()
            request.reply(b"")

    meet(world, scenario)


def test_a_claim_that_is_cancelled_can_be_made_again(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: asking.ask("s", b"", timeout=PATIENCE, contested=True))
            request = await service.receive()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await request.claim()
            request.put_back()
            again = await service.receive()
            assert again is request
            assert await again.claim()
            again.reply(b"")

    meet(world, scenario)


def test_a_contested_request_ends_with_the_server_that_got_it(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, other: Exchange) -> None:
        first = one.serve("s/1", announce="up/s/1")
        other.serve("s/2", announce="up/s/2")
        while len(await asking.seek("up/s/*/*")) < 2:
            pass
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                with pytest.raises(Unreachable):
                    await asking.ask(
                        "s/*", b"", timeout=PATIENCE, servers="up/s/*/*", contested=True
                    )

            group.start_soon(ask)
            assert await (await first.receive()).claim()
            one.close()

    meet(world, scenario)


def test_a_claim_on_what_its_asker_gave_up_is_denied(world: World) -> None:
    async def scenario(asking: Exchange, one: Exchange, _: Exchange) -> None:
        service = one.serve("s")

        async def ask() -> None:
            with pytest.raises(Unanswered):
                await asking.ask("s", b"", timeout=0.1, contested=True)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            request = await service.receive()
            await until(lambda: request.gone)
            assert not await request.claim()

    meet(world, scenario)


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
