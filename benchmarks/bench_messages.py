"""Messages between two nodes, beside raw zenoh and beside other middlewares.

python benchmarks/bench_messages.py [--quick] [--peers] [--only TEXT] [--reps N] [--json FILE]
"""

import sys
from pathlib import Path


def main() -> None:
    # Run as a script, Python looks for modules next to this file; they live in the repository.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.messages import command

    command.main()


if __name__ == "__main__":
    main()
