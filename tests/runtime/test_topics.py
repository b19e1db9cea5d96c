"""Messages reach their consumers whole; what cannot be read is named, counted and skipped."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec
import pytest
from peppy.runtime.transport.memory import MemoryNetwork

from peppy.runtime.inlet import Inlet
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.port import Closed
from peppy.runtime.unfit import UnfitValue
from peppy.schema import envelope, keys
from peppy.schema.format_reader import parse_format
from tests.runtime.memory_nodes import BACKENDS, runner_on


@dataclass(slots=True)
class Message:
    message: str


@dataclass(slots=True)
class Number:
    number: int


FORMAT = {"message": "string"}
FINGERPRINT = parse_format(FORMAT).fingerprint()


def emitted(qos: str = "standard") -> EmittedTopic[Message]:
    return EmittedTopic("message_stream", qos, FORMAT, Message)


def consumed(node: str | None = "camera", qos: str = "standard") -> ConsumedTopic[Message]:
    return ConsumedTopic(node, "message_stream", qos, FORMAT, Message)


OnLoop = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=BACKENDS)
def on_loop(request: pytest.FixtureRequest) -> OnLoop:
    def run(main: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            with anyio.fail_after(5):
                await main()

        anyio.run(bounded, backend=request.param)

    return run


async def subscribed(topic: ConsumedTopic[Any], runner: NodeRunner, *targets: str | None) -> None:
    """Have the topic's subscription declared: a first call that finds nothing."""
    with anyio.move_on_after(0):
        await topic.next_message(runner, *targets)


def inlet_of(topic: ConsumedTopic[Any], runner: NodeRunner) -> Inlet[Any]:
    def not_there() -> Inlet[Any]:
        raise AssertionError("nothing has been subscribed")

    return runner.kept((topic, None, None), not_there)


def test_a_message_arrives_with_its_senders_instance_id(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer", "view"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        await emitted().emit(there, Message("hello"))
        assert await topic.next_message(here) == ("front", Message("hello"))

    on_loop(main)


def test_nothing_that_arrives_between_two_calls_is_lost(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic, source = consumed(), emitted()
        await subscribed(topic, here)
        for number in range(100):
            await source.emit(there, Message(str(number)))
        received = [(await topic.next_message(here))[1].message for _ in range(100)]
        assert received == [str(number) for number in range(100)]

    on_loop(main)


def test_a_cancelled_wait_loses_no_message(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic, source = consumed(), emitted()
        received: list[str] = []
        for number in range(20):
            with anyio.move_on_after(0):
                received.append((await topic.next_message(here))[1].message)
            await source.emit(there, Message(str(number)))
        while len(received) < 20:
            received.append((await topic.next_message(here))[1].message)
        assert received == [str(number) for number in range(20)]

    on_loop(main)


def test_a_linked_topic_takes_its_node_only_and_an_external_one_any(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here = runner_on(network, "viewer")
        linked, external = consumed("camera"), consumed(None)
        await subscribed(linked, here)
        await subscribed(external, here)
        for node in ("radar", "camera"):
            await emitted().emit(runner_on(network, f"{node}-1", node), Message(node))
        assert await linked.next_message(here) == ("camera-1", Message("camera"))
        assert await external.next_message(here) == ("radar-1", Message("radar"))
        assert await external.next_message(here) == ("camera-1", Message("camera"))

    on_loop(main)


def test_a_targeted_call_takes_that_instance_only(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here = runner_on(network, "viewer")
        topic = consumed()
        await subscribed(topic, here, None, "rear")
        for instance in ("front", "rear"):
            await emitted().emit(runner_on(network, instance), Message(instance))
        assert await topic.next_message(here, None, "rear") == ("rear", Message("rear"))

    on_loop(main)


@pytest.mark.parametrize("target", ["*", "a/b", ""])
def test_a_target_that_is_no_name_is_refused(on_loop: OnLoop, target: str) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="cannot be a sender's name"):
            await consumed().next_message(runner_on(MemoryNetwork()), None, target)

    on_loop(main)


def test_a_value_that_does_not_fit_is_not_sent(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic, source = consumed(), emitted()
        wrong: Any = 3
        await subscribed(topic, here)
        with pytest.raises(UnfitValue, match="topic 'message_stream': field 'message' is a string"):
            await source.emit(there, Message(wrong))
        await source.emit(there, Message("right"))
        assert await topic.next_message(here) == ("front", Message("right"))
        assert inlet_of(topic, here).statistics.lost == 0

    on_loop(main)


def test_another_format_is_counted_named_and_skipped(
    on_loop: OnLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        other = EmittedTopic("message_stream", "standard", {"number": "u8"}, Number)
        for _ in range(3):
            await other.emit(there, Number(1))
        await emitted().emit(there, Message("after"))
        assert await topic.next_message(here) == ("front", Message("after"))
        assert inlet_of(topic, here).statistics.foreign == 3

    on_loop(main)
    actual = parse_format({"number": "u8"}).fingerprint()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "topic 'message_stream': 'front' sends another message format" in lines[0]
    assert f"expected {FINGERPRINT:016x}, actual {actual:016x}" in lines[0]


@pytest.mark.parametrize("attachment", [b"", b"foreign"])
def test_a_message_without_an_envelope_is_skipped(on_loop: OnLoop, attachment: bytes) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        key = keys.topic(there.address, "message_stream")
        await there.transport.publisher(key).send(b"\xc1", attachment)
        await emitted().emit(there, Message("after"))
        assert await topic.next_message(here) == ("front", Message("after"))

    on_loop(main)


def test_garbage_under_the_right_fingerprint_is_counted_named_and_skipped(
    on_loop: OnLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        publisher = there.transport.publisher(keys.topic(there.address, "message_stream"))
        wrong = msgspec.msgpack.encode({"message": 3})
        await publisher.send(wrong, envelope.pack(FINGERPRINT, 1, 0))
        await emitted().emit(there, Message("after"))
        assert await topic.next_message(here) == ("front", Message("after"))
        assert inlet_of(topic, here).statistics.unreadable == 1

    on_loop(main)
    error = capsys.readouterr().err
    assert "topic 'message_stream': the payload cannot be read: Expected `str`, got `int`" in error
    assert "'front'" in error


@pytest.mark.parametrize(("qos", "capacity"), [("standard", 128), ("sensor_data", 1024)])
def test_a_full_ring_gives_up_its_oldest_and_the_loss_is_counted(
    on_loop: OnLoop, capsys: pytest.CaptureFixture[str], qos: str, capacity: int
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic, source = consumed(qos=qos), emitted(qos)
        await subscribed(topic, here)
        await source.emit(there, Message("first"))
        await topic.next_message(here)
        for number in range(capacity + 5):
            await source.emit(there, Message(str(number)))
        assert (await topic.next_message(here))[1] == Message("5")
        statistics = inlet_of(topic, here).statistics
        assert (statistics.delivered, statistics.lost) == (2, 5)

    on_loop(main)
    said = "5 messages of 'front' were lost" in capsys.readouterr().err
    assert said == (qos != "sensor_data")


def test_a_closed_connection_ends_the_wait_and_the_emitting(on_loop: OnLoop) -> None:
    async def main() -> None:
        runner = runner_on(MemoryNetwork())
        topic, source = consumed(), emitted()
        await subscribed(topic, runner)
        await source.emit(runner, Message("to nobody else"))
        await runner.transport.close()
        assert await topic.next_message(runner) == ("front", Message("to nobody else"))
        with pytest.raises(Closed):
            await topic.next_message(runner)
        with pytest.raises(Closed):
            await source.emit(runner, Message("late"))

    on_loop(main)
