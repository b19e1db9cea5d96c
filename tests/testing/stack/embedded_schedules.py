"""The example robot through one seeded schedule of faults, and what always holds.

By hand, on so many processors: `python -m tests.testing.stack.embedded_schedules 0 10000`.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Final

from peppy.schema.control import InstanceState
from peppy.schema.errors import PeppyError
from peppy.testing.sentences import message
from peppy.testing.stack.embedded import EmbeddedStack, embedded_stack
from peppy.testing.stack.network import Conditions
from peppy.testing.stack.seeds import run_seeded
from peppy.testing.trace import Kind, Trace

ROBOT: Final = Path(__file__).parents[3] / "examples" / "robot" / "peppy_launcher.json5"

NAMES: Final = ("the_arm", "camera_front", "the_memory", "the_nervous_system", "the_brain")

REACH: Final = 1.5
"""Radians to either side that the controller lets a joint turn."""

SETTLED: Final = 4.0
"""Seconds after which there is a daemon, whatever was done to it."""

ALIVE: Final = (InstanceState.STARTING, InstanceState.RUNNING, InstanceState.STOPPING)
"""The states of instances whose processes live."""

BLOCK: Final = 50
"""Seeds that one worker takes at a time."""


def explore(seed: int, videos: Path) -> Trace:
    """Go through the schedule of this seed; raises where something does not hold."""

    async def live() -> Trace:
        chance = Random(f"{seed}/schedule")
        async with embedded_stack(
            ROBOT,
            seed=seed,
            conditions=_conditions(chance),
            arguments={
                "the_memory": {"directory": str(videos)},
                "camera_front": {"video": {"frame_rate": 10}},
            },
        ) as stack:
            for _ in range(chance.randint(1, 4)):
                await stack.sleep(chance.uniform(0.1, 3.0))
                await _disturb(stack, chance)
            await stack.faults.free_disk()
            stack.network.heal()
            await stack.sleep(SETTLED)
            await _check(stack)
        return stack.trace

    return run_seeded(live, seed)


def _conditions(chance: Random) -> Conditions:
    return Conditions(
        latency=chance.choice([(0.0, 0.0), (0.0005, 0.01), (0.0, 0.1)]),
        loss=chance.choice([0.0, 0.0, 0.05]),
        duplication=chance.choice([0.0, 0.0, 0.02]),
        reordering=chance.choice([0.0, 0.0, 0.02]),
    )


async def _disturb(stack: EmbeddedStack, chance: Random) -> None:
    faults, who = stack.faults, chance.choice(NAMES)
    instance, step = stack.instance(who), chance.randint(1, 20)
    after, away, seconds = chance.random() < 0.5, chance.uniform(0, 2), chance.uniform(0, 8)

    async def fill() -> None:
        await faults.fill_disk()
        await stack.sleep(away)
        await faults.free_disk()

    async def part() -> None:
        stack.network.part({"daemon"}, {who})
        await stack.sleep(2 * seconds)
        stack.network.heal()

    ways: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: faults.crash(who),
        lambda: faults.hang(who, seconds),
        lambda: faults.kill_daemon(away=away),
        lambda: faults.kill_daemon(at_step=step, after=after, away=away),
        lambda: faults.reboot(away=away),
        instance.stop,
        instance.restart,
        fill,
        part,
    )
    # What is refused, as for an instance that has gone before, is no fault of anybody.
    with suppress(PeppyError):
        await chance.choice(ways)()


async def _check(stack: EmbeddedStack) -> None:
    """See that the daemon's list is what lives, and that the robot has done nothing it may not."""
    views = await stack.instances()
    listed = {name for name, view in views.items() if view.state in ALIVE}
    assert listed == stack.living, f"{listed} are listed as alive, and {stack.living} live"
    stack.trace.never_shows(
        message("joint_states", where=lambda m: any(abs(p) > REACH for p in m["positions"]))
    )
    entries = stack.trace.entries
    for number, crash in enumerate(entries):
        if crash.kind is not Kind.FAULT or crash.name != "crash":
            continue
        later = (e for e in entries[number + 1 :] if e.who == crash.who)
        following = next(later, None)
        # What was killed is not heard any more: the next thing is that the daemon notices, the one
        # that comes after it at the latest, or that it is killed once more.
        assert following is None or following.kind in (Kind.EVENT, Kind.FAULT), following


def _explored(seed: int, videos: str) -> tuple[float, str | None]:
    try:
        trace = explore(seed, Path(videos))
    except BaseException as error:
        return 0.0, f"{type(error).__name__}: {str(error)[:400]}"
    return trace.entries[-1].at, None


def _warm(videos: str) -> None:
    """Have what lasts out of the collector's way: looking through it again and again takes long."""
    explore(0, Path(videos))
    gc.collect()
    gc.freeze()


def _main(first: int, end: int) -> int:
    begun, virtual, bad = time.monotonic(), 0.0, 0
    with (
        tempfile.TemporaryDirectory() as videos,
        ProcessPoolExecutor(initializer=_warm, initargs=(videos,)) as pool,
    ):
        seeds = range(first, end)
        results = pool.map(_explored, seeds, repeat(videos), chunksize=BLOCK)
        for seed, (seconds, wrong) in zip(seeds, results, strict=True):
            virtual += seconds
            if wrong is not None:
                bad += 1
                print(f"seed {seed}: {wrong}", flush=True)  # noqa: T201
    real = time.monotonic() - begun
    ratio = virtual / real
    print(  # noqa: T201
        f"{end - first} seeds, {bad} bad: {virtual:.0f} s of robot in {real:.0f} s, {ratio:.0f}:1"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), int(sys.argv[2])))
