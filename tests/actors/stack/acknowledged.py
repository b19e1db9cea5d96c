"""What a robot has been told, and what follows of it: what is certain, and what may be either way.

A request counts from when it was made until it was answered or refused; one whose asker went away,
or whose daemon died, until the end of that daemon. Its effect is certain where it was answered and
nothing that touches the same node or instance overlaps it or comes after it.
"""

from dataclasses import dataclass, field
from math import inf

from peppy.actors.stack.errors import GoingDown
from peppy.actors.stack.messages import TakeDown
from peppy.actors.stack.stack_messages import Requests
from peppy.schema import control
from peppy.schema import launch as launches
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, NodeId, parse_node_id

Whole = launches.ClearStack | launches.RestartStack

Changes = control.AddNode | control.BuildNode | control.RemoveNode


@dataclass(eq=False)
class Operation:
    """One request, and what became of it."""

    request: Requests
    begun: int
    ended: float = inf
    answer: object = None
    error: PeppyError | None = None

    @property
    def may_count(self) -> bool:
        """Whether it has an effect, or may have: one that a daemon is told on its way down."""
        return self.error is None or isinstance(self.error, GoingDown)

    @property
    def node(self) -> NodeId | None:
        """The node that it is about."""
        match self.request:
            case control.AddNode(source=source):
                return parse_node_id(source.rpartition("/")[2].replace("_", ":"))
            case control.BuildNode() | control.RemoveNode() | control.RunNode():
                return self.request.node
            case _:
                return None

    @property
    def instance_id(self) -> InstanceId | None:
        """The instance that it is about."""
        match self.request:
            case control.StopInstance(instance_id=instance_id):
                return instance_id
            case control.RunNode(instance_id=instance_id):
                answer = self.answer
                return answer.instance_id if isinstance(answer, control.StartView) else instance_id
            case _:
                return None

    @property
    def is_of_all(self) -> bool:
        """Whether it is about the whole stack; however it came out, it may have changed all."""
        return isinstance(self.request, launches.Launch | Whole)

    @property
    def may_have_stopped(self) -> bool:
        """Whether instances of its node may be gone: also if it was refused after that."""
        match self.request:
            case control.AddNode() | control.RemoveNode():
                return self.may_count or "no space" in str(self.error)
            case TakeDown():
                return True
            case _:
                return self.is_of_all


@dataclass
class Acknowledged:
    """All that one robot was asked."""

    operations: list[Operation] = field(default_factory=list[Operation])
    _moments: int = 0

    def begin(self, request: Requests) -> Operation:
        """Count a request from now on."""
        self._moments += 1
        operation = Operation(request, self._moments)
        self.operations.append(operation)
        return operation

    def end(self, operation: Operation, answer: object, error: PeppyError | None) -> None:
        """Take note of how it came out."""
        self._moments += 1
        operation.ended, operation.answer, operation.error = self._moments, answer, error

    def daemon_died(self) -> None:
        """Let nothing that is still open have an effect from now on."""
        self._moments += 1
        for operation in self.operations:
            operation.ended = min(operation.ended, self._moments)

    def nodes(self) -> dict[NodeId, Requests]:
        """Return the nodes of which all is known, with the request that made them as they are."""
        mine = [o for o in self.operations if isinstance(o.request, Changes) and o.may_count]
        found: dict[NodeId, Requests] = {}
        for node in {o.node for o in mine if o.node is not None}:
            last = _last([o for o in mine if o.node == node])
            if last is not None and self._stands(last):
                found[node] = last.request
        return found

    def launched(self) -> launches.Launch | None:
        """Return the launch that nothing else overlapped or followed, if it was answered."""
        mine = [o for o in self.operations if not isinstance(o.request, launches.CancelLaunch)]
        last = _last(mine) if mine else None
        return last.request if last and isinstance(last.request, launches.Launch) else None

    def _stands(self, operation: Operation) -> bool:
        """Say whether all that was about the whole stack had ended before it began."""
        others = (o for o in self.operations if o.is_of_all and o is not operation)
        return all(o.ended < operation.begun for o in others)

    def instances(self) -> dict[InstanceId, Operation]:
        """Return the instances of which all is known: the start or the stop that counts."""
        mine = [o for o in self.operations if o.instance_id is not None and o.error is None]
        found: dict[InstanceId, Operation] = {}
        for name in {o.instance_id for o in mine if o.instance_id is not None}:
            last = _last([o for o in mine if o.instance_id == name])
            if last is None or not self._stands(last):
                continue
            stops = [o for o in self.operations if o.may_have_stopped]
            mine_too = [o for o in stops if o.node in (None, last.node)]
            if isinstance(last.request, control.StopInstance) or all(
                o.ended < last.begun for o in mine_too
            ):
                found[name] = last
        return found

    def free(self) -> set[InstanceId]:
        """Return the names of instances that were stopped, and that nobody has asked for since."""
        known = self.instances().items()
        return {name for name, o in known if isinstance(o.request, control.StopInstance)}

    def overlapped(self, operation: Operation) -> bool:
        """Say whether somebody asked for the same instance at the same time."""
        name = operation.instance_id
        others = (o for o in self.operations if o is not operation and o.instance_id == name)
        return any(o.ended > operation.begun for o in others)


def _last(operations: list[Operation]) -> Operation | None:
    """Return the last one if it was answered and all others had ended before it began."""
    last = max(operations, key=lambda o: o.begun)
    others = (o for o in operations if o is not last)
    return last if last.answer is not None and all(o.ended < last.begun for o in others) else None
