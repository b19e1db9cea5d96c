"""Where a command's text goes.

Results go to stdout; progress, warnings and errors to stderr, so that a pipe carries results only.
With `--json` stdout carries exactly one document, or one in each line of those that come in time;
what would have been a line of a result goes to stderr as progress.
"""

import contextlib
import io
import sys
from collections.abc import Generator, Iterable
from typing import Protocol, TextIO

import msgspec

from peppy.cli.drawing.failure import Failure
from peppy.cli.style import is_terminal, printable, style_for
from peppy.schema.doing import steady
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note


class Sign(Protocol):
    """Something on the screen that says what is under way, and makes room for a line."""

    def add(self, text: str) -> None:
        """Show `text` beside it, in place of what was added before."""
        ...

    def hidden(self) -> contextlib.AbstractContextManager[None]:
        """Take it off the screen for a block."""
        ...


class Terminal:
    """One command's way to its user."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._sign: Sign | None = None
        self._said: set[str] = set()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that cannot show a box or a name shows its code instead of failing.
                stream.reconfigure(errors="backslashreplace")

    def __repr__(self) -> str:
        return f"Terminal(json={self.json})"

    @property
    def interactive(self) -> bool:
        """Whether a question can be put to a person."""
        return not self.json and is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def step(self, text: str) -> None:
        """Say what is being done now; the same words are said once."""
        if text not in self._said:
            self._said.add(text)
            self._write(text, sys.stderr)

    def line(self, text: str) -> None:
        """Say what has just happened, also if the same has happened before."""
        self._write(text, sys.stderr)

    def doing(self, text: str) -> None:
        """Say what is waited for: beside the sign that we wait, or else in a line for each step."""
        if self._sign is None:
            self.step(steady(text))
        else:
            self._sign.add(text)

    def fact(self, text: str) -> None:
        """Give a line of the result; the same words are given once."""
        if text not in self._said:
            self._said.add(text)
            self._write(text, sys.stderr if self.json else sys.stdout)

    def log_file(self, path: str | None) -> None:
        """Name the log to look at, as soon as it is known: what follows may fail."""
        if path is not None:
            self.fact(f"Log file: {path}")

    def warn(self, text: str) -> None:
        """Ask for attention; the same words are said once."""
        if text not in self._said:
            self._said.add(text)
            self._write(f"{style_for(sys.stderr).warning('Warning:')} {text}", sys.stderr)

    def warnings(self, texts: Iterable[str]) -> None:
        """Ask for attention to each of them."""
        for text in texts:
            self.warn(text)

    def note(self, note: Note) -> None:
        """Show a sign of progress from the daemon."""
        text = printable(note.text)
        match note.stream:
            case "log":
                self.log_file(text)
            case "warning":
                self.warn(text)
            case "doing":
                self.doing(text)
            case "stdout" | "stderr":
                self._write(style_for(sys.stderr).faint(text), sys.stderr)
            case _:
                self.step(text)

    def document(self, view: object) -> None:
        """Print the one JSON document of this command."""
        text = msgspec.json.format(msgspec.json.encode(view), indent=2).decode()
        self._write(text, sys.stdout)

    def result(self, view: object, text: str) -> None:
        """Print the answer of a question: `text`, or `view` as JSON."""
        if self.json:
            self.document(view)
        else:
            self._write(text, sys.stdout)

    def raw(self, data: bytes) -> None:
        """Print bytes as they are, for a pipe or a file."""
        if sys.stdout is None:
            raise PeppyError("there is no standard output to write to")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def item(self, view: object, text: str) -> None:
        """Print one of many answers that come in time: `text`, or `view` as one line of JSON."""
        if self.json:
            self._write(msgspec.json.encode(view).decode(), sys.stdout)
        else:
            self._write(text, sys.stdout)

    def failed(self, failure: Failure) -> None:
        """Say what went wrong."""
        if self.json:
            self.document({"error": failure})
            return
        style = style_for(sys.stderr)
        self._write(f"{style.error('Error:')} {failure.sentence}", sys.stderr)
        if failure.hint is not None:
            self._write(style.faint(f"  {failure.hint}"), sys.stderr)

    def interrupted(self) -> None:
        """Say that the user has stopped this."""
        self._write("interrupted", sys.stderr)
        if self.json:
            self.document({"error": Failure(kind="interrupted", sentence="interrupted")})

    def confirm(self, question: str) -> bool:
        """Ask a person; anything but yes is no, and so is the end of input."""
        with self._clear():
            while True:
                print(f"{question} [y/n] ", end="", file=sys.stderr, flush=True)
                answer = sys.stdin.readline()
                if not answer:
                    print(file=sys.stderr)
                    return False
                match answer.strip().lower():
                    case "y" | "yes":
                        return True
                    case "n" | "no":
                        return False
                    case _:
                        continue

    @property
    def lively(self) -> bool:
        """Whether what is under way is shown in a place of its own, which changes."""
        return is_terminal(sys.stderr) and style_for(sys.stderr).on

    @contextlib.contextmanager
    def showing(self, sign: Sign) -> Generator[None]:
        """Have `sign`, which is on the screen for this block, make room for every line."""
        self._sign = sign
        try:
            yield
        finally:
            self._sign = None

    @contextlib.contextmanager
    def waiting(self, text: str) -> Generator[None]:
        """Show that something is under way, where a person looks."""
        if not self.lively:
            yield
            return
        from peppy.cli.spinner import Spinner  # takes longer to import than a question to answer

        with Spinner(text) as spinner, self.showing(spinner):
            yield

    @contextlib.contextmanager
    def _clear(self) -> Generator[None]:
        """Take the sign away while something else is written."""
        if self._sign is None:
            yield
            return
        with self._sign.hidden():
            yield

    def _write(self, text: str, stream: TextIO | None) -> None:
        with self._clear():
            print(text, file=stream or sys.stderr, flush=True)
