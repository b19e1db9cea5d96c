"""What the stack is asked, and what it is told."""

from peppy.actors.stack.messages import Hurry, InstanceLeft, NodeChanged, TakeDown
from peppy.actors.stack.outcomes import (
    AddEnded,
    Done,
    Failed,
    Gone,
    NotWritten,
    RoomMade,
    Staged,
)
from peppy.schema.control import (
    AddNode,
    BenchmarkStack,
    BuildNode,
    DescribeNode,
    DescribeWire,
    InitNode,
    ListStack,
    RemoveNode,
    RunNode,
    StopInstance,
    SyncNode,
)

Requests = (
    ListStack
    | DescribeNode
    | DescribeWire
    | BenchmarkStack
    | InitNode
    | SyncNode
    | AddNode
    | BuildNode
    | RunNode
    | StopInstance
    | RemoveNode
    | TakeDown
)
Facts = (
    NodeChanged
    | InstanceLeft
    | Staged
    | RoomMade
    | NotWritten
    | Gone
    | Done
    | Failed
    | AddEnded
    | Hurry
)
Message = Requests | Facts
