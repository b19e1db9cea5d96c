"""How a verb asks the daemon."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from peppy.cli.starting import start_daemon
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import (
    ControlClient,
    ControlRefused,
    NoDaemon,
    home_directory,
    socket_path,
)
from peppy.schema.errors import PeppyError
from peppy.schema.requests import Request

A = TypeVar("A")

Timeout = float | Callable[[], float] | None
"""Seconds; a function is asked once the daemon runs. None is as long as it takes."""

QUESTION_TIMEOUT: Final = 30.0
"""Seconds; the daemon answers questions from memory, so one that takes longer is stuck."""


class Aborted(PeppyError):
    """The user does not agree to what it takes."""

    kind = "aborted"

    def __init__(self, verb: str) -> None:
        super().__init__(f"{verb} aborted by user")


def ask(
    request: Request[A],
    terminal: Terminal,
    *,
    timeout: Timeout = None,
    doing: str | None = None,
    verb: str = "command",
) -> A:
    """Return the answer to `request`; start the daemon first if none answers.

    `doing` is shown while a person waits. A request that needs consent is repeated when a person at
    the terminal gives it; raises `Aborted`, naming the `verb`, when that person does not.
    """
    home = home_directory()
    client = ControlClient(socket_path(home))
    try:
        return _ask(client, request, terminal, timeout, doing, verb)
    except NoDaemon:
        start_daemon(home, client, terminal.step)
    return _ask(client, request, terminal, timeout, doing, verb)


def running_daemon() -> ControlClient:
    """Return a client of the daemon, for verbs that never start one."""
    return ControlClient(socket_path(home_directory()))


def _ask(
    client: ControlClient,
    request: Request[A],
    terminal: Terminal,
    timeout: Timeout,
    doing: str | None,
    verb: str,
) -> A:
    try:
        return _call(client, request, terminal, timeout, doing)
    except ControlRefused as refusal:
        consenting = _with_consent(request, refusal.needs)
        if consenting is None or not terminal.interactive:
            raise
        if not terminal.confirm(f"{refusal.sentence}\nStop and go on?"):
            raise Aborted(verb) from None
    return _call(client, consenting, terminal, timeout, doing)


def _call(
    client: ControlClient,
    request: Request[A],
    terminal: Terminal,
    timeout: Timeout,
    doing: str | None,
) -> A:
    seconds = timeout() if callable(timeout) else timeout
    if doing is None:
        return client.call(request, terminal.note, seconds)
    with terminal.waiting(doing):
        return client.call(request, terminal.note, seconds)


def _with_consent(request: Request[A], needs: str | None) -> Request[A] | None:
    """Return `request` with the consent that the daemon asks for; None if it has no such field."""
    if needs is None or getattr(request, needs, True):
        return None
    return msgspec.structs.replace(request, **{needs: True})
