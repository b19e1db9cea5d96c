"""Where the time of one message goes inside a node, stage by stage, in nanoseconds.

    python benchmarks/bench_path.py [--quick]

One process, two zenoh peers. Each stage is called alone in a loop, on the message of 76 bytes that
`bench_messages.py` sends, so what it prints leaves out what no stage does: threads that wake up,
sockets, waiting for the interpreter's lock. `docs/how_a_message_travels.md` reads the table.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from peppy.runtime.codec import Codec
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.port import Sample, Transport
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_peer, open_router
from peppy.schema import envelope
from peppy.schema.format_reader import parse_format
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag

FORMAT = {
    "seq": "u64",
    "stamp": "f64",
    "name": "string",
    "positions": {"$type": "array", "$items": "f64", "$length": 6},
}


@dataclasses.dataclass(slots=True)
class Message:
    seq: int
    stamp: float
    name: str
    positions: list[float]


VALUES = (7, 1.5, "arm/joint", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


class Stopwatch:
    """Prints the median time of a call, over rounds of many calls."""

    def __init__(self, calls: int, rounds: int) -> None:
        self._calls = calls
        self._rounds = rounds

    def stage(self, name: str, call: Callable[[], object]) -> None:
        """Time a plain call."""
        times: list[float] = []
        for _ in range(self._rounds):
            begun = time.perf_counter_ns()
            for _ in range(self._calls):
                call()
            times.append((time.perf_counter_ns() - begun) / self._calls)
        print(f"  {name:<44} {statistics.median(times):>7,.0f} ns")

    async def awaited(
        self,
        name: str,
        call: Callable[[], Awaitable[object]],
        before: Callable[[], object] = lambda: None,
    ) -> None:
        """Time an `await` of something that need not wait; `before` readies each."""
        times: list[float] = []
        for _ in range(self._rounds):
            spent = 0
            for _ in range(self._calls // 50):
                for _ in range(50):
                    before()
                begun = time.perf_counter_ns()
                for _ in range(50):
                    await call()
                spent += time.perf_counter_ns() - begun
            times.append(spent / (self._calls // 50 * 50))
        print(f"  {name:<44} {statistics.median(times):>7,.0f} ns")


def runner(transport: Transport, name: str) -> NodeRunner:
    """Return a connected node and nothing more."""
    address = Address("core", Name(name), InstanceId(name))
    return NodeRunner(address, Tag("v1"), transport, CancellationToken())


async def measure(watch: Stopwatch) -> None:
    port = free_port()
    router = await open_router(port)
    sender = runner(await open_peer("127.0.0.1", port), "sender")
    receiver = runner(await open_peer("127.0.0.1", port), "receiver")
    emitted = EmittedTopic("joints", "standard", FORMAT, Message)
    consumed = ConsumedTopic("sender", "joints", "standard", FORMAT, Message)
    codec = Codec("topic 'joints'", parse_format(FORMAT), Message)
    payload = bytes(codec.parts(*VALUES)[0])
    label = envelope.pack(codec.fingerprint, 1, 2, time.time_ns())
    sample = Sample("peppy/topic/joints/sender/core/sender", payload, label)
    print(f"message of {len(payload)} bytes; zenoh and two peers in one process")
    print("sender")
    watch.stage("encode and read back", lambda: codec.parts(*VALUES))
    watch.stage("envelope", lambda: envelope.pack(1, 2, 3, time.time_ns()))
    alone = sender.transport.publisher("peppy/bench/nobody")
    watch.stage("hand over to zenoh, nobody listening", lambda: alone.put(payload, label))
    outlet = await emitted.outlet(sender)
    await watch.awaited("emit, all of it, nobody listening", lambda: outlet.send(*VALUES))
    print("receiver")
    inlet: Any = consumed.inlet(receiver, None, None)
    ring = inlet.subscription
    watch.stage("push into the ring (zenoh's thread)", lambda: ring.push(sample))
    while ring.receive_nowait() is not None:
        pass
    await watch.awaited("take from the ring", ring.receive, lambda: ring.push(sample))
    watch.stage("open the envelope and decode", lambda: inlet._open(sample))
    watch.stage("decode alone", lambda: codec.decode(payload))
    await watch.awaited("next message, all of it", inlet.next, lambda: ring.push(sample))
    for node in (sender, receiver):
        node.close()
        await node.transport.close()
    await router.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    watch = Stopwatch(calls=5_000 if quick else 20_000, rounds=3 if quick else 7)
    anyio.run(measure, watch)


if __name__ == "__main__":
    main()
