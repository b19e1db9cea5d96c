"""The measuring side of a process: it obeys commands and answers with numbers.

Only the standard library: the peers' environments hold nothing else of ours.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

MARK: Final = "bench:"
"""Begins each line that is an answer; what libraries print is none."""

Answer = dict[str, float]

_saying = threading.Lock()


def say(what: Mapping[str, Any]) -> None:
    """Write one line for the process that started this one."""
    with _saying:
        print(MARK + json.dumps(what), flush=True)


def say_ready() -> None:
    say({"ready": True})


def obey(commands: Mapping[str, Callable[..., Answer]]) -> None:
    """Carry out one command after the other until standard input ends."""
    say_ready()
    for line in sys.stdin:
        name, arguments = parsed(line)
        try:
            say({"answer": commands[name](**arguments)})
        except Exception as error:
            say(failure(error))


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Return the command and its arguments."""
    arguments = json.loads(line)
    return arguments.pop("command"), arguments


def failure(error: Exception) -> dict[str, str]:
    """Return what is said of a command that did not work; what does not exist is no mishap."""
    if isinstance(error, NotImplementedError):
        return {"error": str(error)}
    return {"error": f"{type(error).__name__}: {error}"}


def percentiles(nanoseconds: Sequence[int]) -> Answer:
    """Return median and 99th percentile in microseconds."""
    ordered = sorted(nanoseconds)
    last = len(ordered) - 1
    return {
        "p50": ordered[len(ordered) // 2] / 1000,
        "p99": ordered[min(last, len(ordered) * 99 // 100)] / 1000,
    }


class Arrivals:
    """Counts what arrives, and follows the sequence where the messages carry one."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> Answer:
        self.count = 0
        self.expected = 0
        self.disordered = 0
        self.first = 0.0
        self.last = 0.0
        return {}

    def arrived(self, sequence: int | None = None) -> None:
        self.last = perf_counter()
        if not self.count:
            self.first = self.last
        self.count += 1
        if sequence is not None:
            if sequence < self.expected:
                self.disordered += 1
            self.expected = sequence + 1

    def report(self) -> Answer:
        """Return how many came, in how many seconds from the first to the last."""
        return {
            "count": self.count,
            "seconds": self.last - self.first,
            "disordered": self.disordered,
        }
