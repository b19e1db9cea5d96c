"""The brain by itself: the camera that it looks through and the arm that it moves are made up."""

import asyncio

import pytest
from brain.__main__ import setup
from peppygen.consumed_actions import controller_move_arm as move_arm
from peppygen.consumed_services import camera_video_stream_info as info
from peppygen.consumed_topics import camera_video_stream as camera
from peppygen.parameters import Parameters
from peppygen.testing import Boot, Node

WIDTH = 100


def frame(lamp: int) -> camera.Message:
    """Return a picture one pixel high, with a lamp in this column."""
    row = bytes(200 if column == lamp else 10 for column in range(WIDTH))
    return camera.Message(camera.MessageHeader(0.0, 0), "mono8", WIDTH, 1, row)


@pytest.fixture
def node(boot: Boot) -> Node:
    """Return a brain that sees a radian from the left edge to the right one."""
    node = boot(setup, Parameters(field_of_view=1.0, tolerance=0.1))
    node.consumed_services.camera_video_stream_info.answer_with(
        info.ResponseData("/dev/video0", "mono8", WIDTH, 1, 20)
    )
    return node


async def test_it_points_at_the_lamp(node: Node) -> None:
    async with node:
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=80))
        goal = await node.consumed_actions.controller_move_arm.next_goal()
        assert goal.data.desired_position == pytest.approx([0.3, 0.0, 0.0])


async def test_it_bears_with_what_is_close_enough(node: Node) -> None:
    async with node:
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=55))
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=10))
        goal = await node.consumed_actions.controller_move_arm.next_goal()
        assert goal.data.desired_position[0] == pytest.approx(-0.4)


async def test_it_takes_a_goal_back_when_the_lamp_is_somewhere_else(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    async with node:
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=80))
        first = await node.consumed_actions.controller_move_arm.next_goal()
        await first.accept()
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=10))
        await first.feedback(move_arm.FeedbackMessage([0.2, 0.0, 0.0]))
        await first.cancel_requested()
        await first.accept_cancel()
        second = await node.consumed_actions.controller_move_arm.next_goal()
        assert second.data.desired_position[0] == pytest.approx(-0.4)
    assert "gone from +0.30 already, with the arm at +0.20" in capsys.readouterr().out


async def test_it_says_where_the_arm_came_to_stand(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    async with node:
        await node.consumed_topics.camera_video_stream.publish(frame(lamp=80))
        goal = await node.consumed_actions.controller_move_arm.next_goal()
        await goal.accept()
        await goal.succeed(move_arm.ResultResponseData(True, [0.29, 0.0, 0.0], None))
        await asyncio.sleep(0.1)
    assert "pointing at +0.30: the arm is at +0.29" in capsys.readouterr().out
