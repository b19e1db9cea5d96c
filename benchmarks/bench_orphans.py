"""How many processes survive the end of the program that has started them: none should.

    python benchmarks/bench_orphans.py [--quick]

Each round starts a program that leaves processes behind in every way there is (in its own group, in
one of theirs, after `setsid`, after a double fork, deaf to SIGTERM, without the environment that
marks them), and ends it in one of the ways there are: asked, killed, by itself, by the death of its
shim, and by another daemon that has adopted it. Prints the survivors. What has no mark is found by
its parents alone, so it is left out where the shim is killed, which was the last of them.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import trio

from peppy.actors.host.home import Home
from peppy.actors.host.ports import CommandLine, HostError, Process
from peppy.actors.host.real import real_host

LEFT = """
import os, signal, subprocess, sys, time
STAY = "import time; time.sleep(1000)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + STAY
TWICE = "import os\\nif os.fork(): os._exit(0)\\nos.setsid()\\nif os.fork(): os._exit(0)\\n" + STAY
def leave(code, **options):
    return subprocess.Popen([sys.executable, "-IS", "-c", code, sys.argv[1]], **options)
leave(STAY)
leave(STAY, process_group=0)
leave(STAY, start_new_session=True)
leave(STAY, start_new_session=True, env=ENVIRONMENT)
leave(DEAF, start_new_session=True)
leave(TWICE).wait()
print("up", flush=True)
time.sleep(END)
"""

KINDS = 6

WAYS = ("asked", "killed", "by itself", "shim killed", "adopted")


def marked(mark: str) -> list[int]:
    """Return the processes whose command line ends with `mark`."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(name))
    return found


async def end(way: str, process: Process, command: CommandLine, home: Home) -> None:
    """End the program in one of the ways; return when its owner is told that it has ended."""
    match way:
        case "asked":
            process.terminate()
        case "killed":
            process.kill()
        case "shim killed":
            stat = Path(f"/proc/{process.pid}/stat").read_text()
            os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
        case "adopted":
            process.release()
            assert command.record is not None
            adopted = await real_host(home).processes.adopt(command.record)
            assert adopted is not None
            process = adopted
            process.kill()
        case _:
            pass
    await process.wait()


async def round_(number: int, place: Path) -> tuple[int, float]:
    """Return the survivors of one round, and how long the end took."""
    way, mark = WAYS[number % len(WAYS)], f"orphan-{os.getpid()}-{number}"
    home = Home(place)
    # A process without the mark in its environment is known by its parents, which die with a shim.
    unmarked = "None" if way == "shim killed" else "{}"
    code = LEFT.replace("END", "0.1" if way == "by itself" else "1000")
    command = CommandLine(
        argv=(sys.executable, "-IS", "-c", code.replace("ENVIRONMENT", unmarked), mark),
        directory=place,
        environment={},
        log=place / "logs" / f"{number}.log",
        token=mark,
        record=place / f"{number}.json",
    )
    process = await real_host(home).processes.start(command)
    await process.lines.receive()
    if len(marked(mark)) < KINDS:
        raise HostError(f"round {number} has not started all that it should")
    begun = time.perf_counter()
    await end(way, process, command, home)
    return len(marked(mark)), time.perf_counter() - begun


async def run(rounds: int, place: Path) -> None:
    survivors, seconds = 0, dict[str, list[float]]()
    for number in range(rounds):
        left, took = await round_(number, place)
        survivors += left > 0
        seconds.setdefault(WAYS[number % len(WAYS)], []).append(took)
    print(f"survivors: in {survivors} of {rounds} rounds")
    for way, took_all in seconds.items():
        print(f"  {way:<12} {statistics.median(took_all) * 1000:7.1f} ms until all have ended")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    rounds = 20 if parser.parse_args().quick else 100
    with tempfile.TemporaryDirectory() as place:
        trio.run(run, rounds, Path(place))


if __name__ == "__main__":
    main()
