"""One command line, from its first word to its exit code."""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from cyclopts.exceptions import CycloptsError

from peppy.cli.commands import make_app
from peppy.cli.drawing.failure import Failure, failure_of
from peppy.cli.leaving import Cancelled, Stopped
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage, usage_of
from peppy.schema.errors import PeppyError
from peppy.schema.wording import reason

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
"""What shells report for a program that SIGPIPE ended."""

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
"""What a write gets where nothing more fits; here only the output itself is written."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code (behaviour.md 10)."""
    terminal = Terminal(json=wants_json(arguments))
    try:
        code = _carry_out(arguments, terminal)
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
    except BrokenPipeError:
        _forget_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _forget_output()
        with contextlib.suppress(OSError):
            print(f"Error: cannot write the output: {reason(error)}", file=sys.stderr)
        return EXIT_FAILURE
    return code


def wants_json(arguments: Sequence[str]) -> bool:
    """Say whether `--json` stands among the options, so that even usage errors are JSON."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def wants_list(arguments: Sequence[str]) -> bool:
    """Say whether the verbs are to be listed: in a help page, or for a shell's completion."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    return len(words) < 2 or not {"--help", "-h"}.isdisjoint(arguments)


def _carry_out(arguments: Sequence[str], terminal: Terminal) -> int:
    try:
        make_app(listed=wants_list(arguments))(list(arguments))
    except CycloptsError as error:
        return _fail(terminal, failure_of(usage_of(error)), EXIT_USAGE)
    except Usage as error:
        return _fail(terminal, failure_of(error), EXIT_USAGE)
    except Cancelled as error:
        return _fail(terminal, failure_of(error), EXIT_INTERRUPTED)
    except PeppyError as error:
        return _fail(terminal, failure_of(error), EXIT_FAILURE)
    except Stopped:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        terminal.interrupted()
        return EXIT_INTERRUPTED
    return 0


def _fail(terminal: Terminal, failure: Failure, code: int) -> int:
    terminal.failed(failure)
    return code


def _flush(stream: TextIO | None) -> None:
    """Let what is still buffered fail here, where it is caught, and not at the very end."""
    if stream is not None and not stream.closed:
        stream.flush()


def _forget_output() -> None:
    """Point stdout nowhere: nothing goes there, and the interpreter's last flush would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
