"""The arm by itself, on Trio: `peppy_loop` in its `pyproject.toml` says so."""

import pytest
from peppygen.consumed_topics import joint_commands
from peppygen.parameters import Parameters
from peppygen.testing import Boot, Node
from robot_arm.__main__ import setup

COMMAND = joint_commands.Message(target_positions=[0.5, 0.0, 0.0], max_velocity=1.0)


@pytest.fixture
def node(boot: Boot) -> Node:
    """Return an arm that waits for half a second for the next command."""
    return boot(setup, Parameters(patience=0.5))


async def test_it_turns_no_faster_than_it_is_told(node: Node) -> None:
    async with node:
        await node.consumed_topics.joint_commands.publish(COMMAND)
        states = node.emitted_topics.joint_states
        await states.next(where=lambda state: state.positions[0] > 0.49)
        assert max(state.velocities[0] for state in states.received) == pytest.approx(1.0)


async def test_it_holds_still_when_the_commands_stop(node: Node) -> None:
    async with node:
        far = joint_commands.Message([3.0, 0.0, 0.0], 1.0)
        await node.consumed_topics.joint_commands.publish(far)
        states = node.emitted_topics.joint_states
        await states.next(where=lambda state: state.velocities[0] > 0)
        still = await states.next(where=lambda state: state.velocities[0] == 0)
        assert 0.4 < still.positions[0] < 0.7


async def test_it_says_who_commands_it(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    async with node:
        await node.consumed_topics.joint_commands.publish(COMMAND, instance_id="a_person")
    assert "a_person takes over" in capsys.readouterr().out


async def test_it_parks_before_it_is_gone(node: Node) -> None:
    async with node:
        await node.consumed_topics.joint_commands.publish(COMMAND)
        await node.emitted_topics.joint_states.next(where=lambda state: state.positions[0] > 0.49)
    assert node.emitted_topics.joint_states.received[-1].positions == [0.0, 0.0, 0.0]
