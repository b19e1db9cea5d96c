"""A launch, from the request to its end: how far each node has come, and what Ctrl+C does to it."""

import contextlib
import secrets
from collections.abc import Callable, Generator
from functools import partial
from typing import TypeVar

import msgspec

from peppy.cli.asking import ask
from peppy.cli.drawing.launch_progress import state_line
from peppy.cli.launch_board import Board
from peppy.cli.launch_cancelling import Cancelling
from peppy.cli.leaving import Cancelled
from peppy.cli.style import printable
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import ControlClient, ControlRefused
from peppy.schema.frames import Note
from peppy.schema.launch import Launch, LaunchView
from peppy.schema.requests import Request

A = TypeVar("A")


def launch(request: Launch, terminal: Terminal) -> LaunchView:
    """Carry out a launch and return what it has come to.

    Ctrl+C cancels it: then the daemon says what that leaves, which comes as `Cancelled`. A second
    one raises `KeyboardInterrupt` at once.
    """
    marked = msgspec.structs.replace(request, token=secrets.token_hex(8))
    return ask(marked, terminal, verb="launch", call=partial(_launch, terminal, marked.token))


def resolve(request: Request[A], terminal: Terminal) -> A:
    """Return the answer to a request that looks at the nodes of a launch and touches nothing."""

    def call(client: ControlClient, request: Request[A]) -> A:
        with _watching(terminal) as (heard, well):
            view = client.call(request, heard)
            well()
            return view

    return ask(request, terminal, call=call)


def _launch(
    terminal: Terminal, token: str, client: ControlClient, request: Request[LaunchView]
) -> LaunchView:
    with _watching(terminal) as (heard, well), Cancelling(client, terminal, token) as cancelling:
        try:
            view = client.call(request, heard)
        except ControlRefused as refusal:
            if refusal.needs is not None:
                well()  # nothing has begun; a person may be asked now
            if cancelling.wanted:
                raise Cancelled(refusal) from None
            raise
        well()
        return view


@contextlib.contextmanager
def _watching(
    terminal: Terminal,
) -> Generator[tuple[Callable[[Note], None], Callable[[], None]]]:
    """Give what takes notes, and what is to be called when there is nothing left to show."""
    board = Board()
    if not terminal.lively:
        yield partial(_told, terminal, board), _nothing
        return
    from peppy.cli.launch_screen import Screen  # takes longer to import than a question to answer

    with Screen(board) as screen, terminal.showing(screen):

        def heard(note: Note) -> None:
            if note.node is None:
                terminal.note(note)
                return
            with screen.changing() as rows:
                rows.heard(note, printable(note.text))

        yield heard, screen.leave_nothing


def _told(terminal: Terminal, board: Board, note: Note) -> None:
    """Write a line for each state that a node comes into; what it prints is in its log."""
    if note.node is None:
        terminal.note(note)
        return
    text = printable(note.text)
    state = board.heard(note, text)
    if state is not None:
        terminal.line(state_line(printable(note.node), state, text))


def _nothing() -> None:
    """There is nothing on the screen that could stay."""
