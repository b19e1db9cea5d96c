"""The controller by itself: the arm says what the test wants it to say."""

import pytest
from arm_controller.__main__ import SILENCE, setup
from peppygen.consumed_topics import robot_arm_joint_states as joint_states
from peppygen.exposed_actions import move_arm
from peppygen.parameters import Parameters
from peppygen.testing import Boot, Node

TARGET = [0.5, 0.0, 0.0]


@pytest.fixture
def node(boot: Boot) -> Node:
    """Return a controller of an arm whose joints turn by a radian."""
    return boot(setup, Parameters(max_velocity=0.6, limit=1.0))


def state(first: float) -> joint_states.Message:
    return joint_states.Message([first, 0.0, 0.0], [0.0, 0.0, 0.0], 0.0)


async def test_it_sends_the_arm_on_until_it_is_there(node: Node) -> None:
    async with node:
        goal = await node.exposed_actions.move_arm.fire(move_arm.GoalRequestData(TARGET))
        assert goal.data.accepted
        for angle in (0.0, 0.25):
            await node.consumed_topics.robot_arm_joint_states.publish(state(angle))
            command = await node.emitted_topics.joint_commands.next()
            assert (command.target_positions, command.max_velocity) == (TARGET, 0.6)
            assert (await goal.next_feedback()).new_position[0] == angle
        await node.consumed_topics.robot_arm_joint_states.publish(state(0.495))
        result = await goal.result()
        assert (result.success, result.final_position[0]) == (True, 0.495)
        await node.emitted_topics.joint_commands.stays_silent(5.0)


@pytest.mark.parametrize("angle", [1.1, -1.1])
async def test_it_refuses_what_no_joint_can_do(node: Node, angle: float) -> None:
    async with node:
        request = move_arm.GoalRequestData([0.0, angle, 0.0])
        goal = await node.exposed_actions.move_arm.fire(request)
        assert not goal.data.accepted


async def test_it_sends_nothing_any_more_once_a_goal_is_cancelled(node: Node) -> None:
    async with node:
        goal = await node.exposed_actions.move_arm.fire(move_arm.GoalRequestData(TARGET))
        assert (await goal.cancel()).accepted
        await node.consumed_topics.robot_arm_joint_states.publish(state(0.1))
        await node.emitted_topics.joint_commands.stays_silent(5.0)


async def test_a_goal_fails_when_the_arm_says_nothing(node: Node) -> None:
    async with node:
        goal = await node.exposed_actions.move_arm.fire(move_arm.GoalRequestData(TARGET))
        result = await goal.result(timeout=SILENCE + 1.0)
        assert not result.success
        assert result.error_msg == "the arm has said nothing for 2.0 s"
