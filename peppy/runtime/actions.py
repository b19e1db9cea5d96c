"""Actions as generated bindings declare them: one value per action, shared by a node's code.

Source: seed 003, "Actions"; behaviour.md 8.5, 8.6. What is declared on the wire belongs to the
`NodeRunner`; what is compiled belongs to the action. Both are made at the first use and kept.

- `action_server` and `action_desk`: the serving end; `action_goals` and `rules.goal_life` the goals
  in it.
- `action_client`: the asking end; `action_fired` a goal of it, `action_feedback` what it is told.
- `action_formats`, `action_wire`, `action_errors`: what both ends have in common.
"""

from typing import Any

from peppy.runtime.action_client import ActionClient
from peppy.runtime.action_feedback import OnQueued
from peppy.runtime.action_fired import AnswerTypes, FiredGoal
from peppy.runtime.action_formats import ActionFormats, Declared
from peppy.runtime.action_server import ActionServer, RequestTypes
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner

_CANCEL_FORMAT = {
    "accepted": "bool",
    "error_message": {"$type": "string", "$optional": True},
}


class ExposedAction:
    """An action that the node carries out.

    Formats come as plain values with their dataclasses; the other classes take the instance id and
    the core node of who asks, and `goal` its message as well if there is a format for it.
    """

    def __init__(
        self,
        name: str,
        goal_request: Declared,
        goal_response: Declared,
        feedback: Declared,
        result: Declared,
        goal: type[Any],
        cancel: type[Any],
        cancelled: type[Any],
        result_request: type[Any],
    ) -> None:
        self.name = name
        self._types = RequestTypes(goal, cancel, result_request)
        self.formats = _formats(name, goal_request, goal_response, feedback, result, cancelled)

    async def expose(self, node_runner: NodeRunner) -> ActionServer:
        """Return the node's way to serve the action; from the first call on, clients reach it."""

        def opened() -> ActionServer:
            server = ActionServer(self.name, node_runner, self.formats, self._types)
            return node_runner.add_end(server)

        return node_runner.kept(self, opened)

    def __repr__(self) -> str:
        return f"<ExposedAction '{self.name}'>"


class ConsumedAction:
    """An action of another node that this one starts.

    `link` is the dependency's label: a goal that targets no instance means the one that it is bound
    to, and any if it is not.

    `cancelled` and `finished` take the core node and the instance id of the server, and the
    message: `finished` only if there is a format for it.
    """

    def __init__(
        self,
        node: str,
        name: str,
        goal_request: Declared,
        goal_response: Declared,
        feedback: Declared,
        result: Declared,
        cancel_data: type[Any],
        cancelled: type[Any],
        finished: type[Any],
        *,
        link: str | None = None,
    ) -> None:
        self.node = node
        self.link = link
        self.name = name
        self._types = AnswerTypes(cancelled, finished)
        self.formats = _formats(name, goal_request, goal_response, feedback, result, cancel_data)

    async def fire(
        self,
        node_runner: NodeRunner,
        request: Any,
        timeout: float,
        feedback_qos: QoSProfile = QoSProfile.Standard,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
        on_queued: OnQueued | None = None,
    ) -> FiredGoal:
        """Offer a goal to the servers of these names, or to all; see `ActionClient.fire`.

        `on_queued` is called with the number of goals that come before ours, each time it changes.
        """

        def opened() -> ActionClient:
            client = ActionClient(
                self.node, self.name, node_runner, self.formats, self._types, self.link
            )
            return node_runner.add_end(client)

        client = node_runner.kept(self, opened)
        return await client.fire(
            request, timeout, feedback_qos, target_core_node, target_instance_id, on_queued
        )

    def __repr__(self) -> str:
        return f"<ConsumedAction '{self.name}' of '{self.node}'>"


def _formats(
    name: str,
    goal_request: Declared,
    goal_response: Declared,
    feedback: Declared,
    result: Declared,
    cancelled: type[Any],
) -> ActionFormats:
    return ActionFormats(
        name,
        {
            "goal request": goal_request,
            "goal response": goal_response,
            "feedback": feedback,
            "result": result,
            "cancel response": (_CANCEL_FORMAT, cancelled),
        },
    )
