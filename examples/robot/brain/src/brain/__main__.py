"""A brain: what it sees decides on the goals that it sends, and on those that it takes back."""

import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_actions import controller_move_arm
from peppygen.consumed_services import camera_video_stream_info
from peppygen.consumed_topics import camera_video_stream
from peppygen.parameters import Parameters

from peppylib import ActionResultUnreachable

TIMEOUT = 10.0
"""Seconds within which anything asked for has to happen."""


class Brain:
    """Wants the arm to point at the brightest thing that the camera sees. Angles are in radians."""

    def __init__(self, params: Parameters, node_runner: NodeRunner) -> None:
        self._params = params
        self._node_runner = node_runner
        self._seen = 0.0
        """Where it is."""
        self._aim = 0.0
        """Where the arm points, or is on its way to."""
        self._off = asyncio.Event()
        """Whether these are too far from one another."""

    async def look(self) -> None:
        """Find the middle of the brightest columns of each frame."""
        info = await camera_video_stream_info.poll(self._node_runner, timeout=TIMEOUT)
        print(f"looking through {info.instance_id}, {info.data.frame_rate} frames/s")
        async with camera_video_stream.subscribe(self._node_runner) as frames:
            async for _, frame in frames:
                row = frame.frame[: frame.width]
                most = max(row)
                middle = (row.find(most) + row.rfind(most)) / 2 / frame.width
                self._seen = (middle - 0.5) * self._params.field_of_view
                if abs(self._seen - self._aim) > self._params.tolerance:
                    self._off.set()

    async def act(self) -> None:
        """Point at it, each time that it is somewhere else."""
        while True:
            await self._off.wait()
            self._off.clear()
            self._aim = self._seen
            await self._point(self._aim)

    async def _point(self, aim: float) -> None:
        request = controller_move_arm.GoalRequest(desired_position=[aim, 0.0, 0.0])
        goal = await controller_move_arm.fire_goal(self._node_runner, request, timeout=TIMEOUT)
        result = asyncio.create_task(goal.get_result(timeout=TIMEOUT))
        async for feedback in goal.feedback():
            if self._off.is_set():
                print(
                    f"gone from {aim:+.2f} already, with the arm at {feedback.new_position[0]:+.2f}"
                )
                await goal.cancel_goal(timeout=TIMEOUT)
                break
        try:
            answer = await result
        except ActionResultUnreachable:
            return  # there is no result of what was cancelled or refused
        final = answer.data.final_position[0]
        print(f"pointing at {aim:+.2f}: {answer.data.error_msg or f'the arm is at {final:+.2f}'}")


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    brain = Brain(params, node_runner)
    return [asyncio.create_task(brain.look()), asyncio.create_task(brain.act())]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
