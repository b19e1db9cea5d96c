"""dora: `python -m benchmarks.messages.peers.with_dora daemon|a|b`, two nodes of one dataflow."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from benchmarks.messages.answering import Answer, Arrivals, obey, percentiles

FLOW: Final = """\
nodes:
  - id: a
    path: dynamic
    inputs:
      pong: b/pong
    outputs: [ping, flood]
  - id: b
    path: dynamic
    inputs:
      ping: a/ping
      flood: { source: a/flood, queue_size: 1000 }
    outputs: [pong]
"""

STARTING: Final = 2.0
"""Seconds until its dataflow takes nodes; it does not say when."""

STUCK: Final = 10.0


def run_daemon() -> None:
    Path("flow.yml").write_text(FLOW)
    with Path("dora.log").open("w") as log:
        process = subprocess.Popen(
            ["dora", "run", "flow.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        time.sleep(STARTING)
        obey({})
        process.send_signal(signal.SIGINT)
        process.wait()


def opened(name: str) -> Any:
    return importlib.import_module("dora").Node(name)


def run_a() -> None:
    node = opened("a")

    def back(seconds: float) -> bool:
        """Wait for the echo; say whether it came."""
        while (event := node.next(timeout=seconds)) is not None:
            if event["type"] == "INPUT":
                len(event["value"])
                return True
            if event["type"] == "ERROR":  # so it says that the time is over
                return False
        return False

    def greet() -> Answer:
        node.send_output("flood", b"0")
        node.send_output("ping", b"0")
        return {"heard": 2 * back(1.0)}

    def drain() -> Answer:
        while back(0.3):
            pass
        return {}

    def round_trips(size: int, count: int, warm_up: int, gap: float) -> Answer:
        payload, taken = bytes(size), list[int]()
        for number in range(count + warm_up):
            begun = perf_counter_ns()
            node.send_output("ping", payload)
            if not back(STUCK):
                raise TimeoutError(f"lost after {number} round trips")
            taken.append(perf_counter_ns() - begun)
        return percentiles(taken[warm_up:])

    def send(size: int, seconds: float) -> Answer:
        payload, sent = bytes(size), 0
        end = perf_counter() + seconds
        while perf_counter() < end:
            node.send_output("flood", payload)
            sent += 1
        return {"sent": sent}

    obey({"greet": greet, "drain": drain, "round_trips": round_trips, "send": send})


def run_b() -> None:
    node, arrivals = opened("b"), Arrivals()

    def report(size: int) -> Answer:
        return arrivals.report()

    def commands() -> None:
        obey({"begin": arrivals.begin, "report": report})
        os._exit(0)  # the node's own thread waits for the next event

    # A node belongs to one thread; the numbers are asked for on another.
    threading.Thread(target=commands, daemon=True).start()
    for event in node:
        if event["type"] == "INPUT":
            if event["id"] == "flood":
                len(event["value"])
                arrivals.arrived()
            else:
                node.send_output("pong", event["value"])


def main() -> None:
    {"daemon": run_daemon, "a": run_a, "b": run_b}[sys.argv[1]]()
    os._exit(0)  # its threads do not end by themselves


if __name__ == "__main__":
    main()
