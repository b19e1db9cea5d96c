"""Zenoh alone: two linked peers, all of zenoh on one thread, a Python thread that reads.

Run as `python -m benchmarks.messages.raw a|b ENDPOINT`, or as `router ENDPOINT`.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import zenoh

from benchmarks.messages.answering import Answer, Arrivals, obey, percentiles

ONE_THREAD: Final = {
    "ZENOH_RUNTIME": "(acc: (handover: rx), tx: (handover: rx), app: (handover: rx),"
    " net: (handover: rx), rx: (worker_threads: 1))"
}
"""What a pair is started with. A router has other work for its threads."""

QUEUE: Final = 256
"""Samples between zenoh's thread and the reader."""

STUCK: Final = 30.0


def opened(mode: str, *, listen: str = "", connect: str = "") -> Any:
    """Return a session that only finds whom it is told; all else is zenoh's default."""
    config: Any = zenoh.Config()
    for name, value in {
        "mode": mode,
        "scouting/multicast/enabled": False,
        "scouting/gossip/enabled": mode == "router",
        "listen/endpoints": [listen] if listen else [],
        "connect/endpoints": [connect] if connect else [],
    }.items():
        config.insert_json5(name, json.dumps(value))
    return zenoh.open(config)


def publisher(session: Any, key: str) -> Callable[[bytes], None]:
    """Return what sends, waiting where the link is full."""
    declared = session.declare_publisher(
        key,
        congestion_control=zenoh.CongestionControl.BLOCK,
        reliability=zenoh.Reliability.RELIABLE,
    )
    put: Callable[[bytes], None] = declared.put
    return put


_reading: list[tuple[Any, threading.Thread]] = []


def read(declared: Any, take: Callable[[Any], None]) -> None:
    """Have a thread take what comes, one after the other, until `stop_reading`."""

    channel = declared.handler  # waiting on the declaration itself, it could not be taken back

    def reading() -> None:
        while True:
            try:
                arrived = channel.recv()
            except zenoh.ZError:
                return
            take(arrived)

    thread = threading.Thread(target=reading, daemon=True)
    thread.start()
    _reading.append((declared, thread))


def stop_reading() -> None:
    """End the threads: one that is inside zenoh when the interpreter ends aborts it."""
    for declared, thread in _reading:
        declared.undeclare()
        thread.join(1.0)
    _reading.clear()


def subscribe(session: Any, key: str, take: Callable[[bytes], None]) -> None:
    declared = session.declare_subscriber(key, zenoh.handlers.FifoChannel(QUEUE))
    read(declared, lambda sample: take(sample.payload.to_bytes()))


class Trips:
    """Round trips, each begun by the thread that has just read the answer to the last."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._over = threading.Event()
        self._taken: list[int] = []
        self._left = 0

    def run(self, size: int, count: int, warm_up: int, gap: float) -> Answer:
        self._payload, self._gap = bytes(size), gap
        self._taken, self._left = [], count + warm_up
        self._over.clear()
        self._due = time.perf_counter()
        self._go()
        if not self._over.wait(STUCK + 2 * gap * count):
            raise TimeoutError(f"lost after {len(self._taken)} round trips")
        return percentiles(self._taken[warm_up:])

    def _go(self) -> None:
        if self._gap:
            self._due += self._gap
            time.sleep(max(0.0, self._due - time.perf_counter()))
        self._begun = time.perf_counter_ns()
        self._send(self._payload)

    def back(self, payload: bytes) -> None:
        if not self._left:
            return  # what is left of a greeting
        self._taken.append(time.perf_counter_ns() - self._begun)
        self._left -= 1
        if self._left:
            self._go()
        else:
            self._over.set()


def send_for(send: Callable[[bytes], None], size: int, seconds: float) -> Answer:
    """Send without a pause; return how many."""
    payload, sent = bytes(size), 0
    burst = 32 if size <= 1024 else 1
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(burst):
            send(payload)
        sent += burst
    return {"sent": sent}


def run_a(session: Any) -> None:
    ping, flood = publisher(session, "bench/ping"), publisher(session, "bench/flood")
    heard = threading.Event()
    trips = Trips(ping)

    def back(payload: bytes) -> None:
        heard.set()
        trips.back(payload)

    def answer(query: Any) -> None:
        with query:
            query.reply("bench/work", query.payload.to_bytes())

    def greet() -> Answer:
        flood(b"")
        ping(b"")
        return {"heard": 2 * heard.wait(0.2)}

    subscribe(session, "bench/pong", back)
    read(session.declare_queryable("bench/work", zenoh.handlers.FifoChannel(QUEUE)), answer)

    def send(size: int, seconds: float) -> Answer:
        return send_for(flood, size, seconds)

    obey({"greet": greet, "drain": dict, "round_trips": trips.run, "send": send})


def run_b(session: Any) -> None:
    pong = publisher(session, "bench/pong")
    arrivals = Arrivals()
    querier = session.declare_querier("bench/work", timeout=5)

    def calls(size: int, count: int, warm_up: int) -> Answer:
        payload, taken = bytes(size), list[int]()
        for _ in range(count + warm_up):
            begun = time.perf_counter_ns()
            for reply in querier.get(payload=payload):
                reply.ok.payload.to_bytes()
            taken.append(time.perf_counter_ns() - begun)
        return percentiles(taken[warm_up:])

    def report(size: int) -> Answer:
        return arrivals.report()

    subscribe(session, "bench/ping", pong)
    subscribe(session, "bench/flood", lambda payload: arrivals.arrived())
    obey({"begin": arrivals.begin, "report": report, "calls": calls})


def main() -> None:
    role, endpoint = sys.argv[1:]
    if role == "router":
        with opened("router", listen=endpoint):
            obey({})
    elif role == "b":
        with opened("peer", listen=endpoint) as session:
            run_b(session)
            stop_reading()
    else:
        with opened("peer", connect=endpoint) as session:
            run_a(session)
            stop_reading()


if __name__ == "__main__":
    main()
