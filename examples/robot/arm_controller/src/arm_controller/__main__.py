"""An action: goals are taken or refused, worked on with feedback, given up, and answered."""

import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import robot_arm_joint_states
from peppygen.emitted_topics import joint_commands
from peppygen.exposed_actions import move_arm
from peppygen.parameters import Parameters

CLOSE = 0.01
"""Radians within which a joint is where it is to be."""

SILENCE = 2.0
"""Seconds without a word of the arm after which a goal has failed."""


class Controller:
    """Carries out one goal after another."""

    def __init__(self, params: Parameters, node_runner: NodeRunner) -> None:
        self._params = params
        self._node_runner = node_runner
        self._target: list[float] | None = None
        self._problem: str | None = None
        self._positions = [0.0, 0.0, 0.0]

    def decide(self, request: move_arm.GoalRequest) -> move_arm.GoalResponse:
        """Refuse what no joint can do, before anything moves."""
        wanted = request.data.desired_position
        if any(abs(angle) > self._params.limit for angle in wanted):
            print(f"refused: {wanted} is out of reach")
            return move_arm.GoalResponse(accepted=False)
        self._target = wanted
        return move_arm.GoalResponse(accepted=True)

    def give_up(self, request: move_arm.CancelRequest) -> move_arm.CancelResponse:
        """Stop to send commands; the arm then holds still by itself."""
        print(f"{request.instance_id} wants it no more")
        self._target = None
        return move_arm.CancelResponse(accepted=True)

    def report(self, request: move_arm.ResultRequest) -> move_arm.ResultResponse:
        return move_arm.ResultResponse(self._problem is None, self._positions, self._problem)

    async def serve(self, action: move_arm.ActionHandle) -> None:
        while True:
            await action.handle_goal_next_request(self.decide)
            self._problem = None
            try:
                await self._move(action)
            except TimeoutError:
                self._problem = f"the arm has said nothing for {SILENCE} s"
            # For a goal that was refused or given up it returns at once.
            await action.handle_result_next_request(self.report)
            self._target = None

    async def _move(self, action: move_arm.ActionHandle) -> None:
        """Send the arm on, each time that it says where it is, until it is there."""
        async with robot_arm_joint_states.subscribe(self._node_runner) as states:
            while (target := self._target) is not None:
                async with asyncio.timeout(SILENCE):
                    _, state = await anext(states)
                self._positions = state.positions
                await action.emit_feedback(state.positions)
                if is_close(state.positions, target):
                    return
                if self._target is target:  # and was not given up in the meantime
                    await joint_commands.emit(self._node_runner, target, self._params.max_velocity)

    async def let_cancel(self, action: move_arm.ActionHandle) -> None:
        while True:
            await action.handle_cancel_next_request(self.give_up)


def is_close(positions: list[float], targets: list[float]) -> bool:
    return all(abs(p - t) < CLOSE for p, t in zip(positions, targets, strict=True))


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    controller = Controller(params, node_runner)
    action = await move_arm.ActionHandle.expose(node_runner)
    return [
        asyncio.create_task(controller.serve(action)),
        asyncio.create_task(controller.let_cancel(action)),
    ]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
