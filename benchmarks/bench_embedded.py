"""How fast a robot's time passes in a test: the example robot embedded, all in this process.

    python benchmarks/bench_embedded.py [--quick]

Everything is processor time of one core; virtual time itself takes none. The robot has a camera
with 20 frames a second, which two nodes look at, an arm that says 20 times a second where it is,
and goals with feedback; calm, the camera at one frame a second (the arm has no such parameter), and
on a bad network. Beside it a bare timer of Trio's and one of an asyncio node: what such a second
cannot do without. A seeded run is a launch, some seconds with faults, and a look at what holds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import trio

from peppy.testing.stack import Conditions, embedded_stack
from peppy.testing.stack.asyncio_loop import DrivenLoop, run_driven
from peppy.testing.stack.conditions import CALM
from peppy.testing.stack.explore import Settings, run_seed
from peppy.testing.stack.schedules import FAULTS
from peppy.testing.stack.seeds import run_seeded

ROBOT: Final = Path(__file__).resolve().parents[1] / "examples/robot/peppy_launcher.json5"

SLOW: Final = {"camera_front": {"video": {"frame_rate": 1}}}

BAD: Final = Conditions(latency=(0.001, 0.01), loss=0.02, duplication=0.01, reordering=0.01)

TICK: Final = 0.05


def robot(
    seconds: float, conditions: Conditions = CALM, arguments: Mapping[str, Any] | None = None
) -> tuple[float, int]:
    """Return the processor seconds that so many virtual ones take, and the entries of the trace."""

    async def main() -> tuple[float, int]:
        async with embedded_stack(
            ROBOT, conditions=conditions, arguments=arguments, seed=7
        ) as stack:
            before = len(stack.trace)
            begun = time.process_time()
            await stack.sleep(seconds)
            return time.process_time() - begun, len(stack.trace) - before

    return run_seeded(main, 7)


def start_and_stop() -> float:
    async def main() -> None:
        async with embedded_stack(ROBOT, seed=7):
            pass

    begun = time.process_time()
    run_seeded(main, 7)
    return time.process_time() - begun


def seeded_run(seed: int) -> float:
    settings = Settings(launcher=str(ROBOT), seconds=20.0, faults=FAULTS)
    begun = time.process_time()
    explored, _ = run_seed(settings, seed)
    if explored.violations:
        print(f"seed {seed} has broken something: {explored.violations}")
    return time.process_time() - begun


def trio_timers(number: int) -> float:
    async def main() -> float:
        begun = time.process_time()
        for _ in range(number):
            await trio.sleep(TICK)
        return time.process_time() - begun

    return run_seeded(main, 7)


def asyncio_timers(number: int) -> float:
    async def sleep() -> None:
        for _ in range(number):
            await asyncio.sleep(TICK)

    async def main() -> float:
        begun = time.process_time()
        await run_driven(DrivenLoop(), sleep, 1.0)
        return time.process_time() - begun

    return run_seeded(main, 7)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seconds, rounds, seeds, timers = (120, 2, 10, 5000) if quick else (600, 5, 200, 50_000)

    start_and_stop()  # what is only imported and compiled once
    print(f"{'':34}{'virtual':>9}{'processor':>11}{'ratio':>8}{'entries':>9}")
    for name, conditions, arguments in (
        ("the robot", CALM, None),
        ("the robot, one frame a second", CALM, SLOW),
        ("the robot, on a bad network", BAD, None),
    ):
        found = [robot(seconds, conditions, arguments) for _ in range(rounds)]
        taken, entries = statistics.median(each for each, _ in found), found[0][1]
        print(f"{name:34}{seconds:7} s{taken:9.2f} s{seconds / taken:8.0f}{entries:9}")
    for name, tick in (
        ("a timer of Trio", trio_timers),
        ("one of an asyncio node", asyncio_timers),
    ):
        taken = min(tick(timers) for _ in range(rounds))
        print(f"{name + ', each':34}{TICK:7} s{taken / timers * 1e6:8.1f} us")
    taken = min(start_and_stop() for _ in range(5 * rounds))
    print(f"{'start and stop of the robot':34}{'':9}{taken * 1e3:8.1f} ms")
    runs = [seeded_run(seed) for seed in range(seeds)]
    taken = statistics.mean(runs)
    print(f"{'a seeded run with faults':34}{'20 s':>9}{taken * 1e3:8.1f} ms{1 / taken:8.1f} runs/s")


if __name__ == "__main__":
    main()
