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
from peppy.actors.stack.undertaking_messages import Swap, SwapWritten, UndertakingOver
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
from peppy.schema.launch import (
    CancelLaunch,
    ClearStack,
    Launch,
    LockLaunch,
    PlanLaunch,
    RestartStack,
)

Changes = AddNode | BuildNode | RunNode | RemoveNode | Launch | ClearStack | RestartStack
"""What nobody may ask for while the whole stack is being changed."""

Questions = (
    ListStack
    | DescribeNode
    | DescribeWire
    | BenchmarkStack
    | InitNode
    | SyncNode
    | StopInstance
    | PlanLaunch
    | LockLaunch
    | CancelLaunch
    | TakeDown
)
"""What may be asked for at any time."""

Requests = Questions | Changes

LAST = ListStack | Swap
"""What is heard while all ends, too: that waits for whatever has taken hold of the stack."""

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
    | SwapWritten
    | UndertakingOver
)
Message = Requests | Facts | Swap
