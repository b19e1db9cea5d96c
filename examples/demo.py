"""Three nodes, built, run and talking: `make demo`.

Everything happens in a directory of its own, with a daemon of its own, and is gone afterwards,
also after Ctrl+C.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

EXAMPLES = Path(__file__).resolve().parent / "hello"

LISTENING = 10.0
"""Seconds for which the receiver's log is shown: three greetings of each sender."""

POLL = 0.1

LOG_LINE = "Log file: "


class Demo:
    """A peppy of its own, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.nodes = directory / "nodes"
        self.environment = {
            **os.environ,
            "PEPPY_HOME": str(directory / "home"),
            "TMPDIR": str(directory),  # uv leaves its locks there
        }

    def peppy(self, *words: str) -> list[str]:
        """Run a command where it can be seen; return what it printed."""
        print(f"\n$ peppy {' '.join(words)}", flush=True)
        lines: list[str] = []
        command = [sys.executable, "-m", "peppy", *words]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # one stream, so that lines come in their order
            text=True,
            cwd=self.nodes,
            env=self.environment,
        ) as process:
            try:
                for line in process.stdout or ():
                    print(line, end="", flush=True)
                    lines.append(line.rstrip("\n"))
            except KeyboardInterrupt:
                process.terminate()
                raise
        if process.returncode:
            raise SystemExit(process.returncode)
        return lines

    def show(self) -> None:
        """Add, build and run the nodes, and listen to one of them."""
        say("A node that greets the world: bindings, build and start in one command.")
        self.peppy("node", "add", "-sr", "hello_world")

        say("A node that greets whom it is told to, run twice.")
        self.peppy("node", "add", "-sr", "hello_world_param", "name=planet")
        self.peppy("node", "run", "hello_world_param:v1", "name=you")

        say("A node that depends on it and hears both.")
        log = last_log(self.peppy("node", "add", "-sr", "hello_receiver"))

        say(f"What it hears, for {LISTENING:.0f} seconds.")
        follow(log, LISTENING)

        say("The stack as it is now.")
        self.peppy("stack", "list")

    def take_down(self) -> None:
        """Stop every instance and the daemon."""
        say("Taking everything down.")
        subprocess.run(
            [sys.executable, "-m", "peppy", "service", "stop"], check=False, env=self.environment
        )


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


def last_log(lines: list[str]) -> Path:
    """Return the log of the last thing that a command has done: of the instance that it started."""
    paths = [line.removeprefix(LOG_LINE) for line in lines if line.startswith(LOG_LINE)]
    return Path(paths[-1])


def follow(log: Path, seconds: float) -> None:
    """Print a log and what is added to it."""
    end = time.monotonic() + seconds
    with log.open(encoding="utf-8") as file:
        while time.monotonic() < end:
            if line := file.readline():
                print(line, end="", flush=True)
            else:
                time.sleep(POLL)


def end_like_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, end_like_ctrl_c)
    directory = Path(tempfile.mkdtemp(prefix="peppy-demo-"))
    demo = Demo(directory)
    try:
        shutil.copytree(EXAMPLES, demo.nodes, ignore=shutil.ignore_patterns(".peppy", ".venv"))
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
