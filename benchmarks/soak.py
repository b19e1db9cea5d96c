"""An hour of random traffic with killed, stopped and slow nodes: every loss accounted for.

python benchmarks/soak.py [--minutes 60] [--seed N] [--nodes 5] [--long-stops PART] [--no-kills]

Prints each trouble as it is made, each violation as it is seen, and a table. The seed repeats a run
as far as scheduling lets it. Exit code 1 after a violation.
"""

import sys
from pathlib import Path


def main() -> int:
    # Run as a script, Python looks for modules next to this file; they live in the repository.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.soaking import command

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
