"""`peppy node run` until the instance runs, against starting the same program by hand.

    python benchmarks/bench_run.py [--quick]

By hand means: the node's own environment, its own interpreter, `-m hello_world`, in standalone mode
against the same router, until its first message line. The peppy side adds the command, the request,
laying the artifact out, and the word that `setup` has returned. Medians of alternating runs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = """
import asyncio
from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    print("set up", flush=True)
    return []


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""


def peppy(environment: dict[str, str], *words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "peppy", *words],
        env=environment,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"peppy {' '.join(words)}\n{done.stderr}")
    return done.stdout


def by_hand(node: Path, environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    process = subprocess.Popen(
        [node / ".venv/bin/python", "-m", "hello_world"],
        cwd=node,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "set up\n"
    seconds = time.perf_counter() - begun
    process.terminate()
    process.wait()
    return seconds


def by_peppy(environment: dict[str, str], number: int) -> float:
    begun = time.perf_counter()
    peppy(environment, "node", "run", "hello_world:v1", "-i", f"run_{number}")
    seconds = time.perf_counter() - begun
    peppy(environment, "node", "stop", f"run_{number}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    rounds = 3 if parser.parse_args().quick else 11
    with tempfile.TemporaryDirectory() as place:
        environment = {**os.environ, "PEPPY_HOME": f"{place}/home"}
        environment.pop("VIRTUAL_ENV", None)
        peppy(environment, "node", "init", "hello_world", "--to-dir", place)
        node = Path(place) / "hello_world"
        (node / "src/hello_world/__main__.py").write_text(SOURCE)
        try:
            peppy(environment, "node", "add", "-sb", ".", cwd=node)
            uv = Path(sys.executable).parent / "uv"
            subprocess.run([uv, "sync", "-q"], cwd=node, env=environment, check=True)
            hand: list[float] = []
            ours: list[float] = []
            for number in range(rounds):
                hand.append(by_hand(node, environment))
                ours.append(by_peppy(environment, number))
        finally:
            peppy(environment, "service", "stop")
    a, b = statistics.median(hand), statistics.median(ours)
    print(f"{'by hand, until setup':32} {a * 1000:8.0f} ms")
    print(f"{'peppy node run, whole command':32} {b * 1000:8.0f} ms   {b / a:5.2f} x")


if __name__ == "__main__":
    main()
