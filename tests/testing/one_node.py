"""A node to be tested, with one interface of each kind, and a loop to test it on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, Unpack

import anyio

from peppy.runtime.binding import Binding
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.testing.booting import NodeUnderTest, Options, Setup
from peppy.testing.mocks import ActionMock, ServiceMock, TopicMock
from peppy.testing.probes import ActionProbe, ServiceProbe, TopicProbe
from peppy.testing.virtual_time import run_virtually
from tests.runtime import action_nodes, service_nodes
from tests.runtime.action_nodes import Feedback, Goal, Result
from tests.runtime.action_nodes import Response as GoalResponse
from tests.runtime.service_nodes import RequestData, Response

BACKENDS: Final = ["asyncio", "trio"]

Spawn = Callable[[Callable[[], Awaitable[None]]], None]
"""Starts a task of the node's, as its loop has it."""

Play = Callable[[NodeRunner, Spawn], Awaitable[None]]
"""What a `setup` does, whatever the loop."""


@dataclass(slots=True)
class Parameters:
    rate: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(rate=values["rate"])


@dataclass(slots=True)
class Item:
    number: int


BINDING: Final = Binding(
    "rover", "v1", Parameters, {"rate": {"$type": "u16", "$default": 30}}, "0" * 64
)

FORMAT: Final = {"number": "u32"}

IMAGES: Final = ConsumedTopic("camera", "images", "sensor_data", FORMAT, Item, link="front")
ORDERS: Final = ConsumedTopic("pilot", "orders", "reliable", FORMAT, Item, link="pilot")
WEATHER: Final = ConsumedTopic(None, "weather", "standard", FORMAT, Item)
STEPS: Final = EmittedTopic("steps", "reliable", FORMAT, Item)
SPEED: Final = EmittedTopic("speed", "sensor_data", FORMAT, Item)
CALL: Final = service_nodes.consumed(link="front")
REPEAT: Final = service_nodes.exposed()
DRIVE: Final = action_nodes.consumed()
MOVE: Final = action_nodes.exposed()


class Rover(NodeUnderTest[Parameters]):
    """What the generator makes of a node's document."""

    def __init__(
        self,
        setup: Setup,
        parameters: Parameters | Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(BINDING, setup, parameters, **options)
        self.images = TopicMock(self.peers, IMAGES)
        self.orders = TopicMock(self.peers, ORDERS)
        self.weather = TopicMock(self.peers, WEATHER)
        self.call = ServiceMock[RequestData, Response](self.peers, CALL)
        self.drive = ActionMock[Goal, GoalResponse, Feedback, Result](self.peers, DRIVE)
        self.steps = TopicProbe(self.peers, STEPS)
        self.speed = TopicProbe(self.peers, SPEED)
        self.repeat = ServiceProbe[RequestData, Response](self.peers, REPEAT)
        self.move = ActionProbe[Goal, GoalResponse, Feedback, Result](self.peers, MOVE)


def setup_of(backend: str, play: Play) -> Setup:
    """Return `play` as a `setup` of this loop."""
    if backend == "trio":

        async def on_trio(params: Parameters, runner: NodeRunner, nursery: Any) -> None:
            await play(runner, nursery.start_soon)

        return on_trio

    async def on_asyncio(params: Parameters, runner: NodeRunner) -> list[asyncio.Future[None]]:
        tasks: list[asyncio.Future[None]] = []
        await play(runner, lambda work: tasks.append(asyncio.ensure_future(work())))
        return tasks

    return on_asyncio


class Bench:
    """Where a rover is tested: one of the loops, on virtual time."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.happened: list[str] = []
        self.kept: list[object] = []
        """What the node holds on to."""

    def rover(self, play: Play, **options: Unpack[Options]) -> Rover:
        """Return a rover whose `setup` does `play`."""
        return Rover(setup_of(self.backend, play), **options)

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run a test."""
        run_virtually(self.backend, test)

    def noted(self, what: str) -> Callable[[], None]:
        """Return a plain hook that is recorded."""
        return lambda: self.happened.append(what)


async def idle(runner: NodeRunner, spawn: Spawn) -> None:
    """Do nothing."""


async def forever() -> None:
    await anyio.sleep_forever()
