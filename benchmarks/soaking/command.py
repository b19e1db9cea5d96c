"""The command line of the soak."""

import argparse
import tempfile
import time
from pathlib import Path

import anyio

from benchmarks.soaking.conductor import Plan, conduct
from benchmarks.soaking.report import check_leftovers, table


def soak(plan: Plan, directory: Path) -> list[str]:
    """Soak as planned, with the children's files in `directory`; return what was violated."""
    conductor = anyio.run(conduct, plan, directory, backend="trio")
    check_leftovers(conductor)
    print(table(conductor), flush=True)
    return conductor.court.violations


def main() -> int:
    parser = argparse.ArgumentParser(description="random traffic, every loss accounted for")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--intensity", type=float, default=1.0, help="what rates are multiplied by")
    parser.add_argument("--fuzz", type=float, default=300.0, help="pieces of nonsense a second")
    parser.add_argument(
        "--strangers", type=int, default=4, help="publishers that it claims on a key"
    )
    parser.add_argument("--long-stops", type=float, default=0.1, help="part beyond the lease")
    parser.add_argument("--no-kills", action="store_true", help="everybody lives to the end")
    parser.add_argument("--directory", type=Path, help="where the children's files are kept")
    words = parser.parse_args()
    plan = Plan(
        seconds=60 * words.minutes,
        seed=words.seed,
        nodes=words.nodes,
        intensity=words.intensity,
        fuzz=words.fuzz,
        strangers=words.strangers,
        long_stops=words.long_stops,
        kills=not words.no_kills,
    )
    print(f"seed {plan.seed}, {plan.nodes} nodes, {words.minutes:g} minutes", flush=True)
    if words.directory is not None:
        words.directory.mkdir(parents=True, exist_ok=True)
        return bool(soak(plan, words.directory))
    with tempfile.TemporaryDirectory() as directory:
        return bool(soak(plan, Path(directory)))
