"""Topics as generated bindings declare them: one value per topic, shared by all of a node's code.

Source: behaviour.md 8.3, 11.3. What is declared on the wire belongs to the `NodeRunner`; what is
compiled belongs to the topic. Both are made at the first use and kept.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from peppy.runtime.codec import Codec
from peppy.runtime.credit import HELD, LOOSE, Takings
from peppy.runtime.inlet import Inlet, Messages
from peppy.runtime.outlet import Outlet
from peppy.runtime.qos import TERMS, QoSProfile, capacity_of
from peppy.runtime.runner import NodeRunner
from peppy.schema import keys
from peppy.schema.format_reader import parse_format
from peppy.schema.names import is_name

M = TypeVar("M")
V = TypeVar("V")


class EmittedTopic(Generic[M]):
    """A topic that the node publishes."""

    def __init__(self, name: str, qos: str, format: Mapping[str, Any], message: type[M]) -> None:  # noqa: A002
        self.name = name
        self._terms = TERMS[QoSProfile(qos)]
        self._literal = format
        self.message = message
        """The class of its messages."""

    @cached_property
    def codec(self) -> Codec[M]:
        """What messages become on the wire."""
        return Codec(f"topic '{self.name}'", parse_format(self._literal), self.message)

    async def emit(self, node_runner: NodeRunner, *values: Any) -> None:
        """Publish the message with these values, in the format's order.

        Returns when the wire has taken it: at once, unless the topic is `reliable` or `critical`
        and a consumer is a window behind. Cancelled until then, it has sent nothing. Raises
        `UnfitValue` (a `ValueError`) naming the field that does not fit its type, and `Closed` once
        the node's connection is closed. Nobody listening is no error.
        """
        await (await self.outlet(node_runner)).send(*values)

    async def outlet(self, node_runner: NodeRunner) -> Outlet:
        """Return the topic's way out, declaring it at the first call.

        When that returns, the consumers that are there are known. Raises `Closed`.
        """
        outlet = node_runner.kept(self, lambda: self._declared(node_runner))
        if self._terms.held_back:
            await outlet.hold_back(node_runner.transport, node_runner.address)
        node_runner.outlets[self] = outlet
        return outlet

    def _declared(self, node_runner: NodeRunner) -> Outlet:
        key = keys.topic(node_runner.address, self.name)
        publisher = node_runner.transport.publisher(key, self._terms.delivery)
        node_runner.mismatches.offer(self.codec.fingerprint, self._literal)
        outlet = Outlet(self.name, publisher, self.codec.fingerprint, self.codec.parts)
        return node_runner.add_end(outlet)

    def __repr__(self) -> str:
        return f"<EmittedTopic '{self.name}'>"


class ConsumedTopic(Generic[M]):
    """A topic that the node takes from `node`, or from any node if that is None.

    `link` is the dependency's label: a call that targets no instance means the one that it is bound
    to, and any if it is not.
    """

    def __init__(
        self,
        node: str | None,
        name: str,
        qos: str,
        format: Mapping[str, Any],  # noqa: A002
        message: type[M],
        *,
        views: bool = False,
        link: str | None = None,
    ) -> None:
        self.node = node
        self.name = name
        self.link = link
        self._terms = TERMS[QoSProfile(qos)]
        self._literal = format
        self.message = message
        """The class of its messages."""
        self._qos = qos
        self._views = views

    @cached_property
    def codec(self) -> Codec[M]:
        """What messages become on the wire."""
        subject = f"topic '{self.name}'"
        return Codec(subject, parse_format(self._literal), self.message, views=self._views)

    def viewed_as(self, message: type[V]) -> "ConsumedTopic[V]":
        """Return the same topic with arrays of numbers as views, in messages of this class."""
        return ConsumedTopic(
            self.node, self.name, self._qos, self._literal, message, views=True, link=self.link
        )

    def other_end(self) -> EmittedTopic[M]:
        """Return the same topic as a node declares it that emits it."""
        return EmittedTopic(self.name, self._qos, self._literal, self.message)

    async def next_message(
        self,
        node_runner: NodeRunner,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> tuple[str, M]:
        """Return the next message and the instance id of its sender.

        None targets any sender, or for the instance the one that the topic's link is bound to.

        The first call for a target subscribes. Between calls messages wait: up to 128, or 1024 of
        `sensor_data`, unless `Buffers` say otherwise, the oldest giving way; of `reliable` and
        `critical` topics all of them, and their senders with them. A message that cannot be read is
        counted, named on standard error and skipped. Cancelling the wait loses nothing. Raises
        `ValueError` for a target that cannot be a name, `Closed` once the connection is closed.
        """
        return await self.inlet(node_runner, target_core_node, target_instance_id).next()

    def inlet(
        self, node_runner: NodeRunner, core_node: str | None, instance_id: str | None
    ) -> Inlet[M]:
        """Return the way in for one target, subscribing at the first call."""
        if core_node is None and instance_id is None and self in node_runner.inlets:
            return node_runner.inlets[self]
        inlet = node_runner.kept(
            (self, core_node, instance_id),
            lambda: self._opened(node_runner, LOOSE, core_node, instance_id),
        )
        if core_node is None and instance_id is None:
            node_runner.inlets[self] = inlet
        return inlet

    def subscribe(
        self,
        node_runner: NodeRunner,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> Messages[M]:
        """Return a subscription of its own, for `async with`; raises as `next_message` does."""
        core_node, instance_id = target_core_node, target_instance_id
        return Messages(
            lambda: self._opened(node_runner, HELD, core_node, instance_id),
            node_runner.remove_end,
        )

    def _opened(
        self,
        node_runner: NodeRunner,
        patience: str,
        core_node: str | None,
        instance_id: str | None,
    ) -> Inlet[M]:
        for target in (core_node, instance_id):
            if target is not None and not is_name(target):
                raise ValueError(f"topic '{self.name}': '{target}' cannot be a sender's name")
        if instance_id is None:
            instance_id = node_runner.instance_of(self.link)
        transport = node_runner.transport
        senders = (self.name, self.node, core_node, instance_id)
        pattern = keys.topic_pattern(*senders)
        capacity = capacity_of(QoSProfile(self._qos), node_runner.buffers)
        subscription = transport.subscribe(pattern, capacity=capacity)
        takings = None
        if self._terms.held_back:
            # After the subscription: whoever sees this on its way hears it for certain.
            takings = Takings(transport, keys.taker(*senders, node_runner.taker_id(patience)))
        inlet = Inlet(
            self.name,
            subscription,
            self.codec,
            takings=takings,
            gaps_matter=self._terms.gaps_matter,
            on_mismatch=node_runner.mismatches.of(self.name, self._literal),
        )
        return node_runner.add_end(inlet)

    def __repr__(self) -> str:
        return f"<ConsumedTopic '{self.name}' of {self.node or 'any node'}>"
