"""What a launch file is worth: many nodes at once against the same ones, one after the other.

    python benchmarks/bench_launch.py [--quick]

Small nodes with a `uv sync` each, as `peppy node init` makes them. All but the first depend on
another one, as in a binary tree, so that they start in waves. Each round has homes of its own:

- one after the other: each node is added, built and run before the next one, dependencies first;
- cold: the same nodes in one launch, with nothing built;
- warm: that launch once more, with everything built; it stops what runs and starts it again.

All is asked for on the control socket, so that no start of a command counts. uv's cache is warm for
all of them, for the first build of the run is not counted. A last part changes one line of one node
before the warm launch: one build.
"""

import sys
from pathlib import Path


def main() -> None:
    # Run as a script, Python looks for modules next to this file; they live in the repository.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.launching import command

    command.main()


if __name__ == "__main__":
    main()
