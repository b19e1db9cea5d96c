"""Topics as generated bindings declare them: one value per topic, shared by all of a node's code.

Source: behaviour.md 8.3, 11.3. What is declared on the wire belongs to the `NodeRunner`; what is
compiled belongs to the topic. Both are made at the first use and kept.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from peppy.runtime.codec import Codec
from peppy.runtime.inlet import Inlet
from peppy.runtime.outlet import Outlet
from peppy.runtime.qos import TERMS, QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.schema import keys
from peppy.schema.format_reader import parse_format
from peppy.schema.names import is_name

M = TypeVar("M")


class EmittedTopic(Generic[M]):
    """A topic that the node publishes."""

    def __init__(self, name: str, qos: str, format: Mapping[str, Any], message: type[M]) -> None:  # noqa: A002
        self.name = name
        self._terms = TERMS[QoSProfile(qos)]
        self._literal = format
        self._message = message

    @cached_property
    def _codec(self) -> Codec[M]:
        return Codec(f"topic '{self.name}'", parse_format(self._literal), self._message)

    async def emit(self, node_runner: NodeRunner, message: M) -> None:
        """Publish `message`; return when the wire has taken it.

        Raises `UnfitValue` (a `ValueError`) naming the field that does not fit its type, and
        `Closed` once the node's connection is closed. Nobody listening is no error.
        """
        outlet = node_runner.kept(self, lambda: self._open(node_runner))
        await outlet.send(self._codec.encode(message))

    def _open(self, node_runner: NodeRunner) -> Outlet:
        key = keys.topic(node_runner.address, self.name)
        publisher = node_runner.transport.publisher(key, self._terms.delivery)
        return Outlet(publisher, self._codec.fingerprint)

    def __repr__(self) -> str:
        return f"<EmittedTopic '{self.name}'>"


class ConsumedTopic(Generic[M]):
    """A topic that the node takes from `node`, or from any node if that is None."""

    def __init__(
        self,
        node: str | None,
        name: str,
        qos: str,
        format: Mapping[str, Any],  # noqa: A002
        message: type[M],
    ) -> None:
        self.node = node
        self.name = name
        self._terms = TERMS[QoSProfile(qos)]
        self._literal = format
        self._message = message

    @cached_property
    def _codec(self) -> Codec[M]:
        return Codec(f"topic '{self.name}'", parse_format(self._literal), self._message)

    async def next_message(
        self,
        node_runner: NodeRunner,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> tuple[str, M]:
        """Return the next message and the instance id of its sender; None targets any sender.

        The first call for a target subscribes; from then on up to 128 messages (1024 for
        `sensor_data`) wait between calls, the oldest giving way. A message that cannot be read is
        counted, named on standard error and skipped. Cancelling the wait loses nothing. Raises
        `ValueError` for a target that cannot be a name, `Closed` once the connection is closed.
        """
        inlet = node_runner.kept(
            (self, target_core_node, target_instance_id),
            lambda: self._open(node_runner, target_core_node, target_instance_id),
        )
        return await inlet.next()

    def _open(
        self, node_runner: NodeRunner, core_node: str | None, instance_id: str | None
    ) -> Inlet[M]:
        for target in (core_node, instance_id):
            if target is not None and not is_name(target):
                raise ValueError(f"topic '{self.name}': '{target}' cannot be a sender's name")
        pattern = keys.topic_pattern(self.name, self.node, core_node, instance_id)
        subscription = node_runner.transport.subscribe(pattern, capacity=self._terms.capacity)
        return Inlet(self.name, subscription, self._codec, gaps_matter=self._terms.gaps_matter)

    def __repr__(self) -> str:
        return f"<ConsumedTopic '{self.name}' of {self.node or 'any node'}>"
