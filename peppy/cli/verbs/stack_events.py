"""`peppy stack events`."""

import time
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.events import event as draw
from peppy.cli.leaving import until_stopped
from peppy.cli.moments import moment
from peppy.cli.options import Json, TargetInstance, instance_id
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.events import Event, ListEvents
from peppy.schema.frames import Note

PAST: Final = 1000
"""Events that are shown where nobody says how many."""

PAST_BEFORE_FOLLOWING: Final = 10
"""The same where it is what comes that counts."""


def stack_events(
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Go on with what happens, until Ctrl+C.")
    ] = False,
    since: Annotated[
        str | None,
        Parameter(name="--since", help="Only what is newer than 10m, 2h, an ISO time, or seconds."),
    ] = None,
    instance: TargetInstance = None,
    lines: Annotated[
        int | None,
        Parameter(
            name=["--lines", "-n"],
            help="So many of the newest (1000; 10 with --follow and without --since).",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what has happened in the stack; with --json each event is an object in its line.

    Example: peppy stack events --since 10m --follow
    """
    if lines is not None and lines < 0:
        raise Usage(f"'--lines' takes a whole number from 0 on, not {lines}")
    if lines is None:
        lines = PAST_BEFORE_FOLLOWING if follow and since is None else PAST
    request = ListEvents(
        since=None if since is None else moment(since, time.time(), "--since"),
        instance_id=instance_id(instance),
        limit=lines,
        follow=follow,
    )
    screen = _Screen(json=json)
    if follow:
        with until_stopped():
            ask(request, screen)
        return
    for event in ask(request, screen, timeout=QUESTION_TIMEOUT).events:
        screen.event(event)


class _Screen(Terminal):
    """A terminal that draws the events among a request's notes."""

    def note(self, note: Note) -> None:
        if note.stream == "event":
            self.event(msgspec.json.decode(note.text, type=Event))
        else:
            super().note(note)

    def event(self, event: Event) -> None:
        self.item(event, draw(event))
