"""An arm, in Trio: time limits and cancelled scopes say when it stops to obey."""

import time

import trio
from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import joint_commands
from peppygen.emitted_topics import joint_states
from peppygen.parameters import Parameters

from robot_arm.hardware import HOME, Joints

PERIOD = 0.05
"""Seconds between two steps of the motors."""

SLOW = 1.0
"""Radians per second, on the way home."""


async def step(node_runner: NodeRunner, joints: Joints) -> None:
    """Turn the joints a little, and say where they are."""
    joints.turn(PERIOD)
    await joint_states.emit(node_runner, joints.positions, joints.velocities, time.time())
    await trio.sleep(PERIOD)


async def drive(node_runner: NodeRunner, joints: Joints) -> None:
    while True:
        await step(node_runner, joints)


async def obey(node_runner: NodeRunner, joints: Joints, patience: float) -> None:
    """Do what is commanded; hold still once the commands stop, whatever became of who sent them."""
    while True:
        sender, command = await joint_commands.on_next_message_received(node_runner)
        print(f"{sender} takes over")
        with trio.move_on_after(patience) as waiting:
            while True:
                joints.aim(command.target_positions, command.max_velocity)
                _, command = await joint_commands.on_next_message_received(node_runner)
                waiting.deadline = trio.current_time() + patience
        joints.hold()
        print("no more commands: holding still")


async def setup(params: Parameters, node_runner: NodeRunner, nursery: trio.Nursery) -> None:
    joints = Joints()
    working = trio.CancelScope()

    async def work() -> None:
        with working:
            async with trio.open_nursery() as both:
                both.start_soon(drive, node_runner, joints)
                both.start_soon(obey, node_runner, joints, params.patience)

    async def park() -> None:
        """Obey nobody any more, and go home."""
        working.cancel()
        joints.aim(HOME, SLOW)
        while not joints.there:
            await step(node_runner, joints)
        print("parked at", joints.positions)

    node_runner.on_shutdown(park)
    nursery.start_soon(work)


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
