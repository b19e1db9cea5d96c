"""The entry of `peppy`."""

import sys

from peppy import VERSION

EXIT_INTERRUPTED = 130
"""What shells report for a program that SIGINT ended."""


def main() -> int:
    """Run the command line that this process was started with; return its exit code.

    What takes time to import is imported after the cheap answers are given.
    """
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"peppy {VERSION}")
        return 0
    try:
        from peppy.cli.run import run

        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
