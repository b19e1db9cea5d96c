"""Messages reach their consumers whole; what cannot be read is named, counted and skipped."""

import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec
import pytest

from peppy.runtime.instance_services import serve_instance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.runtime.transport.port import Closed
from peppy.runtime.unfit import UnfitValue
from peppy.schema import envelope, keys
from peppy.schema.daemon_config import Buffers
from peppy.schema.format_reader import parse_format
from peppy.schema.traffic import EndTraffic
from tests.runtime.memory_nodes import BACKENDS, runner_on
from tests.runtime.topic_ends import only_peer, run_on


@dataclass(slots=True)
class Message:
    message: str


@dataclass(slots=True)
class Number:
    number: int


FORMAT = {"message": "string"}
FINGERPRINT = parse_format(FORMAT).fingerprint()
OTHER_FORMAT = {"number": "u8"}
OTHER_FINGERPRINT = parse_format(OTHER_FORMAT).fingerprint()


def emitted(qos: str = "standard") -> EmittedTopic[Message]:
    return EmittedTopic("message_stream", qos, FORMAT, Message)


def consumed(node: str | None = "camera", qos: str = "standard") -> ConsumedTopic[Message]:
    return ConsumedTopic(node, "message_stream", qos, FORMAT, Message)


OnLoop = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=BACKENDS)
def on_loop(request: pytest.FixtureRequest) -> OnLoop:
    def run(main: Callable[[], Awaitable[None]]) -> None:
        run_on(request.param, main)

    return run


async def subscribed(topic: ConsumedTopic[Any], runner: NodeRunner, *targets: str | None) -> None:
    """Have the topic's subscription declared: a first call that finds nothing."""
    with anyio.move_on_after(0):
        await topic.next_message(runner, *targets)


def arrived(runner: NodeRunner) -> EndTraffic:
    """Return what has come in at the only end of a node that only consumes."""
    (end,) = runner.traffic().ends
    return end


def test_a_message_arrives_with_its_senders_instance_id(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer", "view"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        await emitted().emit(there, "hello")
        assert await topic.next_message(here) == ("front", Message("hello"))

    on_loop(main)


def test_nothing_that_arrives_between_two_calls_is_lost(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic, source = consumed(), emitted()
        await subscribed(topic, here)
        for number in range(100):
            await source.emit(there, str(number))
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
            await source.emit(there, str(number))
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
            await emitted().emit(runner_on(network, f"{node}-1", node), node)
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
            await emitted().emit(runner_on(network, instance), instance)
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
            await source.emit(there, wrong)
        await source.emit(there, "right")
        assert await topic.next_message(here) == ("front", Message("right"))
        assert only_peer(arrived(here)).lost == 0

    on_loop(main)


@pytest.mark.parametrize(
    ("answering", "expected"),
    [
        (True, "field 'message' is 'string' here and missing there"),
        (False, f"fingerprint {FINGERPRINT:016x} here, {OTHER_FINGERPRINT:016x} there"),
    ],
)
def test_another_format_is_counted_skipped_and_named_once_field_by_field(
    on_loop: OnLoop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answering: bool,
    expected: str,
) -> None:
    monkeypatch.setattr("peppy.runtime.mismatches.ANSWER", 0.01)
    said: list[str] = []

    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        if answering:
            serve_instance(there)
        topic = consumed()
        other = EmittedTopic("message_stream", "standard", OTHER_FORMAT, Number)
        await subscribed(topic, here)
        async with anyio.create_task_group() as group:
            here.work_with(group)
            for _ in range(3):
                await other.emit(there, 1)
            await emitted().emit(there, "after")
            assert await topic.next_message(here) == ("front", Message("after"))
            assert only_peer(arrived(here)).mismatched == 3
            while not said:
                await anyio.sleep(0.001)
                said.extend(it for it in capsys.readouterr().err.splitlines() if "error:" in it)

    on_loop(main)
    (line,) = said
    assert "topic 'message_stream': 'front' sends another message format" in line
    assert expected in line


@pytest.mark.parametrize("attachment", [b"", b"foreign"])
def test_a_message_without_an_envelope_is_skipped(on_loop: OnLoop, attachment: bytes) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        topic = consumed()
        await subscribed(topic, here)
        key = keys.topic(there.address, "message_stream")
        await there.transport.publisher(key).send(b"\xc1", attachment)
        await emitted().emit(there, "after")
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
        await publisher.send(wrong, envelope.pack(FINGERPRINT, 1, 0, 0))
        await emitted().emit(there, "after")
        assert await topic.next_message(here) == ("front", Message("after"))
        assert sum(peer.unreadable for peer in arrived(here).peers) == 1

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
        await source.emit(there, "first")
        await topic.next_message(here)
        for number in range(capacity + 5):
            await source.emit(there, str(number))
        assert (await topic.next_message(here))[1] == Message("5")
        traffic = arrived(here)
        assert (traffic.messages, only_peer(traffic).lost, traffic.dropped) == (2, 5, 5)

    on_loop(main)
    said = "5 messages of 'front' were lost" in capsys.readouterr().err
    assert said == (qos != "sensor_data")


@pytest.mark.parametrize(
    ("qos", "capacity"), [("standard", 3), ("sensor_data", 5), ("reliable", 65536)]
)
def test_how_many_messages_wait_is_configured_for_all_that_may_lose_some(
    on_loop: OnLoop, qos: str, capacity: int
) -> None:
    async def main() -> None:
        buffers = Buffers(standard=3, high_throughput=5)
        here = runner_on(MemoryNetwork(), "viewer", buffers=buffers)
        inlet = consumed(qos=qos).inlet(here, None, None)
        source = here.transport.publisher("peppy/topic/message_stream/camera/core/front")
        for number in range(10):
            source.put(bytes([number]))
        assert inlet.subscription.statistics().waiting == min(capacity, 10)

    on_loop(main)


@dataclass(slots=True)
class Scan:
    ranges: list[float]


@dataclass(slots=True)
class ScanView:
    ranges: Any


def test_one_topic_can_be_read_as_lists_and_as_views(on_loop: OnLoop) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        here, there = runner_on(network, "viewer"), runner_on(network)
        format_ = {"ranges": {"$type": "array", "$items": "f32"}}
        source = EmittedTopic("scan", "standard", format_, Scan)
        lists = ConsumedTopic("camera", "scan", "standard", format_, Scan)
        views = lists.viewed_as(ScanView)
        for topic in (lists, views):
            await subscribed(topic, here)
        for values in ([0.5, 1.5], array.array("f", [0.5, 1.5])):
            await source.emit(there, values)
            assert await lists.next_message(here) == ("front", Scan([0.5, 1.5]))
            seen = (await views.next_message(here))[1]
            assert type(seen) is ScanView
            assert type(seen.ranges) is memoryview
            assert memoryview(seen.ranges) == array.array("f", [0.5, 1.5])

    on_loop(main)


def test_a_closed_connection_ends_the_wait_and_the_emitting(on_loop: OnLoop) -> None:
    async def main() -> None:
        runner = runner_on(MemoryNetwork())
        topic, source = consumed(), emitted()
        await subscribed(topic, runner)
        await source.emit(runner, "to nobody else")
        await runner.transport.close()
        assert await topic.next_message(runner) == ("front", Message("to nobody else"))
        with pytest.raises(Closed):
            await topic.next_message(runner)
        with pytest.raises(Closed):
            await source.emit(runner, "late")

    on_loop(main)
