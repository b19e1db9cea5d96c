"""The modules of actions, imported and used as a node uses them."""

import importlib
from types import ModuleType
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.codegen.actions import consumed_action_module, exposed_action_module
from peppy.codegen.bindings import generate
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.schema.format_reader import parse_format
from peppy.schema.names import parse_name
from peppy.schema.node import ActionService, ExposedAction, FeedbackTopic
from tests.codegen.codegen_documents import (
    BRAIN,
    CONTROLLER,
    document,
    hostile_actions,
    stack,
    written,
)
from tests.codegen.conftest import Importing
from tests.codegen.test_generated_code import FORMATS, NAMES, NODE, executed
from tests.runtime.memory_nodes import BACKENDS, runner_on


@pytest.fixture
def arm(peppygen: Importing, tmp_path: Any) -> tuple[ModuleType, ModuleType]:
    """Return the exposed and the consumed module of one action."""
    exposed = peppygen(document(BRAIN), "peppygen.exposed_actions.move_arm")
    texts = generate(document(CONTROLLER), stack(BRAIN))
    path = "peppygen/consumed_actions/brain_move_arm.py"
    written(tmp_path, {path: texts[path]})
    importlib.invalidate_caches()
    return exposed, importlib.import_module("peppygen.consumed_actions.brain_move_arm")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_goal_goes_from_module_to_module_and_its_result_comes_back(
    arm: tuple[ModuleType, ModuleType], backend: str
) -> None:
    exposed, consumed = arm

    def decline(_: Any) -> Any:
        return exposed.CancelResponse(False, "no")

    def finish(request: Any) -> Any:
        return exposed.ResultResponse(True, request.instance_id, [9, 9, 9])

    async def serve(handle: Any) -> None:
        async def decide(request: Any) -> Any:
            assert request.data == exposed.GoalRequestData(
                7, [1, 2, 3], exposed.GoalRequestDataGrip(0.5)
            )
            return exposed.GoalResponse(True)

        await handle.handle_goal_next_request(decide)
        await handle.emit_feedback([4, 5, 6])
        await handle.emit_feedback([7, 8, 9], "nearly")
        await handle.handle_cancel_next_request(decline)
        await handle.handle_result_next_request(finish)

    async def main() -> None:
        network = MemoryNetwork()
        server = runner_on(network, "left", "brain")
        client = runner_on(network, "pilot", "controller")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, await exposed.ActionHandle.expose(server))
            request = consumed.GoalRequest(7, [1, 2, 3], consumed.GoalRequestGrip(0.5))
            goal = await consumed.fire_goal(client, request, 5.0)
            assert goal.data.accepted
            first = await consumed.on_next_feedback_message(goal.action_handle)
            assert first == consumed.FeedbackMessage([4, 5, 6], None)
            assert (await consumed.cancel_goal(client, goal, 5.0)).data.error_message == "no"
            result = await consumed.get_result(client, goal.action_handle, 5.0)
            assert (result.instance_id, result.core_node) == ("left", server.bound_core_node())
            assert result.data == consumed.ResultResponseData(True, "pilot", [9, 9, 9])
            assert [each.note async for each in goal.feedback()] == ["nearly"]

    anyio.run(main, backend=backend)


def test_an_action_without_formats_is_started_and_ended(arm: Any, peppygen: Importing) -> None:
    exposed = peppygen(document(BRAIN), "peppygen.exposed_actions.calibrate")
    consumed = executed(
        generate(document(CONTROLLER), stack(BRAIN))["peppygen/consumed_actions/brain_calibrate.py"]
    )

    def accept(_: Any) -> Any:
        return exposed.GoalResponse(accepted=True)

    def finish(_: Any) -> str:
        return "anything: it has no format"

    async def serve(handle: Any) -> None:
        await handle.handle_goal_next_request(accept)
        await handle.handle_result_next_request(finish)

    async def main() -> None:
        network = MemoryNetwork()
        handle = await exposed.ActionHandle.expose(runner_on(network, "left", "brain"))
        client = runner_on(network, "pilot", "controller")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, handle)
            goal = await consumed["ActionHandle"].fire_goal(client, 5.0)
            result = await goal.get_result(5.0)
            assert result == consumed["ResultResponse"](client.bound_core_node(), "left")

    assert not hasattr(exposed, "Feedback")
    assert "FeedbackMessage" not in consumed
    anyio.run(main)


def test_names_that_the_modules_use_themselves_work_in_formats() -> None:
    for action in hostile_actions().interfaces.exposed_actions:
        names = executed(exposed_action_module(action))
        assert all(names["_ACTION"].formats.fingerprints.values())
        again = executed(consumed_action_module(NODE, "label", action))
        assert again["_ACTION"].formats.fingerprints == names["_ACTION"].formats.fingerprints


@settings(max_examples=20)  # of four formats each
@given(st.lists(FORMATS, min_size=4, max_size=4), NAMES)
def test_the_classes_of_every_format_fit_both_ends(
    literals: list[dict[str, Any]], name: str
) -> None:
    request, response, feedback, result = map(parse_format, literals)
    action = ExposedAction(
        parse_name(name),
        ActionService(request, response),
        FeedbackTopic(feedback),
        ActionService(None, result),
    )
    for text in (exposed_action_module(action), consumed_action_module(NODE, "label", action)):
        formats = executed(text)["_ACTION"].formats
        for part in ("goal request", "goal response", "feedback", "result", "cancel response"):
            # The codec pairs classes and fields, and refuses those that do not fit.
            assert formats._codec(part).fingerprint == formats.fingerprints[part]
