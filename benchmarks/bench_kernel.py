"""The actor kernel beside a raw Trio memory channel and pykka, in one process.

    python benchmarks/bench_kernel.py [--quick]

`tell`: messages per second from the first one sent to the last one received; whoever sends yields
after each 128 where that is needed for the receiver to run at all. `ask`: round trips per second,
one after the other. Medians of five alternating repetitions; compare inside one run only.
"""

import argparse
import queue
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import pykka
import trio

from peppy.actors.kernel import Actor, run_actor

BURST = 128


@dataclass(frozen=True)
class Count:
    """A question whose answer is the number that it carries."""

    number: int

    @classmethod
    def answer_type(cls) -> type[int]:
        return int


class Counter(Actor[int | Count]):
    """Counts down what it is told; says when all has come."""

    def __init__(self, expected: int, over: trio.Event) -> None:
        self.left = expected
        self.over = over

    def receive(self, message: int | Count) -> None:
        match message:
            case int():
                self.left -= 1
                if not self.left:
                    self.over.set()
            case Count():
                self.answer(message, message.number)


def kernel_tell(count: int) -> float:
    async def main() -> float:
        over = trio.Event()
        async with run_actor(lambda: Counter(count, over)) as ref:
            begun = perf_counter()
            for number in range(count):
                ref.tell(number)
                if not number % BURST:
                    await trio.lowlevel.checkpoint()
            await over.wait()
            return count / (perf_counter() - begun)

    return trio.run(main)


def kernel_ask(count: int) -> float:
    async def main() -> float:
        async with run_actor(lambda: Counter(0, trio.Event())) as ref:
            begun = perf_counter()
            for number in range(count):
                await ref.ask(Count(number))
            return count / (perf_counter() - begun)

    return trio.run(main)


def channel_tell(count: int) -> float:
    async def main() -> float:
        send, receive = trio.open_memory_channel[int](count)

        async def produce() -> None:
            async with send:
                for number in range(count):
                    send.send_nowait(number)
                    if not number % BURST:
                        await trio.lowlevel.checkpoint()

        begun = perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(produce)
            async for _ in receive:
                pass
        return count / (perf_counter() - begun)

    return trio.run(main)


def channel_ask(count: int) -> float:
    async def main() -> float:
        send, receive = trio.open_memory_channel[int](1)
        reply, answer = trio.open_memory_channel[int](1)

        async def serve() -> None:
            async for number in receive:
                reply.send_nowait(number)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            begun = perf_counter()
            for number in range(count):
                send.send_nowait(number)
                await answer.receive()
            passed = perf_counter() - begun
            send.close()
        return count / passed

    return trio.run(main)


class PykkaCounter(pykka.ThreadingActor):
    def __init__(self, expected: int, over: "queue.SimpleQueue[None]") -> None:
        super().__init__()
        self.left = expected
        self.over = over

    def on_receive(self, message: object) -> object:
        self.left -= 1
        if not self.left:
            self.over.put(None)
        return message


def pykka_tell(count: int) -> float:
    over: queue.SimpleQueue[None] = queue.SimpleQueue()
    ref = PykkaCounter.start(count, over)
    begun = perf_counter()
    for number in range(count):
        ref.tell(number)
    over.get()
    passed = perf_counter() - begun
    ref.stop()
    return count / passed


def pykka_ask(count: int) -> float:
    ref = PykkaCounter.start(0, queue.SimpleQueue())
    begun = perf_counter()
    for number in range(count):
        ref.ask(number)
    passed = perf_counter() - begun
    ref.stop()
    return count / passed


CASES: dict[str, tuple[Callable[[int], float], Callable[[int], float]]] = {
    "peppy.actors.kernel": (kernel_tell, kernel_ask),
    "raw Trio memory channel": (channel_tell, channel_ask),
    "pykka ThreadingActor": (pykka_tell, pykka_ask),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Message rates inside one process.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    scale = 10 if parser.parse_args().quick else 1
    tells, asks = 200_000 // scale, 30_000 // scale
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(5):
        for name, (tell, ask) in CASES.items():
            rates[name].append((tell(tells), ask(asks)))
    medians = {
        name: (statistics.median(t for t, _ in pairs), statistics.median(a for _, a in pairs))
        for name, pairs in rates.items()
    }
    ours = medians["peppy.actors.kernel"]
    print(f"{'messages/s, medians of 5':<26}{'tell':>12}{'ours is':>10}{'ask':>12}{'ours is':>10}")
    for name, (tell_rate, ask_rate) in medians.items():
        print(
            f"{name:<26}{tell_rate:>12,.0f}{ours[0] / tell_rate:>9.2f}x"
            f"{ask_rate:>12,.0f}{ours[1] / ask_rate:>9.2f}x"
        )


if __name__ == "__main__":
    main()
