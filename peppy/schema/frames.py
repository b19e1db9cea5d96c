"""What goes over the control socket: which requests, in which frames.

Each frame is four bytes of length, big-endian, and one MessagePack value: a `Call` from the client,
then any number of `Note` and at last one `Answer` or `Refusal` from the daemon.
"""

from typing import Final

import msgspec

from peppy.schema.control import (
    AddNode,
    BenchmarkStack,
    BuildNode,
    DescribeDaemon,
    DescribeNode,
    DescribeWire,
    InitNode,
    ListStack,
    RemoveNode,
    RunNode,
    StopDaemon,
    StopInstance,
    SyncNode,
)
from peppy.schema.datastore import GetValue, ListValues, RemoveValue, SetValue
from peppy.schema.errors import Problem
from peppy.schema.events import ListEvents
from peppy.schema.launch import (
    CancelLaunch,
    ClearStack,
    Launch,
    LockLaunch,
    PlanLaunch,
    RestartStack,
)
from peppy.schema.repositories import (
    AddRepository,
    ExcludeEntry,
    ListRepositories,
    RefreshRepositories,
    RemoveRepository,
)
from peppy.schema.requests import Request

PROTOCOL: Final = 1
"""Goes up when an old client could misread a new daemon."""

LONGEST_FRAME: Final = 16 * 1024 * 1024
"""Bytes; no answer comes near it, so a longer frame is not ours."""

REQUESTS: Final[dict[str, type[Request[object]]]] = {
    kind.__name__: kind  # type: ignore[misc]  # the answers differ; each call knows its own
    for kind in (
        DescribeDaemon,
        ListStack,
        ListEvents,
        DescribeNode,
        DescribeWire,
        BenchmarkStack,
        InitNode,
        SyncNode,
        AddNode,
        BuildNode,
        RunNode,
        StopInstance,
        RemoveNode,
        StopDaemon,
        GetValue,
        SetValue,
        ListValues,
        RemoveValue,
        PlanLaunch,
        Launch,
        CancelLaunch,
        LockLaunch,
        ClearStack,
        RestartStack,
        ListRepositories,
        AddRepository,
        RemoveRepository,
        RefreshRepositories,
        ExcludeEntry,
    )
}
"""Every request that the socket takes, by the name it has there."""


class Call(msgspec.Struct, frozen=True, tag="call", kw_only=True):
    """A client's question or order; `body` is the request `name` as a map."""

    name: str
    body: msgspec.Raw
    protocol: int = PROTOCOL
    version: str = ""


class Note(msgspec.Struct, frozen=True, tag="note", kw_only=True):
    """A sign of progress: a step of ours, or a line that a build printed."""

    stream: str
    """`step`, `doing` (`peppy.schema.doing`), `log` (a path), `stdout`, `stderr`, `warning`,
    `event` (an `Event` as JSON), or `node`: how far one node of a launch has come."""
    text: str
    node: str | None = None
    """The node of a launch that it is about, as `name:tag`; or its source until that is known."""
    state: str | None = None
    """With `node`: a `peppy.schema.launch.NodeProgress`."""


class Answer(msgspec.Struct, frozen=True, tag="answer", kw_only=True):
    """The view that the request asked for, as a map."""

    body: msgspec.Raw


class Refusal(msgspec.Struct, frozen=True, tag="refusal", kw_only=True):
    """Why there is no answer. `kind` is a stable word that programs may compare."""

    kind: str
    sentence: str
    hint: str | None = None
    problems: tuple[Problem, ...] = ()
    source: str | None = None
    """The document that has the problems."""
    needs: str | None = None
    """The consent that would have let it pass, as in `stop_instances`."""


Frame = Note | Answer | Refusal
