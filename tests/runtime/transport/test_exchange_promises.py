"""Requests and replies, over each transport and under each loop."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing

import anyio
import pytest

from peppy.runtime.transport.exchange import Exchange, IncomingRequest, Reply, Service
from peppy.runtime.transport.exchange_errors import Refused, Unanswered
from peppy.runtime.transport.exchange_post import INBOX
from peppy.runtime.transport.port import LARGEST_PAYLOAD, Closed, TooLarge
from tests.runtime.transport.wires import LOOK, WORLDS, Wire, World, heard, until

in_each_world = pytest.mark.parametrize("world", WORLDS)

PATIENCE = 10.0
"""Seconds that a request may take which is going to be answered."""

SHORT = 0.05
"""Seconds for a request which is not."""

Handler = Callable[[IncomingRequest], None]

Talk = Callable[[Exchange, Exchange], Awaitable[None]]


def talk(world: World, scenario: Talk) -> None:
    """Run a scenario between two exchanges on two transports."""

    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        with closing(Exchange(here)) as asking, closing(Exchange(there)) as serving:
            await scenario(asking, serving)

    world.run(main)


async def handle(requests: Service, handler: Handler) -> None:
    async for request in requests:
        handler(request)


def echo(request: IncomingRequest) -> None:
    request.reply(request.payload + request.attachment, request.attachment)


def refuse(request: IncomingRequest) -> None:
    request.refuse(f"not '{request.payload.decode()}'", "picky", b"why")


@in_each_world
def test_a_request_is_answered_by_who_serves_its_key(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        async with anyio.create_task_group() as tasks:
            requests = serving.serve("arm/move")
            tasks.start_soon(handle, requests, echo)
            reply = await asking.ask("arm/move", b"up", attachment=b"!", timeout=PATIENCE)
            assert reply == Reply("arm/move", b"up!", b"!", reply.sender)
            assert requests.statistics().received == 1
            requests.close()

    talk(world, scenario)


@in_each_world
def test_a_function_may_answer_in_place_of_a_task(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        serving.serve("k", arrived=echo)
        assert (await asking.ask("k", b"up", timeout=PATIENCE)).payload == b"up"

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
def test_who_asks_without_end_leaves_other_tasks_their_turn(world: World) -> None:
    async def scenario(asking: Exchange, _: Exchange) -> None:
        asking.serve("k", arrived=echo)
        asked = 0
        with anyio.move_on_after(0.05):
            while asked < 1_000_000:
                await asking.ask("k", b"", timeout=PATIENCE)
                asked += 1
        assert 0 < asked < 1_000_000

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
        for key in ("arm/left", "arm/right"):
            serving.serve(key, arrived=echo)
        reply = await asking.ask("arm/*", b"where", timeout=PATIENCE)
        assert reply.key in {"arm/left", "arm/right"}

    talk(world, scenario)


@in_each_world
def test_a_refusal_is_raised_with_all_that_who_refused_said(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        serving.serve("k", arrived=refuse)
        with pytest.raises(Refused, match="'k' was refused: not 'this'") as caught:
            await asking.ask("k", b"this", timeout=PATIENCE)
        refused = caught.value
        assert (refused.key, refused.reason) == ("k", "not 'this'")
        assert (refused.kind, refused.detail) == ("picky", b"why")

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
def test_a_request_that_was_taken_up_ends_acknowledged(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        taken: list[IncomingRequest] = []
        requests = serving.serve("k")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handle, requests, taken.append)
            with pytest.raises(Unanswered) as caught:
                await asking.ask("k", b"", timeout=0.4)
            assert caught.value.acknowledged
            await until(lambda: taken[0].gone)
            taken[0].reply(b"too late")
            with pytest.raises(RuntimeError, match="a request is answered once"):
                taken[0].reply(b"once more")
            requests.close()

    talk(world, scenario)


@in_each_world
def test_a_request_that_is_answered_at_once_is_not_acknowledged_besides(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        with closing(Exchange(here)) as asking, closing(Exchange(there)) as serving:
            heard_by_asker = here.subscribe(f"{INBOX}/{here.identity}")
            requests = serving.serve("k")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(handle, requests, echo)
                for _ in range(10):
                    await asking.ask("k", b"", timeout=PATIENCE)
                requests.close()
            await until(lambda: heard_by_asker.statistics().received >= 10)
            await anyio.wait_all_tasks_blocked()
            assert heard_by_asker.statistics().received == 10

    world.run(main)


@in_each_world
def test_what_is_none_of_an_exchange_is_counted_and_passed_over(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        with closing(Exchange(here)) as asking, closing(Exchange(there)) as serving:
            serving.serve("k", arrived=echo)
            stranger = here.publisher("k")
            to_inbox = here.publisher(f"{INBOX}/{there.identity}")
            await heard(stranger, to_inbox)
            label = b"py\1\0\4\0\0\0\0\0\0\0\0\0"
            for attachment in (
                b"",
                b"\xc1",
                b"\x90" * 5000,
                label,
                label + b"a/b ",
                label + b"\xff" * 4,
            ):
                await stranger.send(b"noise", attachment)
                await to_inbox.send(b"noise", attachment)
            assert (await asking.ask("k", b"real", timeout=PATIENCE)).payload == b"real"
            await until(lambda: serving.foreign == 12)

    world.run(main)


@in_each_world
def test_a_request_that_comes_twice_is_handed_out_once(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        with closing(Exchange(here)) as asking, closing(Exchange(there)) as serving:
            requests = serving.serve("k")
            on_the_way = there.subscribe("k")
            again = here.publisher("k")
            await heard(again)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: asking.ask("k", b"1", timeout=PATIENCE))
                first = await on_the_way.receive()
                again.put(first.payload, first.attachment)
                await until(lambda: serving.foreign == 1)
                (await requests.receive()).reply(b"")
            assert requests.statistics().received == 1

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
def test_a_request_that_is_put_back_is_received_first(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        requests = serving.serve("k")

        async def ask(payload: bytes) -> None:
            await asking.ask("k", payload, timeout=PATIENCE)

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(ask, b"%d" % number)
                while requests.statistics().received <= number:  # noqa: ASYNC110  # as `until`
                    await anyio.sleep(LOOK)
            first = await requests.receive()
            first.put_back()
            assert requests.statistics().waiting == 3
            for expected in (b"0", b"1", b"2"):
                request = await requests.receive()
                assert request.payload == expected
                request.reply(b"")

    talk(world, scenario)


@in_each_world
def test_a_wait_for_a_request_that_is_cancelled_takes_none(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        requests = serving.serve("k")
        served = 0

        async def impatient() -> None:
            nonlocal served
            while served < 20:
                with anyio.move_on_after(0.0005):
                    (await requests.receive()).reply(b"")
                    served += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient)
            for _ in range(20):
                await asking.ask("k", b"", timeout=PATIENCE)

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
def test_a_note_reaches_who_asks_before_the_answer_does(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        def slow(request: IncomingRequest) -> None:
            request.note(b"one")
            request.note(b"two")
            request.reply(b"three")
            request.note(b"four")

        serving.serve("k", arrived=slow)
        notes: list[bytes] = []
        reply = await asking.ask("k", b"", timeout=PATIENCE, on_note=notes.append)
        assert (notes, reply.payload) == ([b"one", b"two"], b"three")

    talk(world, scenario)


@in_each_world
def test_a_payload_that_is_too_large_is_refused_at_its_sender(world: World) -> None:
    async def scenario(asking: Exchange, serving: Exchange) -> None:
        class Huge(bytes):
            def __len__(self) -> int:
                return LARGEST_PAYLOAD + 1

        def answer(request: IncomingRequest) -> None:
            with pytest.raises(TooLarge):
                request.reply(Huge())
            request.refuse("too large")

        serving.serve("k", arrived=answer)
        with pytest.raises(TooLarge):
            await asking.ask("k", Huge(), timeout=PATIENCE)
        with pytest.raises(Refused, match="too large"):
            await asking.ask("k", b"", timeout=PATIENCE)

    talk(world, scenario)


@in_each_world
def test_the_end_of_an_exchange_reaches_who_asks_and_who_serves(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = await wire.pair()
        ended: list[str] = []
        with ExitStack() as stack:
            serving = stack.enter_context(closing(Exchange(there)))
            asking = stack.enter_context(closing(Exchange(here)))
            requests = serving.serve("k")
            async with anyio.create_task_group() as tasks:

                async def ask(key: str) -> None:
                    with pytest.raises(Closed):
                        await asking.ask(key, b"", timeout=PATIENCE)
                    ended.append("asker")

                async def serve() -> None:
                    with pytest.raises(Closed):
                        await asking.serve("other").receive()
                    ended.append("server")

                tasks.start_soon(ask, "k")
                tasks.start_soon(ask, "nobody")
                tasks.start_soon(serve)
                await until(lambda: requests.statistics().received == 1)
                asking.close()
                asking.close()
            assert sorted(ended) == ["asker", "asker", "server"]
            with pytest.raises(Closed, match="the exchange is closed"):
                asking.serve("k")
            with pytest.raises(Closed, match="the exchange is closed"):
                await asking.ask("k", b"", timeout=SHORT)

    world.run(main)
