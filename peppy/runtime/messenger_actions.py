"""Actions by a messenger: three services and a topic, all of bytes. Source: behaviour.md 8.1, 8.5.

What a goal is, whether it was taken on and when it has ended is in the bytes, so the runtime keeps
no goal and decides nothing: every request goes to a handler of its service, and feedback to all
who hold a goal of that instance. On the wire they are the services `<action>.goal`, `.cancel` and
`.result` and the topic `<action>.feedback`: names that no document can declare.
"""

from collections.abc import Generator
from contextlib import contextmanager

import anyio
import msgspec

from peppy.runtime.action_errors import (
    ActionError,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.action_fired import check_timeout
from peppy.runtime.messenger import (
    MessengerHandle,
    Payload,
    TopicMessage,
    check_names,
    checked_payload,
)
from peppy.runtime.messenger_services import RESPONSE_TIMEOUT, ServiceEndpoint, call
from peppy.runtime.messenger_topics import Subscription, emitted, open_inlet
from peppy.runtime.qos import QoSProfile
from peppy.runtime.reach import Missing, Target, reach_of
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.schema import keys
from peppy.schema.wording import quoted


class ActionMessenger:
    """Exposes actions, and has them carried out, where every message is bytes.

    Generated bindings cannot be on the other side, whatever their formats: the runtime keeps the
    life of their goals, and it knows nothing of these.
    """

    @staticmethod
    async def expose(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        as_node_name: str,
        as_action_name: str,
    ) -> "ActionCreation":
        """Make an action known; its requests wait at its services.

        Raises `ValueError` for what cannot be a name, and `Closed`.
        """
        check_names(as_action_name)
        speaker = messenger.speaker(as_core_node, as_instance_id, as_node_name)
        return ActionCreation(
            feedback_publisher=TopicPublisher(speaker, f"{as_action_name}.feedback"),
            cancel_service=ServiceEndpoint(speaker, f"{as_action_name}.cancel"),
            result_service=ServiceEndpoint(speaker, f"{as_action_name}.result"),
            # Last: who can offer a goal can do all the rest.
            goal_service=ServiceEndpoint(speaker, f"{as_action_name}.goal"),
        )

    @staticmethod
    async def is_reachable(
        messenger: MessengerHandle,
        bound_core_node: str,
        as_instance_id: str,
        target_node_name: str,
        target_action_name: str,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> bool:
        """Say whether such an instance exposes the action now, whether or not it is at a goal.

        Raises `ValueError` for what cannot be a name, and `Closed`.
        """
        check_names(target_node_name, target_action_name, target_core_node, target_instance_id)
        speaker = messenger.speaker(bound_core_node, as_instance_id)
        service = (f"{target_action_name}.goal", target_node_name)
        pattern = keys.serving_pattern(*service, target_core_node, target_instance_id)
        return bool(await _servers(speaker, pattern))

    @staticmethod
    async def send_goal(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        to_node_name: str,
        to_action_name: str,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
        goal_payload: Payload = b"",
        feedback_qos: QoSProfile = QoSProfile.Standard,
        goal_timeout_secs: float = RESPONSE_TIMEOUT,
    ) -> "ActionGoalHandle":
        """Offer a goal to one instance; return once its goal handler has answered.

        Where the target leaves open which one, it is one of those that are there, and no other
        hears of it; one that runs and does not expose the action yet is waited for. `feedback_qos`
        says how much feedback may wait here; nobody is held back by it. Raises `ActionUnreachable`
        (a `ConnectionError`), `ActionTimeout` (a `TimeoutError`), `ActionError` (a `RuntimeError`)
        if the handler failed, `ValueError` for what cannot be a name or a time-out, `Closed`.
        """
        check_names(to_node_name, to_action_name, target_core_node, target_instance_id)
        checked_payload(goal_payload)
        check_timeout(goal_timeout_secs)
        speaker = messenger.speaker(as_core_node, as_instance_id)
        target = Target(to_node_name, target_core_node, target_instance_id)
        goal, left = await _offered(speaker, target, to_action_name, goal_timeout_secs)
        feedback = goal.follow(feedback_qos)  # before it is sent: nothing is missed
        with _told_of_action(to_action_name, target_instance_id, "goal", goal_timeout_secs):
            response = await goal.ask("goal", goal_payload, left)
        return ActionGoalHandle(goal, response, feedback)

    @staticmethod
    async def cancel_goal(
        messenger: MessengerHandle, goal_handle: "ActionGoalHandle", cancel_timeout_secs: float
    ) -> TopicMessage:
        """Return what the cancel handler of the goal's server answers.

        Raises what `send_goal` does. A goal is cancelled over the connection that sent it, so
        `messenger` is not used.
        """
        del messenger
        goal = goal_handle.goal
        with _told_of_action(goal.action, goal.instance_id, "cancel", cancel_timeout_secs):
            return await goal.ask("cancel", b"", cancel_timeout_secs)

    @staticmethod
    async def request_result(
        messenger: MessengerHandle, goal_handle: "ActionGoalHandle", result_timeout_secs: float
    ) -> TopicMessage:
        """Return what the result handler of the goal's server answers.

        Raises `ActionResultUnreachable` (a `ConnectionError`) if none was called in time,
        `ActionResultTimeout` (a `TimeoutError`) if it was and has not answered, `ActionError`
        (a `RuntimeError`) if it failed, `ValueError`, `Closed`. What is said of `messenger` in
        `cancel_goal` holds.
        """
        del messenger
        goal = goal_handle.goal
        with _told_of_action(goal.action, goal.instance_id, "result", result_timeout_secs):
            return await goal.ask("result", b"", result_timeout_secs)


class TopicPublisher:
    """The feedback of an action that is exposed."""

    def __init__(self, speaker: NodeRunner, topic: str) -> None:
        """For `ActionMessenger.expose`."""
        self._speaker = speaker
        self._topic = emitted(speaker, topic, QoSProfile.Reliable)

    async def publish(self, payload: Payload) -> None:
        """Tell all who hold a goal of this instance; nobody listening is no error.

        Raises `TypeError` for a payload that is not bytes, and `Closed`.
        """
        await self._topic.emit(self._speaker, checked_payload(payload))


class ActionCreation(msgspec.Struct, frozen=True, eq=False):
    """An action that is exposed: what is asked of it, and its way to give feedback."""

    feedback_publisher: TopicPublisher
    cancel_service: ServiceEndpoint
    result_service: ServiceEndpoint
    goal_service: ServiceEndpoint


class _Goal(msgspec.Struct, frozen=True):
    """A goal as its client asks about it."""

    speaker: NodeRunner
    node: str
    action: str
    core_node: str
    """Of its server, as `instance_id` is."""
    instance_id: str

    async def ask(self, part: str, payload: Payload, timeout: float) -> TopicMessage:
        """Return what one of the action's services answers; raises as `call` does."""
        name = f"{self.action}.{part}"
        server = (self.core_node, self.instance_id)
        return await call(self.speaker, self.node, name, payload, timeout, *server)

    def follow(self, qos: QoSProfile) -> Subscription:
        """Return the feedback of its server."""
        senders = (f"{self.action}.feedback", self.node, self.core_node, self.instance_id)
        return Subscription(self.speaker, open_inlet(self.speaker, senders, qos, holds_back=False))


class ActionGoalHandle:
    """A goal that a server has answered."""

    def __init__(self, goal: _Goal, response: TopicMessage, feedback: Subscription) -> None:
        """For `ActionMessenger.send_goal`."""
        self.goal = goal
        self._response = response
        self._feedback = feedback

    @property
    def goal_response(self) -> TopicMessage:
        """What the server's goal handler has answered."""
        return self._response

    async def on_next_feedback(self) -> TopicMessage | None:
        """Return the next feedback of the goal's server, or None once the connection is closed.

        Nothing says that a goal has ended but its server, in its own words. Cancelling the wait
        loses nothing.
        """
        return await self._feedback.on_next_message()


@contextmanager
def _told_of_action(
    action: str, instance_id: str | None, part: str, seconds: float
) -> Generator[None]:
    """Inside the block, raise what a service raises as what the action does."""
    try:
        yield
    except ServiceUnreachable as error:
        unreachable = ActionResultUnreachable if part == "result" else ActionUnreachable
        raise unreachable(action, error.why, instance_id) from None
    except ServiceTimeout:
        if part == "result":
            raise ActionResultTimeout(action, seconds, instance_id) from None
        why = f"its {part} handler has not answered within {seconds:g} s"
        raise ActionTimeout(action, why, instance_id) from None
    except ServiceError as error:
        raise ActionError(action, error.reason, instance_id) from None


async def _offered(
    speaker: NodeRunner, target: Target, action: str, timeout: float
) -> tuple[_Goal, float]:
    """Return a goal for one instance of those that are meant, and the seconds that are left."""
    node, instance_id = target.node, target.instance_id
    pattern = keys.serving_pattern(f"{action}.goal", node, target.core_node, instance_id)
    began = anyio.current_time()
    try:
        with anyio.move_on_after(timeout):
            while not (found := await _servers(speaker, pattern)):
                await reach_of(speaker).server(target, pattern)
            left = max(0.0, timeout - (anyio.current_time() - began))
            return _Goal(speaker, node, action, *found[0]), left
    except Missing as missing:
        raise ActionUnreachable(action, str(missing), instance_id) from None
    why = f"{quoted(node)} is running and did not expose it within {timeout:g} s"
    raise ActionUnreachable(action, why, instance_id)


async def _servers(speaker: NodeRunner, pattern: str) -> list[tuple[str, str]]:
    """Return the core nodes and instances that announce a service now, sorted."""
    found = await speaker.exchange.seek(pattern)
    return sorted({keys.server_in(key.rpartition("/")[0]) for key in found})
