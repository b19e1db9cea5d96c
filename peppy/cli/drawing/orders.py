"""What an order has done, in one line (seeds 001, 003 and 004, behaviour.md 10.2)."""

from typing import Final

from peppy.schema.control import (
    AddView,
    BuildView,
    InitView,
    RemoveView,
    StartView,
    StopView,
    SyncView,
)
from peppy.schema.doing import clause
from peppy.schema.wording import counted

_CLEAN: Final = "exit code 0"


def initialised(view: InitView) -> str:
    """Return where the new node is."""
    return f"Initialized node in {view.directory}"


def synced(view: SyncView) -> str:
    """Return where the bindings are."""
    return f"Synced the interfaces of {view.node} to {view.bindings}"


def added(view: AddView) -> str:
    """Return which node is in the stack now."""
    return f"Added node {view.node} to the node stack"


def built(view: BuildView) -> str:
    """Return where the artifact is."""
    return f"Built node {view.node}. Artifact: {view.artifact}"


def started(view: StartView) -> str:
    """Return which instance runs."""
    return f"Started node instance '{view.instance_id}' (pid: {view.pid})"


def stopped(view: StopView) -> str:
    """Return how the instance ended: by itself and well, by itself, or by force."""
    how = " by force" if view.forced else " gracefully" if view.ended == _CLEAN else ""
    return f"Stopped node instance '{view.instance_id}'{how} ({view.ended})"


def force_killed(view: StopView) -> str:
    """Return what to say of an instance that did not stop when it was asked to."""
    during = "" if view.doing is None else f" while {clause(view.doing)}"
    return (
        f"node instance '{view.instance_id}' did not exit within {view.seconds:.0f} s"
        f" and was force-killed{during}"
    )


def published(topic: str, messages: int) -> str:
    """Return what was sent."""
    return f"Published {counted(messages, 'message')} on topic '{topic}'"


def removed(view: RemoveView) -> str:
    """Return which node has left the stack."""
    return f"Removed node {view.node} from the node stack"
