"""Requests and replies, over each transport and under each loop."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from peppy.runtime.transport.exchange import (
    INBOX,
    Exchange,
    IncomingRequest,
    Reply,
    open_exchange,
)
from peppy.runtime.transport.port import Closed, Refused, Subscription, Unanswered
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, until

in_each_world = pytest.mark.parametrize("world", WORLDS)

PATIENCE = 10.0
"""Seconds that a request may take which is going to be answered."""

SHORT = 0.05
"""Seconds for a request which is not."""

Handler = Callable[[IncomingRequest], Awaitable[None]]

Talk = Callable[[Exchange, Exchange], Awaitable[None]]


def talk(world: World, scenario: Talk) -> None:
    """Run a scenario between two exchanges on two transports."""

    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        async with open_exchange(here) as asking, open_exchange(there) as serving:
            await scenario(asking, serving)

    world.run(main)


async def handle(requests: Subscription[IncomingRequest], handler: Handler) -> None:
    async for request in requests:
        await handler(request)


async def echo(request: IncomingRequest) -> None:
    await request.reply(request.payload + request.attachment)


async def refuse(request: IncomingRequest) -> None:
    await request.refuse(f"not '{request.payload.decode()}'")


@in_each_world
def test_a_request_is_answered_by_who_serves_its_key(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            requests = serving.serve("arm/move")
            tasks.start_soon(handle, requests, echo)
            reply = await asking.ask("arm/move", b"up", attachment=b"!", timeout=PATIENCE)
            assert reply == Reply("arm/move", b"up!", reply.sender)
            requests.close()

    talk(world, scenario)


@in_each_world
def test_an_exchange_answers_its_own_requests(world: World) -> None:
    async def scenario(asking: Exchange, _: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            requests = asking.serve("k")
            tasks.start_soon(handle, requests, echo)
            assert (await asking.ask("k", b"me", timeout=PATIENCE)).payload == b"me"
            requests.close()

    talk(world, scenario)


@in_each_world
def test_each_of_many_requests_at_once_gets_its_own_answer(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        got: dict[int, bytes] = {}

        async def ask(number: int) -> None:
            got[number] = (await asking.ask("k", b"%d" % number, timeout=PATIENCE)).payload

        async with anyio.create_task_group() as handling:
            requests = serving.serve("k")
            handling.start_soon(handle, requests, echo)
            async with anyio.create_task_group() as tasks:
                for number in range(50):
                    tasks.start_soon(ask, number)
            requests.close()
        assert got == {number: b"%d" % number for number in range(50)}

    talk(world, scenario)


@in_each_world
def test_a_pattern_is_answered_by_any_server_under_the_servers_own_key(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            services = [serving.serve(key) for key in ("arm/left", "arm/right")]
            for requests in services:
                tasks.start_soon(handle, requests, echo)
            reply = await asking.ask("arm/*", b"where", timeout=PATIENCE)
            assert reply.key in {"arm/left", "arm/right"}
            for requests in services:
                requests.close()

    talk(world, scenario)


@in_each_world
def test_asking_all_returns_every_reply_and_no_refusal(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        async with (
            open_exchange(here) as asking,
            open_exchange(there) as serving,
            open_exchange(await wire.join()) as elsewhere,
            anyio.create_task_group() as tasks,
        ):
            services = {
                "arm/left": (serving.serve("arm/left"), echo),
                "arm/right": (elsewhere.serve("arm/right"), echo),
                "arm/own": (asking.serve("arm/own"), echo),
                "arm/broken": (serving.serve("arm/broken"), refuse),
            }
            for key, (requests, handler) in services.items():
                tasks.start_soon(handle, requests, handler)
                if handler is echo:
                    await asking.ask(key, b"", timeout=PATIENCE)
            replies = await asking.ask_all("arm/*", b"all", timeout=0.4)
            assert sorted((it.key, it.payload) for it in replies) == [
                ("arm/left", b"all"),
                ("arm/own", b"all"),
                ("arm/right", b"all"),
            ]
            assert len({it.sender for it in replies}) == 3
            for requests, _ in services.values():
                requests.close()

    world.run(main)


@in_each_world
def test_asking_all_where_nobody_serves_returns_nothing(world: World) -> None:
    async def scenario(asking: Exchange, _: Exchange) -> None:
        assert await asking.ask_all("nobody/**", b"", timeout=SHORT) == []

    talk(world, scenario)


@in_each_world
def test_a_refusal_is_raised_with_the_reason_of_who_refused(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            requests = serving.serve("k")
            tasks.start_soon(handle, requests, refuse)
            with pytest.raises(Refused, match="'k' was refused: not 'this'") as caught:
                await asking.ask("k", b"this", timeout=PATIENCE)
            assert (caught.value.key, caught.value.reason) == ("k", "not 'this'")
            requests.close()

    talk(world, scenario)


@in_each_world
@pytest.mark.parametrize("served", [False, True])
def test_a_request_that_nobody_takes_up_ends_unacknowledged(world: World, served: bool) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        if served:
            serving.serve("k")
        with pytest.raises(Unanswered, match=r"nobody answered 'k' within 0\.05 s") as caught:
            await asking.ask("k", b"", timeout=SHORT)
        assert not caught.value.acknowledged

    talk(world, scenario)


@in_each_world
def test_a_request_that_was_taken_up_ends_acknowledged_and_its_late_reply_is_counted(
    world: World,
) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        taken: list[IncomingRequest] = []
        requests = serving.serve("k")

        async def hold(request: IncomingRequest) -> None:
            taken.append(request)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handle, requests, hold)
            with pytest.raises(Unanswered) as caught:
                await asking.ask("k", b"", timeout=0.4)
            assert caught.value.acknowledged
            assert asking.late == 0
            await taken[0].reply(b"too late")
            await until(lambda: asking.late == 1)
            requests.close()

    talk(world, scenario)


@in_each_world
def test_what_is_no_request_is_counted_and_passed_over(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        async with open_exchange(here) as asking, open_exchange(there) as serving:
            requests = serving.serve("k")
            stranger = here.publisher("k")
            to_inbox = here.publisher(f"{INBOX}/{there.identity}")
            await heard(stranger, to_inbox)
            for attachment in (b"", b"\xc1", b"\x90" * 5000, b"\x95\xa3ask"):
                await stranger.send(b"noise", attachment)
                await to_inbox.send(b"noise", attachment)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(handle, requests, echo)
                assert (await asking.ask("k", b"real", timeout=PATIENCE)).payload == b"real"
                requests.close()
            await until(lambda: serving.foreign == 8)

    world.run(main)


@in_each_world
def test_requests_beyond_the_capacity_of_a_service_are_given_up_and_counted(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        requests = serving.serve("k", capacity=2)
        unanswered: list[int] = []

        async def ask(number: int) -> None:
            with pytest.raises(Unanswered):
                await asking.ask("k", b"%d" % number, timeout=0.4)
            unanswered.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(ask, number)
            await until(lambda: requests.statistics().received == 5)
            assert requests.statistics().dropped == 3
            assert requests.statistics().waiting == 2
        assert sorted(unanswered) == list(range(5))

    talk(world, scenario)


@in_each_world
def test_a_request_that_is_cancelled_leaves_the_next_ones_theirs(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        requests = serving.serve("k")
        with anyio.move_on_after(0.01) as scope:
            await asking.ask("k", b"given up", timeout=PATIENCE)
        assert scope.cancelled_caught
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handle, requests, echo)
            assert (await asking.ask("k", b"next", timeout=PATIENCE)).payload == b"next"
            requests.close()

    talk(world, scenario)


@in_each_world
def test_a_request_that_is_taken_up_too_late_counts_as_late_only_when_it_is_answered(
    world: World,
) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        requests = serving.serve("k")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: asking.ask("k", b"given up", timeout=PATIENCE))
            await until(lambda: requests.statistics().waiting == 1)
            tasks.cancel_scope.cancel()
        late = await requests.receive()
        await anyio.wait_all_tasks_blocked()
        await late.refuse("too late")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handle, requests, echo)
            assert (await asking.ask("k", b"next", timeout=PATIENCE)).payload == b"next"
            requests.close()
        assert asking.late == 1

    talk(world, scenario)


@in_each_world
def test_the_end_of_an_exchange_reaches_who_asks_and_who_serves(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        ended: list[str] = []
        async with open_exchange(there) as serving, anyio.create_task_group() as tasks:
            serving.serve("k")

            async def ask(asking: Exchange) -> None:
                with pytest.raises(Closed):
                    await asking.ask("k", b"", timeout=PATIENCE)
                ended.append("asker")

            async def serve(requests: Subscription[IncomingRequest]) -> None:
                with pytest.raises(Closed):
                    await requests.receive()
                ended.append("server")

            async with open_exchange(here) as asking:
                tasks.start_soon(ask, asking)
                tasks.start_soon(serve, asking.serve("other"))
                await anyio.sleep(0.005)
            with pytest.raises(Closed, match="the exchange is closed"):
                asking.serve("k")
            with pytest.raises(Closed, match="the exchange is closed"):
                await asking.ask_all("k", b"", timeout=SHORT)
        assert sorted(ended) == ["asker", "server"]

    world.run(main)


@in_each_world
def test_an_exchange_ends_when_its_transport_is_closed(world: World) -> None:
    async def main(wire: Wire) -> None:
        here = await wire.join()
        async with open_exchange(here) as asking, anyio.create_task_group() as tasks:
            asking.serve("k")

            async def ask() -> None:
                with pytest.raises(Closed):
                    await asking.ask("k", b"", timeout=PATIENCE)

            tasks.start_soon(ask)
            await anyio.sleep(0.005)
            await here.close()

    world.run(main)


@in_each_world
def test_what_a_block_raises_leaves_its_exchange_as_it_is(world: World) -> None:
    async def main(wire: Wire) -> None:
        with pytest.raises(ZeroDivisionError):
            async with open_exchange(await wire.join()):
                raise ZeroDivisionError

    world.run(main)
