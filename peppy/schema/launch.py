"""What may be asked about launches, and what comes back (behaviour.md 6, 10.1).

A launch first works out everything and touches nothing; then it fetches and builds; then the old
stack is taken down and the new one started; and if that fails, the old one is brought back.
"""

import enum

import msgspec

from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT, Edge, StartView
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.requests import Request


class NodeProgress(enum.StrEnum):
    """How far one node of a launch has come; the `state` of a `node` note."""

    RESOLVING = "resolving"
    FETCHING = "fetching"
    BUILDING = "building"
    BUILT = "built"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"


class PlannedInstance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that a launch would start."""

    instance_id: InstanceId | None
    """None where one will be made up."""
    arguments: dict[str, object]
    """Complete, defaults included."""
    restart: str
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant."""


class PlannedNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node that a launch would put into the stack."""

    node: NodeId
    origin: str
    """Where it comes from, exactly."""
    variant: str
    wave: int
    """Instances of wave 0 start first; those of a wave start together."""
    reused: bool = False
    """Whether the artifact that is there would be taken: nothing of the node has changed."""
    instances: tuple[PlannedInstance, ...]


class LaunchPlanView(msgspec.Struct, frozen=True, kw_only=True):
    """All that a launch would do."""

    launcher: str
    stops: tuple[InstanceId, ...]
    """The live instances that would be stopped, in order."""
    removes: tuple[NodeId, ...]
    """The nodes that would leave the stack."""
    nodes: tuple[PlannedNode, ...]
    """In the order in which they start."""
    dependencies: tuple[Edge, ...]
    warnings: tuple[str, ...] = ()


class LaunchView(msgspec.Struct, frozen=True, kw_only=True):
    """A launch that has been carried out: everything runs."""

    launcher: str
    log: str
    nodes: tuple[NodeId, ...]
    built: tuple[NodeId, ...]
    """Those of them that were built for it."""
    started: tuple[StartView, ...]
    stopped: tuple[InstanceId, ...]
    removed: tuple[NodeId, ...]
    seconds: float
    warnings: tuple[str, ...] = ()


class LockView(msgspec.Struct, frozen=True, kw_only=True):
    """A lock file that was written."""

    launcher: str
    lock: str
    nodes: tuple[NodeId, ...]
    changed: tuple[str, ...] = ()
    """A line for each difference from the lock file that was there before."""


class DownView(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that has been taken down."""

    stopped: tuple[InstanceId, ...]
    """In the order in which they were stopped."""
    removed: tuple[NodeId, ...]


class RestartView(msgspec.Struct, frozen=True, kw_only=True):
    """Instances that have been stopped and started again."""

    started: tuple[StartView, ...]
    seconds: float


class CancelView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was a launch to cancel. What was kept, the launch's own refusal says."""

    cancelled: bool


class PlanLaunch(Request[LaunchPlanView], frozen=True, kw_only=True):
    """What would a launch do? Nothing is touched."""

    launcher: str
    """The absolute path of a launch file, or the bare name of one in a repository."""
    environment: dict[str, str] = {}
    locked: bool = False
    """Whether every source has to come to what the lock file says."""
    frozen: bool = False
    """Whether exactly what the lock file says is taken, wherever branches are now."""
    offline: bool = False
    """Whether only what is cached may be used."""
    lock_file: str | None = None
    """Absolute; None is the one beside the launch file."""
    rebuild: bool = False


class Launch(Request[LaunchView], frozen=True, kw_only=True):
    """Replace the whole stack by the one of a launch file."""

    launcher: str
    environment: dict[str, str] = {}
    locked: bool = False
    frozen: bool = False
    offline: bool = False
    lock_file: str | None = None
    rebuild: bool = False
    """Whether nodes are built that have not changed since they were."""
    rollback: bool = True
    """Whether the former stack is brought back if this one does not come up."""
    clear_stack: bool = False
    """Consent to take the present stack down."""
    token: str = ""
    """Whoever knows it can cancel this launch and no other."""
    add_idle_timeout: float = IDLE_TIMEOUT
    build_idle_timeout: float = IDLE_TIMEOUT
    run_idle_timeout: float = IDLE_TIMEOUT
    max_timeout: float = MAX_TIMEOUT


class CancelLaunch(Request[CancelView], frozen=True, kw_only=True):
    """Give up the launch that is under way: it undoes what it has done, and then says so."""

    token: str = ""
    """Of the launch that is meant; empty for whichever it is."""


class LockLaunch(Request[LockView], frozen=True, kw_only=True):
    """Write down exactly what a launch file resolves to now."""

    launcher: str
    environment: dict[str, str] = {}
    lock_file: str | None = None
    """Absolute; None is beside the launch file."""
    offline: bool = False


class ClearStack(Request[DownView], frozen=True, kw_only=True):
    """Stop every instance, whoever needs another before that one, and empty the stack."""

    keep_nodes: bool = False
    """Whether the nodes stay, added and built."""
    clear_stack: bool = False
    """Consent to stop what runs."""


class RestartStack(Request[RestartView], frozen=True, kw_only=True):
    """Stop every instance, and start the same ones again."""

    clear_stack: bool = False
    """Consent to stop what runs."""
