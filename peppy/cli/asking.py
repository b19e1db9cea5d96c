"""How a verb asks the daemon."""

from collections.abc import Callable
from functools import partial
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

Call = Callable[[ControlClient, Request[A]], A]
"""One request and its answer; raises what `ControlClient.call` raises."""

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
    call: Call[A] | None = None,
) -> A:
    """Return the answer to `request`; start the daemon first if none answers.

    `doing` is shown while a person waits, unless there is a `call`, which asks and shows in a way
    of its own. A request that needs consent is repeated when a person at
    the terminal gives it; raises `Aborted`, naming the `verb`, when that person does not.
    """
    home = home_directory()
    client = ControlClient(socket_path(home))
    if call is None:
        call = partial(_call, terminal, timeout, doing)
    try:
        return _ask(client, request, terminal, verb, call)
    except NoDaemon:
        start_daemon(home, client, terminal.step)
    return _ask(client, request, terminal, verb, call)


def running_daemon() -> ControlClient:
    """Return a client of the daemon, for verbs that never start one."""
    return ControlClient(socket_path(home_directory()))


def _ask(
    client: ControlClient,
    request: Request[A],
    terminal: Terminal,
    verb: str,
    call: Call[A],
) -> A:
    try:
        return call(client, request)
    except ControlRefused as refusal:
        consenting = _with_consent(request, refusal.needs)
        if consenting is None or not terminal.interactive:
            raise
        if not terminal.confirm(f"{refusal.sentence}\nStop and go on?"):
            raise Aborted(verb) from None
    return call(client, consenting)


def _call(
    terminal: Terminal,
    timeout: Timeout,
    doing: str | None,
    client: ControlClient,
    request: Request[A],
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
