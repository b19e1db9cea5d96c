"""Who emits, exposes and consumes what, made from the stack's documents; pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from peppy.actors.stack.site import Site
from peppy.schema.control import InstanceState, NodeView
from peppy.schema.format_reader import format_literal
from peppy.schema.formats import MessageFormat
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.node import (
    ActionService,
    Consumed,
    EmittedTopic,
    ExposedAction,
    ExposedService,
    ExternalTopic,
    FeedbackTopic,
    LinkedTopic,
    NodeDocument,
    QosProfile,
)
from peppy.schema.runtime_config import DEFAULT_MESSAGING_HOST
from peppy.schema.wire import (
    ActionView,
    Format,
    ServiceView,
    TopicConsumer,
    TopicView,
    WireView,
)

Documents = Mapping[NodeId, NodeDocument]

V = TypeVar("V", TopicView, ServiceView, ActionView)


def wire(site: Site, documents: Documents, rows: Iterable[NodeView]) -> WireView:
    """Return the topics, services and actions of these nodes, sorted by name and node."""
    stack = _Stack(documents, {row.node: _running(row) for row in rows})
    nodes = [(node, document.interfaces) for node, document in documents.items()]
    topics = [stack.topic(node, topic) for node, its in nodes for topic in its.emits]
    services = [stack.service(node, each) for node, its in nodes for each in its.exposed_services]
    actions = [stack.action(node, each) for node, its in nodes for each in its.exposed_actions]
    return WireView(
        core_node=site.core_node,
        messaging_host=DEFAULT_MESSAGING_HOST,
        messaging_port=site.messaging_port,
        topics=_in_order([*topics, *stack.topics_without_emitter()]),
        services=_in_order(services),
        actions=_in_order(actions),
    )


def _in_order(views: list[V]) -> tuple[V, ...]:
    return tuple(sorted(views, key=lambda view: (view.name, str(view.node or ""))))


class _Stack(msgspec.Struct, frozen=True):
    documents: Documents
    running: Mapping[NodeId, tuple[InstanceId, ...]]

    def topic(self, node: NodeId, topic: EmittedTopic) -> TopicView:
        """Return a topic with all who hear it."""
        linked = (
            TopicConsumer(node=consumer)
            for consumer, item in self._linked_topics()
            if item.name == topic.name and self._linked_to(consumer, item.local_id) == node
        )
        external = (
            TopicConsumer(node=consumer, external=True)
            for consumer, item in self._external_topics()
            if item.name == topic.name
        )
        return TopicView(
            name=topic.name,
            node=node,
            qos=topic.qos.value,
            format=_literal(topic.format),
            emitters=self.running.get(node, ()),
            consumers=tuple(sorted((*linked, *external))),
        )

    def topics_without_emitter(self) -> Iterator[TopicView]:
        """Yield what nodes take from anyone while no node of the stack emits it.

        Each comes once, in the format of the first of its consumers.
        """
        emitted = {t.name for each in self.documents.values() for t in each.interfaces.emits}
        taken = sorted(self._external_topics(), key=lambda pair: pair[0], reverse=True)
        missing = {item.name: item.format for _, item in taken if item.name not in emitted}
        for name, message_format in missing.items():
            consumers = (
                TopicConsumer(node=node, external=True)
                for node, item in self._external_topics()
                if item.name == name
            )
            yield TopicView(
                name=name,
                node=None,
                # The document gives no profile here: delivery is the emitter's affair.
                qos=QosProfile.STANDARD.value,
                format=_literal(message_format),
                consumers=tuple(sorted(consumers)),
            )

    def service(self, node: NodeId, service: ExposedService) -> ServiceView:
        """Return a service with all who call it."""
        called = ((n, c) for n, d in self._documents() for c in d.interfaces.consumed_services)
        return ServiceView(
            name=service.name,
            node=node,
            request=_literal(service.request),
            response=_literal(service.response),
            servers=self.running.get(node, ()),
            consumers=self._consumers(called, node, service.name),
        )

    def action(self, node: NodeId, action: ExposedAction) -> ActionView:
        """Return an action with all who send it goals."""
        fired = ((n, c) for n, d in self._documents() for c in d.interfaces.consumed_actions)
        goal, result = action.goal or ActionService(), action.result or ActionService()
        feedback = action.feedback or FeedbackTopic()
        return ActionView(
            name=action.name,
            node=node,
            goal_request=_literal(goal.request),
            goal_response=_literal(goal.response),
            feedback=_literal(feedback.format),
            feedback_qos=feedback.qos.value,
            result_response=_literal(result.response),
            servers=self.running.get(node, ()),
            consumers=self._consumers(fired, node, action.name),
        )

    def _consumers(
        self, consumed: Iterable[tuple[NodeId, Consumed]], node: NodeId, name: str
    ) -> tuple[NodeId, ...]:
        return tuple(
            sorted(
                consumer
                for consumer, item in consumed
                if item.name == name and self._linked_to(consumer, item.local_id) == node
            )
        )

    def _documents(self) -> Iterable[tuple[NodeId, NodeDocument]]:
        return self.documents.items()

    def _linked_topics(self) -> Iterator[tuple[NodeId, LinkedTopic]]:
        for node, document in self._documents():
            for item in document.interfaces.consumes:
                if isinstance(item, LinkedTopic):
                    yield node, item

    def _external_topics(self) -> Iterator[tuple[NodeId, ExternalTopic]]:
        for node, document in self._documents():
            for item in document.interfaces.consumes:
                if isinstance(item, ExternalTopic):
                    yield node, item

    def _linked_to(self, consumer: NodeId, local_id: str) -> NodeId | None:
        depends_on = self.documents[consumer].manifest.depends_on
        return next((each.node for each in depends_on if each.local_id == local_id), None)


def _running(row: NodeView) -> tuple[InstanceId, ...]:
    return tuple(each.instance_id for each in row.instances if each.state is InstanceState.RUNNING)


def _literal(message_format: MessageFormat | None) -> Format | None:
    return None if message_format is None else format_literal(message_format)
