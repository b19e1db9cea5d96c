"""The whole robot, in one process and on virtual time."""

from peppy.testing.sentences import event, line, message
from peppy.testing.stack import EmbeddedStack


async def test_the_arm_points_at_the_lamp(robot: EmbeddedStack) -> None:
    await robot.until(line("pointing at -0.49: the arm is at -0.48", who="the_brain"), within=5.0)
    robot.trace.shows(line("takes over", who="the_arm")).then(
        message("joint_states", where=lambda state: state["positions"][0] < -0.4), within=2.0
    )


async def test_the_arm_waits_for_a_camera_that_crashes(robot: EmbeddedStack) -> None:
    await robot.until(line("pointing at", who="the_brain"))
    await robot.faults.crash("camera_front")
    await robot.until(event("started", "camera_front"), within=5.0, anew=True)
    await robot.until(line("pointing at", who="the_brain"), within=10.0, anew=True)
    robot.trace.never_shows(event("failed", "the_brain"))


async def test_a_hanging_controller_leaves_the_arm_where_it_is(robot: EmbeddedStack) -> None:
    await robot.until(line("takes over", who="the_arm"))
    await robot.faults.hang("the_nervous_system", 3.0)
    await robot.until(line("no more commands: holding still", who="the_arm"), within=1.0, anew=True)
    await robot.until(line("takes over", who="the_arm"), within=5.0, anew=True)


async def test_the_robot_parks_and_saves_its_video(robot: EmbeddedStack) -> None:
    await robot.sleep(5.0)
    for instance in ("the_memory", "the_brain", "the_nervous_system", "the_arm"):
        await robot.instance(instance).stop()
    robot.trace.shows(line("Video of 100 frames saved", who="the_memory"))
    robot.trace.shows(line("parked at [0.0, 0.0, 0.0]", who="the_arm"))
