"""What happens in a stack, as its event log has it: every transition, and every decision."""

import enum

import msgspec

from peppy.schema.names import InstanceId, NodeId
from peppy.schema.requests import Request


class EventKind(enum.StrEnum):
    """What kind of thing has happened."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPED = "daemon_stopped"
    NODE_ADDED = "node_added"
    NODE_BUILT = "node_built"
    NODE_REMOVED = "node_removed"
    STARTED = "started"
    """An instance runs: its `setup` has returned."""
    START_FAILED = "start_failed"
    ADOPTED = "adopted"
    """A new daemon has found an instance that runs on."""
    STOPPED = "stopped"
    """An instance has ended because it was asked to."""
    FORCE_KILLED = "force_killed"
    FINISHED = "finished"
    """An instance has ended by itself, with exit code 0."""
    FAILED = "failed"
    """An instance has ended by itself, otherwise."""
    UNHEALTHY = "unhealthy"
    RECOVERED = "recovered"
    RESTARTING = "restarting"
    """The restart policy has an instance started again, after its back-off."""
    GIVEN_UP = "given_up"
    """The restart policy's limit is reached."""
    LAUNCHED = "launched"
    """A launch file's stack is there, and all of it runs."""
    LAUNCH_FAILED = "launch_failed"
    """A launch was given up; the text says what has become of the stack."""
    BROUGHT_BACK = "brought_back"
    """The stack of before runs again."""
    CLEARED = "cleared"
    """The stack was taken down."""
    WARNING = "warning"
    """A node, or the daemon, has said something that a person should see."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the event log."""

    number: int
    """One more than the entry before it has, over all daemons of a home."""
    at: float
    """Seconds since the epoch."""
    kind: EventKind
    node: NodeId | None = None
    instance_id: InstanceId | None = None
    text: str = ""
    """One line for people."""


class EventsView(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, the oldest first."""

    events: tuple[Event, ...]


class ListEvents(Request[EventsView], frozen=True, kw_only=True):
    """What has happened?

    With `follow` each entry comes as a note whose stream is `event` and whose text is the entry as
    JSON, those of the past first, and no answer comes until the client leaves or the daemon ends.
    """

    since: float | None = None
    """Only what is newer: seconds since the epoch."""
    instance_id: InstanceId | None = None
    limit: int = 1000
    """The newest so many."""
    follow: bool = False
