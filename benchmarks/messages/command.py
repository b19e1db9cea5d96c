"""The command line: what to measure, how often, and where the numbers go."""

import argparse
import dataclasses
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from benchmarks.messages.bindings import write_bindings
from benchmarks.messages.cases import FULL, QUICK, ROWS, Effort
from benchmarks.messages.peers.environment import Unavailable, ready_peers
from benchmarks.messages.repetition import Opener, Plan, Record, repeat
from benchmarks.messages.report import Records, absolute, compared
from peppy.runtime.transport.shared_memory import sweep


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a message costs, beside raw zenoh.")
    parser.add_argument("--quick", action="store_true", help="fewer samples, no peers")
    parser.add_argument("--peers", action="store_true", help="measure other middlewares too")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with this in them")
    parser.add_argument("--reps", type=int, default=0, metavar="N", help="repetitions (5; quick 3)")
    parser.add_argument(
        "--one-core",
        action="store_true",
        help="every process on one core: the length of the code paths, without the wake-ups",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    # Whoever ends us by a signal has our processes ended too.
    signal.signal(signal.SIGTERM, _leave)
    if asked.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # our children inherit it
    chosen = list(dict.fromkeys(row.case for row in ROWS if asked.only in row.case))
    if not chosen:
        raise SystemExit(f"no case has '{asked.only}' in its name")
    effort = QUICK if asked.quick else FULL
    repetitions = asked.reps or (3 if asked.quick else 5)
    peers, missing = _peers(asked.peers and not asked.quick)
    records: list[Record] = []
    code = 0
    try:
        with tempfile.TemporaryDirectory(prefix="peppy-bench-", ignore_cleanup_errors=True) as name:
            bindings = Path(name) / "bindings"
            write_bindings(bindings)
            plan = Plan(bindings=bindings, effort=effort, chosen=chosen, peers=peers)
            for number in range(repetitions):
                records.extend(repeat(plan, number, Path(name) / str(number)))
    except KeyboardInterrupt:
        print("interrupted; what was measured until then:", file=sys.stderr)
        code = 128 + signal.SIGINT
    finally:
        sweep()  # raw zenoh leaves files behind, whichever way it ends
    if asked.json:
        _write(asked.json, records, effort)
    _print(Records(records), list(peers), missing)
    raise SystemExit(code)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _peers(wanted: bool) -> tuple[dict[str, Opener], list[str]]:
    if not wanted:
        return {}, ["not measured: peppylib, dora, cyclonedds: only with --peers, without --quick"]
    try:
        return ready_peers(), []
    except Unavailable as reason:
        return {}, [f"not measured: peppylib, dora, cyclonedds: {reason}"]


def _write(file: Path, records: Iterable[Record], effort: Effort) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    content = {
        "machine": machine,
        "effort": dataclasses.asdict(effort),
        "records": [dataclasses.asdict(record) for record in records],
    }
    file.write_text(json.dumps(content, indent=1) + "\n")


def _print(records: Records, peers: list[str], missing: Iterable[str]) -> None:
    rounds = len({record.repetition for record in records.all})
    print(
        f"medians of {rounds} repetitions; behind a peer, how many times ours (asyncio) is better"
    )
    print(compared(records, peers))
    print()
    print(absolute(records))
    for line in [*records.failures(), *missing]:
        print(line)
