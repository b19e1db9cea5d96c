"""Cyclone DDS: `python -m benchmarks.messages.peers.with_cyclonedds a|b DOMAIN`.

Reliable, keeping all, one blocking reader thread for each topic.
"""

import importlib
import os
import sys
import threading
from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from benchmarks.messages.answering import Answer, Arrivals, obey, percentiles

LOOPBACK: Final = (
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast></General><Discovery>"
    "<ParticipantIndex>auto</ParticipantIndex><Peers><Peer address='127.0.0.1'/></Peers>"
    "</Discovery></Domain></CycloneDDS>"
)

STUCK: Final = 30.0

QUEUE: Final = 2000
"""Samples that a writer keeps for readers that are behind; then it waits."""


def library(name: str) -> Any:
    return importlib.import_module(f"cyclonedds.{name}")


class Participant:
    """One process's part in a domain."""

    def __init__(self, domain: int) -> None:
        self._core, self._domain = library("core"), library("domain")
        self._kept = [self._domain.Domain(domain, LOOPBACK)]
        self._participant = self._domain.DomainParticipant(domain)
        policy, types = self._core.Policy, library("idl.types")
        self._seconds = library("util").duration
        self._qos = self._core.Qos(
            policy.Reliability.Reliable(max_blocking_time=self._seconds(seconds=10)),
            policy.History.KeepAll,
            policy.ResourceLimits(QUEUE, -1, QUEUE),
        )
        fields = {"number": types.uint32, "data": types.sequence[types.uint8]}
        self.message: Any = library("idl").make_idl_struct("Message", "Message", fields)

    def _topic(self, name: str) -> Any:
        topic = library("topic").Topic(self._participant, name, self.message, qos=self._qos)
        self._kept.append(topic)
        return topic

    def writer(self, name: str) -> Callable[[Any], None]:
        """Return what writes."""
        made = library("pub").DataWriter(self._participant, self._topic(name), qos=self._qos)
        self._kept.append(made)
        write: Callable[[Any], None] = made.write
        return write

    def read(self, name: str, take: Callable[[Any], None]) -> None:
        """Have a thread take what comes on a topic."""
        core = self._core
        reader = library("sub").DataReader(self._participant, self._topic(name), qos=self._qos)
        states = core.SampleState.NotRead | core.ViewState.Any | core.InstanceState.Any
        waiting = core.WaitSet(self._participant)
        waiting.attach(core.ReadCondition(reader, states))

        def reading() -> None:
            while True:
                waiting.wait(self._seconds(seconds=1))
                for sample in reader.take(N=64):
                    if sample.sample_info.valid_data:
                        take(sample)

        self._kept.append(reader)
        threading.Thread(target=reading, daemon=True).start()


def run_a(participant: Participant) -> None:
    ping, flood = participant.writer("ping"), participant.writer("flood")
    back = threading.Semaphore(0)
    participant.read("pong", lambda sample: back.release())

    def message(size: int) -> Any:
        return participant.message(0, bytes(size))

    def greet() -> Answer:
        flood(message(1))
        ping(message(1))
        return {"heard": 2 * back.acquire(timeout=0.5)}

    def drain() -> Answer:
        while back.acquire(timeout=0.3):
            pass
        return {}

    def round_trips(size: int, count: int, warm_up: int, gap: float) -> Answer:
        sample, taken = message(size), list[int]()
        for number in range(count + warm_up):
            begun = perf_counter_ns()
            ping(sample)
            if not back.acquire(timeout=STUCK):
                raise TimeoutError(f"lost after {number} round trips")
            taken.append(perf_counter_ns() - begun)
        return percentiles(taken[warm_up:])

    def send(size: int, seconds: float) -> Answer:
        sample, sent = message(size), 0
        end = perf_counter() + seconds
        while perf_counter() < end:
            flood(sample)
            sent += 1
        return {"sent": sent}

    obey({"greet": greet, "drain": drain, "round_trips": round_trips, "send": send})


def run_b(participant: Participant) -> None:
    arrivals = Arrivals()

    def report(size: int) -> Answer:
        return arrivals.report()

    participant.read("ping", participant.writer("pong"))
    participant.read("flood", lambda sample: arrivals.arrived())
    obey({"begin": arrivals.begin, "report": report})


def main() -> None:
    role, domain = sys.argv[1:]
    (run_a if role == "a" else run_b)(Participant(int(domain)))
    os._exit(0)  # its threads do not end by themselves


if __name__ == "__main__":
    main()
