"""How long whole `peppy` processes take, against a Python that does nothing.

Runs alternate, so that whatever else the machine does falls on all of them alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

ROUNDS = 30

CASES = {
    "python -c pass": ("-c", "pass"),
    "peppy --version": ("-m", "peppy", "--version"),
    "peppy stack list": ("-m", "peppy", "stack", "list"),
}


def seconds(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return how long one process takes, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure(rounds: int, environment: Mapping[str, str]) -> dict[str, float]:
    """Return the median of each case in seconds."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for words in CASES.values():
        seconds(words, environment)  # byte code and the daemon are made once
    for _ in range(rounds):
        for name, words in CASES.items():
            times[name].append(seconds(words, environment))
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    arguments = parser.parse_args()
    rounds: int = arguments.rounds // 3 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory(prefix="peppy-bench-") as home:
        environment = {**os.environ, "PEPPY_HOME": home}
        try:
            medians = measure(rounds, environment)
        finally:
            subprocess.run(
                [sys.executable, "-m", "peppy", "service", "stop"], check=False, env=environment
            )
    base = medians["python -c pass"]
    print(f"median of {rounds} alternating runs")
    for name, median in medians.items():
        print(f"  {name:<18} {median * 1000:7.1f} ms  {median / base:5.2f} x")


if __name__ == "__main__":
    main()
