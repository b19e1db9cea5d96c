"""What somebody who looks on hears of a topic, and what is said of the rest."""

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import msgspec
import pytest

from peppy.cli.terminal import Terminal
from peppy.cli.wire.reading import Reading, pattern
from peppy.runtime.plain import PlainCodec
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema import envelope, keys
from peppy.schema.format_reader import parse_format
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, parse_node_id
from peppy.schema.wire import TopicView

FORMAT = {"speed": "f64"}
OTHER = {"speed": "f32"}

TOPIC = TopicView(name=Name("drive"), node=parse_node_id("rover:v1"), qos="reliable", format=FORMAT)


class Sender:
    """An instance of the node that emits the topic."""

    def __init__(self, transport: MemoryTransport, instance_id: str = "one") -> None:
        self.address = Address("core", Name("rover"), InstanceId(instance_id))
        self._publisher = transport.publisher(keys.topic(self.address, "drive"))
        self._number = hash(instance_id) % 2**64
        self._sequence = 0

    def send(self, payload: bytes, fingerprint: int) -> None:
        self._publisher.put(payload, envelope.pack(fingerprint, self._number, self._sequence, 0))
        self._sequence += 1

    def speed(self, speed: float, literal: dict[str, str] = FORMAT) -> None:
        codec = PlainCodec("a test", parse_format(literal))
        payload, _ = codec.encode({"speed": speed})
        self.send(bytes(payload), codec.fingerprint)

    def lose(self, count: int) -> None:
        self._sequence += count

    def put(self, payload: bytes, attachment: bytes) -> None:
        self._publisher.put(payload, attachment)


def scene(play: Callable[[MemoryTransport, MemoryTransport], Awaitable[None]]) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        near, far = MemoryTransport(network), MemoryTransport(network)
        with anyio.fail_after(5):
            await play(near, far)
        await near.close()
        await far.close()

    anyio.run(main)


def test_messages_are_handed_out_with_their_sender_and_nothing_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def play(near: MemoryTransport, far: MemoryTransport) -> None:
        reading = Reading(near, TOPIC, parse_format(FORMAT), None, Terminal())
        Sender(far).speed(1.5)
        Sender(far, "two").speed(2.5)
        assert await reading.next() == ("one", {"speed": 1.5})
        assert await reading.next() == ("two", {"speed": 2.5})
        reading.close()

    scene(play)
    assert capsys.readouterr() == ("", "")


def test_only_the_instance_that_is_asked_for_is_heard() -> None:
    async def play(near: MemoryTransport, far: MemoryTransport) -> None:
        reading = Reading(near, TOPIC, parse_format(FORMAT), "two", Terminal())
        Sender(far).speed(1.5)
        Sender(far, "two").speed(2.5)
        assert await reading.next() == ("two", {"speed": 2.5})

    scene(play)


def test_what_cannot_be_shown_is_said_once_and_counted_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def play(near: MemoryTransport, far: MemoryTransport) -> None:
        reading = Reading(near, TOPIC, parse_format(FORMAT), None, Terminal())
        sender = Sender(far)
        for _ in range(50):
            sender.send(b"\xc1", parse_format(FORMAT).fingerprint())
            sender.put(b"", b"no envelope")
        sender.lose(3)
        sender.speed(2.5)
        assert await reading.next() == ("one", {"speed": 2.5})
        reading.close()

    scene(play)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("the payload cannot be read") == 1
    assert err.count("is no message of ours") == 1
    assert err.splitlines()[-1].endswith(
        "messages that are not shown: 3 lost, 50 unreadable, 50 not ours"
    )


def test_another_format_is_named_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    async def play(near: MemoryTransport, far: MemoryTransport) -> None:
        sender = Sender(far)
        service = keys.instance_service(sender.address, keys.FORMATS_SERVICE)
        asked = Exchange(far).serve(service)
        reading = Reading(near, TOPIC, parse_format(FORMAT), None, Terminal())
        for _ in range(50):
            sender.speed(0.0, OTHER)
        sender.speed(2.5)
        assert await reading.next() == ("one", {"speed": 2.5})
        (await asked.receive()).reply(msgspec.msgpack.encode(OTHER))
        err = ""
        while "'one' sends another message format: field 'speed'" not in err:
            await anyio.lowlevel.checkpoint()
            err += capsys.readouterr().err
        reading.close()

    scene(play)
    assert "messages that are not shown: 50 of another format" in capsys.readouterr().err


def test_a_topic_that_nobody_in_the_stack_emits_is_heard_from_anybody() -> None:
    nobody = TopicView(name=Name("drive"), node=None, qos="standard", format=FORMAT)
    assert pattern(TOPIC, None) == "peppy/topic/drive/rover/*/*"
    assert pattern(nobody, "two") == "peppy/topic/drive/*/*/two"
