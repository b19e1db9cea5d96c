"""A robot of five nodes, launched with one command: `make demo`.

Everything happens in a directory of its own, with a daemon of its own, and is gone afterwards,
also after Ctrl+C.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

ROBOT = Path(__file__).resolve().parent / "robot"

LISTENING = 10.0
"""Seconds for which logs are shown: the arm is sent three ways in seven."""

POLL = 0.1

PRINTED = "[stdout] "
"""What stands in a log before a line that the node has printed."""


class Demo:
    """A peppy of its own, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.robot = directory / "robot"
        self.logs = directory / "home" / "logs" / "run"
        self.environment = {
            **os.environ,
            "PEPPY_HOME": str(directory / "home"),
            "TMPDIR": str(directory),  # uv leaves its locks there
        }

    def peppy(self, *words: str) -> None:
        """Run a command where it can be seen."""
        print(f"\n$ peppy {' '.join(words)}", flush=True)
        with subprocess.Popen(
            [sys.executable, "-m", "peppy", *words],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,  # one stream, so that lines come in their order
            cwd=self.robot,
            env=self.environment,
        ) as process:
            try:
                process.wait()
            except KeyboardInterrupt:
                process.terminate()
                raise
        if process.returncode:
            raise SystemExit(process.returncode)

    def show(self) -> None:
        """Launch the robot, listen to it, and take it down."""
        say("A camera, a brain, an arm, its controller, a recorder: built and started together.")
        self.peppy("stack", "launch", "peppy_launcher.json5", "--yes")

        say("Who takes what from whom.")
        self.peppy("stack", "graph")

        say(f"Somebody walks about with a lamp, and the arm follows: {LISTENING:.0f} seconds.")
        self.follow("the_brain", "the_nervous_system", "the_arm", seconds=LISTENING)

        say("A topic, from outside: where the joints are.")
        self.peppy("topic", "echo", "joint_states", "--once")

        say("A service, from outside: what the camera sends.")
        self.peppy("service", "call", "video_stream_info")

        say("Who needs another stops before it: the arm is parked last, the video is saved.")
        self.peppy("stack", "down", "--yes")
        self.follow("the_memory", "the_arm", seconds=0, last=1)

    def follow(self, *instances: str, seconds: float, last: int | None = None) -> None:
        """Print what instances have printed, or the `last` lines of it, and what they still do."""
        width = max(map(len, instances))
        end = time.monotonic() + seconds
        with contextlib.ExitStack() as stack:
            files = {
                each: stack.enter_context((self.logs / f"{each}.log").open(encoding="utf-8"))
                for each in instances
            }
            while True:
                for name, file in files.items():
                    lines = [line.partition(PRINTED)[2] for line in file]
                    for line in [line for line in lines if line][-(last or len(lines)) :]:
                        print(f"{name:>{width}}: {line}", end="", flush=True)
                if time.monotonic() >= end:
                    return
                time.sleep(POLL)

    def take_down(self) -> None:
        """Stop every instance and the daemon."""
        say("Taking everything down.")
        subprocess.run(
            [sys.executable, "-m", "peppy", "service", "stop"], check=False, env=self.environment
        )


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


def end_like_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, end_like_ctrl_c)
    directory = Path(tempfile.mkdtemp(prefix="peppy-demo-"))
    demo = Demo(directory)
    try:
        shutil.copytree(ROBOT, demo.robot, ignore=shutil.ignore_patterns(".peppy", ".venv"))
        demo.show()
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.take_down()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
