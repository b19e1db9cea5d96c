"""What is handed to a function on the loop: all of it, in order, and not at others' expense."""

import threading
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.transport.listener import Listener
from peppy.runtime.transport.port import (
    Closed,
    Listening,
    Payload,
    Publisher,
    Sample,
    TooLarge,
    TransportError,
)
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, take, until

in_each_world = pytest.mark.parametrize("world", WORLDS)

MANY = 300


@in_each_world
def test_a_function_gets_each_message_in_order_on_the_loop(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        got: list[tuple[int, Sample]] = []
        there.listen("k/*", lambda sample: got.append((threading.get_ident(), sample)))
        publisher = here.publisher("k/one")
        await heard(publisher)
        for number in range(MANY):
            await publisher.send(b"%d" % number, b"beside")
        await until(lambda: len(got) == MANY)
        assert [sample for _, sample in got] == [
            Sample("k/one", b"%d" % number, b"beside") for number in range(MANY)
        ]
        assert {thread for thread, _ in got} == {threading.get_ident()}

    world.run(scenario)


@in_each_world
def test_what_is_put_here_is_heard_here_before_put_returns(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        got: list[bytes] = []
        here.listen("k", lambda sample: got.append(sample.payload))
        ring, publisher = here.subscribe("k"), here.publisher("k")
        publisher.put(b"now")
        assert got == [b"now"]
        waiting = ring.receive_nowait()
        assert waiting is not None
        assert waiting.payload == b"now"

    world.run(scenario)


@in_each_world
def test_what_is_put_without_a_pause_arrives_elsewhere_whole_and_in_order(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        ring, publisher = there.subscribe("k", capacity=MANY), here.publisher("k")
        await heard(publisher)
        for number in range(MANY):
            publisher.put(b"%d" % number)
        assert [sample.payload for sample in await take(ring, MANY)] == [
            b"%d" % number for number in range(MANY)
        ]

    world.run(scenario)


@in_each_world
@pytest.mark.parametrize("payload", [b"abc", bytearray(b"abc"), memoryview(b"xabc")[1:]])
def test_every_kind_of_payload_arrives_as_bytes(world: World, payload: Payload) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        rings, publisher = [here.subscribe("k"), there.subscribe("k")], here.publisher("k")
        await until_both_hear(rings[1].statistics, publisher)
        for ring in rings:
            while ring.receive_nowait() is not None:
                pass
        publisher.put(payload)
        for ring in rings:
            arrived = (await ring.receive()).payload
            assert arrived == b"abc"
            assert type(arrived) is bytes

    world.run(scenario)


async def until_both_hear(statistics: Callable[[], object], publisher: Publisher) -> None:
    """Return once what is sent arrives elsewhere too: here it always does."""
    before = statistics()
    while statistics() == before:
        publisher.put(b"probe")
        await anyio.sleep(0.001)
    await anyio.sleep(0.01)  # for the last probes


@in_each_world
def test_a_function_may_answer_and_hears_its_own_answers_afterwards(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        publisher = here.publisher("k")
        log: list[str] = []

        def answer(sample: Sample) -> None:
            number = int(sample.payload)
            log.append(f"begin {number}")
            if number < 3:
                publisher.put(b"%d" % (number + 1))
            log.append(f"end {number}")

        here.listen("k", answer)
        publisher.put(b"0")
        await until(lambda: len(log) == 8)
        assert log == [f"{what} {number}" for number in range(4) for what in ("begin", "end")]

    world.run(scenario)


@in_each_world
def test_a_function_that_closes_its_own_listening_gets_nothing_more(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        got: list[bytes] = []
        listening: list[Listening] = []

        def once(sample: Sample) -> None:
            got.append(sample.payload)
            listening[0].close()
            listening[0].close()

        listening.append(there.listen("k", once))
        ring, publisher = there.subscribe("k"), here.publisher("k")
        await heard(publisher)
        for number in range(10):
            publisher.put(b"%d" % number)
        await take(ring, 10)
        await until(lambda: bool(got))
        await anyio.lowlevel.checkpoint()
        assert got == [b"0"]

    world.run(scenario)


@in_each_world
def test_a_function_may_listen_and_whoever_it_had_listen_hears_what_comes(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        publisher = here.publisher("k")
        got: list[tuple[str, bytes]] = []

        def first(sample: Sample) -> None:
            got.append(("first", sample.payload))
            if sample.payload == b"0":
                here.listen("k", lambda sample: got.append(("second", sample.payload)))

        here.listen("k", first)
        publisher.put(b"0")
        publisher.put(b"1")
        await until(lambda: len(got) == 3)
        assert sorted(got) == [("first", b"0"), ("first", b"1"), ("second", b"1")]

    world.run(scenario)


@in_each_world
def test_a_closed_transport_listens_no_more(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        got: list[Sample] = []
        listening = there.listen("k", got.append)
        other, publisher = await wire.join(), here.publisher("k")
        await heard(publisher)
        await there.close()
        listening.close()
        ring = other.subscribe("k")
        await heard(publisher)
        publisher.put(b"late")
        assert (await ring.receive()).payload == b"late"
        assert not got
        for declare in (there.listen, there.follow):
            with pytest.raises(Closed):
                declare("k", lambda _: None)
        with pytest.raises(Closed):
            await there.present("k")

    world.run(scenario)


@pytest.mark.parametrize("world", [it for it in WORLDS if "zenoh" in str(it.id)])
def test_a_flood_leaves_other_tasks_their_turn(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        publisher = here.publisher("k")
        turns = 0

        def again(_: Sample) -> None:
            if turns < 5:
                publisher.put(b"")

        here.listen("k", again)
        publisher.put(b"")
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
            turns += 1

    world.run(scenario)


@in_each_world
def test_too_large_a_payload_is_refused_before_anything_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peppy.runtime.transport.delivery.LARGEST_PAYLOAD", 100)

    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        ring, publisher = there.subscribe("k"), here.publisher("k")
        await heard(publisher)
        with pytest.raises(TooLarge, match="a message of 101 bytes on 'k'") as caught:
            publisher.put(bytes(101))
        assert (caught.value.key, caught.value.size) == ("k", 101)
        assert isinstance(caught.value, TransportError)
        with pytest.raises(TooLarge):
            await publisher.send(bytearray(101))
        publisher.put(bytes(100))
        assert (await ring.receive()).payload == bytes(100)
        assert ring.statistics().received == 1

    world.run(scenario)


def test_what_comes_while_the_function_runs_is_put_off_to_the_next_turn() -> None:
    later: list[Callable[[], None]] = []
    got: list[int] = []

    def take_and_push(item: int) -> None:
        got.append(item)
        listener.push(item + 1)

    listener: Listener[int] = Listener(take_and_push, lambda _: None, again=later.append)
    listener.push(0)
    listener.wake()
    assert got == [0]
    later.pop()()
    assert got == [0, 1]


def test_a_listener_gives_its_declaration_back_once() -> None:
    closed: list[Listener[int]] = []
    listener: Listener[int] = Listener(lambda _: None, closed.append)
    listener.close()
    listener.close()
    assert closed == [listener]
