"""What a test holds of a stack that runs, in this process or with processes of its own."""

from typing import Final, TypeVar

import trio

from peppy.schema.control import InstanceView, ListStack, StackView
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId
from peppy.schema.requests import Request
from peppy.testing.sentences import Sentence
from peppy.testing.stack.actions import Action
from peppy.testing.stack.contact import Contact, full_name
from peppy.testing.stack.instances import Instance, listed
from peppy.testing.stack.network import EmbeddedNetwork
from peppy.testing.stack.nodes import Node
from peppy.testing.stack.services import Service
from peppy.testing.stack.topics import Topic
from peppy.testing.stack.world import Faults, World
from peppy.testing.trace import Entry, Trace

A = TypeVar("A")

WITHIN: Final = 10.0
"""Seconds for a sentence to come true, unless the test says how long."""


class RealNetwork(PeppyError):
    """Something that only the network of an embedded stack can do."""

    kind = "real_network"

    def __init__(self) -> None:
        super().__init__(
            "the network between real processes cannot be slowed down, parted or made lossy",
            hint="run this test on an 'embedded_stack' without processes, or use"
            " 'stack.faults.hang'",
        )


class LaunchedStack:
    """A stack from its launch to its end; times are seconds of the stack's own clock.

    What it gives by name is looked up when something is asked of it, so that a name can be taken
    before there is anything of that name.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._contact = Contact(world)
        self._topics: dict[str, Topic] = {}
        self._services: dict[str, Service] = {}
        self._actions: dict[str, Action] = {}

    @property
    def trace(self) -> Trace:
        """All that was seen so far, in one order."""
        return self._world.trace

    @property
    def faults(self) -> Faults:
        """What can be done to the stack, by name."""
        return self._world.faults

    @property
    def network(self) -> EmbeddedNetwork:
        """The network of an embedded stack; raises `RealNetwork` where there are processes."""
        if self._world.network is None:
            raise RealNetwork
        return self._world.network

    def topic(self, name: str, node: str | None = None) -> Topic:
        """Return the topic `name`, of `node` (`brain` or `brain:v1`) where several emit one."""
        name = full_name(name, node)
        return self._topics.setdefault(name, Topic(self._contact, name))

    def service(self, name: str, node: str | None = None) -> Service:
        """Return the service `name`, of `node` (`brain` or `brain:v1`) where several have one."""
        name = full_name(name, node)
        return self._services.setdefault(name, Service(self._contact, name))

    def action(self, name: str, node: str | None = None) -> Action:
        """Return the action `name`, of `node` (`brain` or `brain:v1`) where several have one."""
        name = full_name(name, node)
        return self._actions.setdefault(name, Action(self._contact, name))

    def node(self, name: str) -> Node:
        """Return the node `brain` or `brain:v1`."""
        return Node(self._contact, name)

    def instance(self, instance_id: str) -> Instance:
        """Return the instance of this id, whether it runs now or not."""
        return Instance(self._contact, instance_id)

    def expect(self, *instance_ids: str) -> None:
        """Announce instances that are to be started later, and that the launch file has not.

        What is said about them before that, to the network or of the trace, is refused otherwise.
        """
        self._world.names.expect(InstanceId(each) for each in instance_ids)

    async def instances(self) -> dict[str, InstanceView]:
        """Return all instances that the daemon lists, by id."""
        return listed(await self.view())

    async def view(self) -> StackView:
        """Return the whole stack as the daemon lists it."""
        return await self.ask(ListStack())

    async def ask(self, request: Request[A]) -> A:
        """Return the daemon's answer to any request; raises the `PeppyError` that refuses it."""
        self._contact.forget()  # there may be other nodes after it
        return await self._world.ask(request)

    async def until(
        self, sentence: Sentence, within: float = WITHIN, *, anew: bool = False
    ) -> Entry:
        """Wait until the trace shows this, and return the entry; `anew`: what it shows is too old.

        Raises `NotShown` after `within` seconds.
        """
        return await self.trace.until(sentence, within=within, anew=anew)

    async def sleep(self, seconds: float) -> None:
        """Let so much of the robot's time go by."""
        await trio.sleep(seconds)

    def close(self) -> None:
        """For the world: end what the test has begun on the wire."""
        self._contact.close()

    def __repr__(self) -> str:
        return f"<LaunchedStack of '{self._world.launcher}'>"
