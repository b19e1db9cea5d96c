"""What a node measures for its daemon, under both loops, on a wire in memory."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import msgspec
import pytest

from peppy.runtime.instance_services import serve_instance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.exchange_errors import Refused, Unreachable
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema import keys
from peppy.schema.benchmark import DeliveryOrder, DeliveryView, ProbeOrder, ProbeView
from peppy.schema.names import InstanceId, Name
from tests.runtime.memory_nodes import BACKENDS, CORE, runner_on

A = TypeVar("A", ProbeView, DeliveryView)

FORMAT = {"width": "u16"}


@dataclass(slots=True)
class Frame:
    width: int


EMITTED = EmittedTopic(name="frames", qos="standard", format=FORMAT, message=Frame)
CONSUMED = ConsumedTopic(node="camera", name="frames", qos="standard", format=FORMAT, message=Frame)

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


@asynccontextmanager
async def serving(network: MemoryNetwork, *instances: str) -> AsyncGenerator[list[NodeRunner]]:
    """Have instances answer as nodes do."""
    runners = [runner_on(network, instance) for instance in instances]
    async with anyio.create_task_group() as tasks:
        for runner in runners:
            runner.work_with(tasks)
            serve_instance(runner)
        yield runners
        tasks.cancel_scope.cancel()
    for runner in runners:
        runner.close()
        await runner.transport.close()


class Daemon:
    """Gives orders."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._transport = MemoryTransport(network)
        self._exchange = Exchange(self._transport)

    async def order(self, instance: str, service: str, payload: bytes) -> bytes:
        key = keys.instance_service(runner_address(instance), service)
        reply = await self._exchange.ask(key, payload, timeout=10, servers=f"{key}/{keys.ANY}")
        return reply.payload

    async def probe(
        self, instance: str, of: str, *, samples: int = 5, warmup: int = 2
    ) -> ProbeView:
        asked = ProbeOrder(
            core_node=CORE,
            node=Name("camera"),
            instance_id=InstanceId(of),
            samples=samples,
            warmup=warmup,
            timeout=0.1,
        )
        payload = await self.order(instance, keys.PROBE_SERVICE, msgspec.msgpack.encode(asked))
        return msgspec.msgpack.decode(payload, type=ProbeView)

    async def watch(self, instance: str, samples: int, seconds: float) -> DeliveryView:
        asked = DeliveryOrder(samples=samples, seconds=seconds)
        payload = await self.order(instance, keys.DELIVERY_SERVICE, msgspec.msgpack.encode(asked))
        return msgspec.msgpack.decode(payload, type=DeliveryView)

    async def close(self) -> None:
        self._exchange.close()
        await self._transport.close()


def runner_address(instance: str) -> keys.Address:
    return keys.Address(CORE, Name("camera"), InstanceId(instance))


def run(backend: str, scenario: Any) -> None:
    async def limited() -> None:
        network = MemoryNetwork()
        daemon = Daemon(network)
        with anyio.fail_after(20):
            await scenario(network, daemon)
            await daemon.close()

    anyio.run(limited, backend=backend)


def test_a_probe_returns_as_many_round_trips_as_were_ordered(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front", "rear"):
            view = await daemon.probe("front", "rear")
        assert view.failure is None
        assert len(view.nanoseconds) == 5
        assert all(0 < span < 5_000_000_000 for span in view.nanoseconds)

    run(backend, scenario)


def test_a_probe_of_who_does_not_answer_ends_at_its_first_time_out(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front"):
            began = monotonic()
            view = await daemon.probe("front", "absent", samples=1000)
            assert monotonic() - began < 5
        assert view.nanoseconds == ()
        assert view.failure == "no answer within 100 ms, to the first question"

    run(backend, scenario)


def test_a_probe_of_who_dies_meanwhile_keeps_what_it_has(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front"):
            transport = MemoryTransport(network)
            exchange = Exchange(transport)
            key = keys.instance_service(runner_address("rear"), keys.HEALTH_SERVICE)
            answered = 0

            def answer(request: Any) -> None:
                nonlocal answered
                answered += 1
                if answered <= 4:
                    request.reply(b"")

            with closing(exchange):
                exchange.serve(key, arrived=answer)
                view = await daemon.probe("front", "rear", warmup=0)
            await transport.close()
        assert len(view.nanoseconds) == 3
        assert view.failure == "no answer within 100 ms, after 3 of 5 samples"

    run(backend, scenario)


def test_a_watch_returns_the_delays_of_what_is_taken_and_no_more_than_ordered(
    backend: str,
) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front") as (front,), anyio.create_task_group() as tasks:

            async def emit() -> None:
                while True:
                    await EMITTED.emit(front, 1)
                    await anyio.lowlevel.checkpoint()

            async def take() -> None:
                while True:
                    await CONSUMED.next_message(front)

            tasks.start_soon(take)
            tasks.start_soon(emit)
            view = await daemon.watch("front", samples=10, seconds=8)
            (late,) = view.nanoseconds.values()
            assert set(view.nanoseconds) == {"frames"}
            assert len(late) == 10
            assert all(-1_000_000 < span < 5_000_000_000 for span in late)
            inlet = CONSUMED.inlet(front, None, None)
            assert inlet.delays is None
            tasks.cancel_scope.cancel()

    run(backend, scenario)


def test_a_watch_of_topics_that_do_not_flow_ends_in_time_and_tells_nothing(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front") as (front,):
            inlet = CONSUMED.inlet(front, None, None)
            view = await daemon.watch("front", samples=10, seconds=0.05)
            assert view.nanoseconds == {}
            assert inlet.delays is None

    run(backend, scenario)


def test_an_order_that_nobody_waits_for_is_given_up(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front") as (front,):
            inlet = CONSUMED.inlet(front, None, None)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(daemon.watch, "front", 10, 3600)
                while inlet.delays is None:
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            began = monotonic()
            await daemon.watch("front", samples=10, seconds=0.05)
            assert monotonic() - began < 5
            assert inlet.delays is None

    run(backend, scenario)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x91" * 100_000])
@pytest.mark.parametrize("service", [keys.PROBE_SERVICE, keys.DELIVERY_SERVICE])
def test_an_order_that_cannot_be_read_is_refused(
    backend: str, service: str, payload: bytes
) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front"):
            with pytest.raises(Refused, match="no order that can be read"):
                await daemon.order("front", service, payload)

    run(backend, scenario)


def test_who_gives_orders_to_an_instance_that_is_gone_learns_that_at_once(backend: str) -> None:
    async def scenario(network: MemoryNetwork, daemon: Daemon) -> None:
        async with serving(network, "front"):
            await daemon.probe("front", "front")
        began = monotonic()
        with pytest.raises(Unreachable):
            await daemon.probe("front", "front")
        assert monotonic() - began < 5

    run(backend, scenario)
