"""Seeds of faults and requests for the example robot: what holds, and what is found where it fails.

`PEPPY_SEEDS=n` goes through more of them, among the slow tests.
"""

import json
import os
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from peppy.actors.host.memory_processes import MemoryProcesses
from peppy.runtime.inlet import Inlet
from peppy.testing.stack import explore
from peppy.testing.stack.explore import Outcome, Settings
from peppy.testing.stack.links import Link
from peppy.testing.stack.schedules import FAULTS, Crash, Order, draw, sentences

ROBOT: Final = str(Path(__file__).parents[3] / "examples" / "robot" / "peppy_launcher.json5")
SETTINGS: Final = Settings(launcher=ROBOT, seconds=20.0, faults=FAULTS)
SEEDS: Final = int(os.environ.get("PEPPY_SEEDS", "24"))
QUICK: Final = 6
BLOCK: Final = 6
"""Seeds in one test, so that several workers share them."""

BLOCKS: Final = [
    pytest.param(first, marks=() if first < QUICK else pytest.mark.e2e)
    for first in range(0, SEEDS, BLOCK)
]


@pytest.mark.parametrize("first", BLOCKS)
def test_whatever_happens_to_the_robot_nothing_is_wrong_with_it_afterwards(first: int) -> None:
    for seed in range(first, first + BLOCK):
        outcome = explore.outcome(SETTINGS, seed)
        assert not outcome.violations, outcome.report


def test_a_seed_gives_the_same_trace_each_time() -> None:
    texts: list[str] = []
    for _ in range(2):
        explored, trace = explore.run_seed(SETTINGS, 7)
        assert trace is not None
        assert explored.violations == ()
        # Where the temporary files lie is another place each time.
        lines = [line for line in trace.text().splitlines() if "saved to" not in line]
        texts.append("\n".join(lines))
    assert texts[0] == texts[1]


def only(*faults: str) -> Settings:
    return Settings(launcher=ROBOT, seconds=8.0, faults=faults)


def found(settings: Settings, seeds: range) -> Outcome:
    """Return the first of these seeds with which something is wrong."""
    for seed in seeds:
        outcome = explore.outcome(settings, seed)
        if outcome.violations:
            return outcome
    raise AssertionError("all is well, whatever was broken")


def test_a_loss_that_is_not_counted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def count_nothing(inlet: Any, peer: Any, sequence: int, number: int) -> None:
        del inlet
        peer.expected = sequence + number

    monkeypatch.setattr(Inlet, "_count_gap", count_nothing)
    outcome = found(only("network"), range(5))
    assert "are counted nowhere at 'the_" in outcome.violations[0]


def test_a_message_that_comes_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    carry = Link.carry

    def carry_twice(link: Link, parcel: Any) -> None:
        carry(link, parcel)
        if parcel.droppable:
            carry(link, parcel)

    monkeypatch.setattr(Link, "carry", carry_twice)
    outcome = found(only("network"), range(8))
    assert "came that were never sent at 'the_" in outcome.violations[0]


def test_an_instance_that_the_next_daemon_starts_once_more_is_found_with_all_that_helps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def adopt_nobody(processes: Any, record: Path) -> None:
        del processes, record

    monkeypatch.setattr(MemoryProcesses, "adopt", adopt_nobody)
    words = [ROBOT, "--workers", "1", "--first", "1", "--seeds", "1", "--faults", "daemon"]
    code = explore.main([*words, "--trace", str(tmp_path), "--json"])
    out, told = capfd.readouterr()
    assert code == 1
    assert "runs, and is not listed as alive" in told
    assert "runs twice" in told
    assert "the daemon is killed" in told
    assert "> " in told
    assert f"python -m peppy.testing.stack.explore {ROBOT} --first 1 --seeds 1" in told
    assert json.loads(out)["bad"][0]["seed"] == 1
    assert "fault" in (tmp_path / "seed-1.txt").read_text()


def test_a_bug_of_the_exploration_itself_is_told_as_one(tmp_path: Path) -> None:
    outcome = explore.outcome(
        Settings(launcher=str(tmp_path / "none.json5"), seconds=1.0, faults=()), 0
    )
    assert "none.json5" in outcome.violations[0]


def test_a_fault_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore.main([ROBOT, "--faults", "crash,flood"]) == 2
    assert "no fault is called 'flood'" in capsys.readouterr().err


def test_a_launch_file_that_is_not_there_is_refused_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert explore.main(["none.json5"]) == 2
    assert capsys.readouterr().err == "error: there is no launch file 'none.json5'\n"


def test_a_schedule_holds_the_faults_that_it_may_and_no_others() -> None:
    names = ["arm", "brain"]
    kinds = {
        type(step).__name__ for seed in range(40) for step in draw(seed, names, 20.0, ("crash",))
    }
    assert kinds == {"Crash", "Order", "Call"}
    every = {type(step).__name__ for seed in range(200) for step in draw(seed, names, 20.0)}
    assert every == {
        "Call",
        "Crash",
        "FillDisk",
        "Hang",
        "KillDaemon",
        "Order",
        "Part",
        "Reboot",
        "Weather",
    }


def test_a_schedule_is_drawn_from_its_seed_and_from_who_there_is() -> None:
    chance = Random(3)
    names = ["arm", "brain", "camera"]
    shuffled = chance.sample(names, len(names))
    assert draw(5, names, 20.0) == draw(5, shuffled, 20.0)
    assert draw(5, names, 20.0) != draw(6, names, 20.0)


def test_a_schedule_reads_as_sentences() -> None:
    steps = (Crash(at=1.5, instance="arm"), Order(at=3.0, verb="stop", instance="arm"))
    assert sentences(steps) == [
        "  1.500 s  'arm' crashes",
        "  3.000 s  somebody asks to stop 'arm'",
    ]
