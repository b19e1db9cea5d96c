"""What it costs that nodes end well, and that the daemon may be killed.

    python benchmarks/bench_lifecycle.py [--quick]

Stop: from the request on the control socket to its answer, for a node that has a hook and a task to
clean up, beside what the node itself takes from the cancellation of its token to its last line of
Python, and beside SIGTERM and `wait` for the same program without a daemon. Adoption: nodes with
the whole runtime; the daemon is killed with SIGKILL, and the next command starts another one.
Then the survivors of `bench_orphans.py`, and how fast seeded schedules of the stack are gone
through (`tests/actors/stack/seeded.py`), in one process and on virtual time.
"""

import sys
from pathlib import Path


def main() -> None:
    # Run as a script, Python looks for modules next to this file; they live in the repository.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.lifecycle import command

    command.main()


if __name__ == "__main__":
    main()
