"""The control plane's vocabulary: what the command line, nodes and tests may ask of the daemon.

In the daemon's process these travel by reference, between processes as MessagePack. An order is
imperative, a question asks, a view is what comes back. New fields have defaults. How they travel:
`peppy.schema.frames`.
"""

import enum
from typing import Any, Final

import msgspec

from peppy.schema.benchmark import BenchmarkView
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.requests import Request
from peppy.schema.restart import RestartPolicy
from peppy.schema.traffic import TrafficView
from peppy.schema.wire import WireView

IDLE_TIMEOUT: Final = 600.0
"""Seconds without a line of output after which a build or a start is given up (10.1)."""

MAX_TIMEOUT: Final = 3600.0
"""Seconds after which a build or a start is given up whatever it prints (10.1)."""


SAMPLES: Final = 200
WARMUP: Final = 20
PER_SAMPLE_TIMEOUT_MS: Final = 2000.0
"""What `stack benchmark` does unless it is told otherwise (10.1)."""


class Stage(enum.StrEnum):
    """How far a node has come, as tables show it (behaviour.md 11.1)."""

    ADDED = "Added"
    BUILDING = "Building"
    READY = "Ready"
    ROOT = "Root"


class InstanceState(enum.StrEnum):
    """What one instance is doing (behaviour.md 11.1, 11.4)."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"


class Health(enum.StrEnum):
    """What an instance's own event loop says of it."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class InstanceView(msgspec.Struct, frozen=True, kw_only=True):
    """One instance, as it is listed."""

    instance_id: InstanceId
    node: NodeId
    state: InstanceState
    pid: int | None
    """None until the process has started."""
    log: str
    """The absolute path of its run log."""
    started_at: float
    """Seconds since the epoch."""
    ended: str | None = None
    """How it ended, as in `exit code 1` or `signal SIGKILL`; None while it lives."""
    warnings: tuple[str, ...] = ()
    """What it has said that a person should see, the newest last."""
    traffic: TrafficView | None = None
    """What went through its interfaces; None if nobody asked for it, or it did not tell in time."""
    health: Health | None = None
    """None until the first answer, and for what has ended."""
    restart: RestartPolicy = RestartPolicy()
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant."""
    restarts: int = 0
    """How often the policy has had it started again."""
    doing: str | None = None
    """What it does while it stops, as in `running hook 'release_lock', 2.1 s of 5 s`."""
    last_lines: tuple[str, ...] = ()
    """The end of its log, once it has ended."""

    @property
    def is_alive(self) -> bool:
        """Whether it has a process, is about to, or waits until its policy starts it again."""
        over = (InstanceState.FINISHED, InstanceState.FAILED)
        return self.state not in over or self.doing is not None


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the stack."""

    node: NodeId
    stage: Stage
    variant: str
    path: str
    """The snapshot while it is not built, then the artifact; absolute."""
    instances: tuple[InstanceView, ...]
    config_path: str = ""
    """Of the document in the snapshot; empty for the core node."""
    origin: str = ""
    """Where its source came from, exactly; empty for the core node."""


class Edge(msgspec.Struct, frozen=True, order=True):
    """`dependent` consumes something of `dependency`."""

    dependent: NodeId
    dependency: NodeId


class StackView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack; the core node stands first."""

    core_node: str
    nodes: tuple[NodeView, ...]
    dependencies: tuple[Edge, ...]
    missing: tuple[Edge, ...] = ()
    """Dependencies on nodes that have left the stack."""
    changing: bool = False
    """Whether a node is being built, or something has taken hold of the whole stack."""


class InterfaceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One interface of a node, for `node info`."""

    kind: str
    """`emitted topic`, `consumed topic`, `service`, `action` and so on, in the singular."""
    name: str
    qos: str | None = None
    source: str | None = None
    """Where a consumed interface comes from: `name:tag`, or None for any node."""


class NodeInfoView(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a node."""

    row: NodeView
    language: str
    build_cmd: tuple[str, ...]
    run_cmd: tuple[str, ...]
    add_log: str
    build_log: str | None
    exposed: tuple[InterfaceLine, ...]
    consumed: tuple[InterfaceLine, ...]
    parameters: tuple[str, ...]
    """Leaves with their types, as in `video.frame_rate: u16`."""
    dependencies: tuple[NodeId, ...]
    config_sha256: str


class DaemonView(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the daemon that answered."""

    version: str
    core_node: str
    instance_id: InstanceId
    pid: int
    home: str
    host_name: str
    messaging_port: int
    uptime: float
    """Seconds."""
    nodes: int
    """Without the core node."""
    malformed: int = 0
    """Requests over the wire that could not be read."""


class InitView(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh node directory."""

    directory: str
    files: tuple[str, ...]
    """Relative to the directory."""


class SyncView(msgspec.Struct, frozen=True, kw_only=True):
    """Bindings that match their document again."""

    node: NodeId
    directory: str
    bindings: str
    """The absolute path of the generated project."""
    warnings: tuple[str, ...] = ()


class AddView(msgspec.Struct, frozen=True, kw_only=True):
    """A node that is now in the stack."""

    node: NodeId
    log: str
    snapshot: str
    replaced: bool = False
    stopped: tuple[InstanceId, ...] = ()
    warnings: tuple[str, ...] = ()


class BuildView(msgspec.Struct, frozen=True, kw_only=True):
    """A node that can be run."""

    node: NodeId
    log: str
    artifact: str
    seconds: float


class StartView(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that runs: its `setup` has returned."""

    node: NodeId
    instance_id: InstanceId
    pid: int
    log: str
    seconds: float
    """From the request to running."""


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that has ended and left the list."""

    node: NodeId
    instance_id: InstanceId
    forced: bool
    """Whether it had to be killed."""
    ended: str
    """As in `InstanceView.ended`."""
    seconds: float
    doing: str | None = None
    """What it was doing when it was killed, as in `InstanceView.doing`."""


class RemoveView(msgspec.Struct, frozen=True, kw_only=True):
    """A node that has left the stack."""

    node: NodeId
    stopped: tuple[InstanceId, ...] = ()
    warnings: tuple[str, ...] = ()


class ServiceStopView(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon's last word: what it is about to take down."""

    pid: int
    instances: tuple[InstanceId, ...]
    kept: tuple[InstanceId, ...] = ()
    """Those that live on."""


class DescribeDaemon(Request[DaemonView], frozen=True, kw_only=True):
    """Who is there? Also the question by which a client finds out that the daemon is up."""


class ListStack(Request[StackView], frozen=True, kw_only=True):
    """Which nodes are there, how far are they, what runs?"""

    traffic: bool = False
    """Whether each running instance is asked for its counters."""


class DescribeNode(Request[NodeInfoView], frozen=True, kw_only=True):
    """What is known of one node?"""

    node: NodeId
    traffic: bool = False
    """Whether its running instances are asked for their counters."""


class DescribeWire(Request[WireView], frozen=True, kw_only=True):
    """Which topics, services and actions are there, and what do their messages hold?"""


class BenchmarkStack(Request[BenchmarkView], frozen=True, kw_only=True):
    """How long do messages take between the instances that run now?"""

    samples: int = SAMPLES
    """Round trips of each edge, and messages of each topic at the most."""
    warmup: int = WARMUP
    """Round trips before those that count."""
    per_sample_timeout_ms: float = PER_SAMPLE_TIMEOUT_MS
    """A round trip that takes longer ends the measurement of its edge."""


class InitNode(Request[InitView], frozen=True, kw_only=True):
    """Make the directory of a new node."""

    name: str
    toolchain: str = "uv"
    to_dir: str
    """Absolute; the node's directory is made in it."""
    container: bool = False


class SyncNode(Request[SyncView], frozen=True, kw_only=True):
    """Generate a node's bindings from its document."""

    directory: str
    """Absolute."""


class AddNode(Request[AddView], frozen=True, kw_only=True):
    """Put a node into the stack, or replace it there."""

    source: str
    """What `peppy.schema.source_text` reads; a directory is absolute."""
    ref: str | None = None
    """The branch, tag or commit of a git source."""
    variant: str | None = None
    """A variant's name, or what `peppy.schema.source_text` reads."""
    environment: dict[str, str] = {}
    """The caller's, for what fetches from elsewhere."""
    offline: bool = False
    sync: bool = False
    stop_instances: bool = False
    """Consent to stop running instances of the node that it replaces."""
    force: bool = False


class BuildNode(Request[BuildView], frozen=True, kw_only=True):
    """Make a node's artifact by its `build_cmd`."""

    node: NodeId
    environment: dict[str, str] = {}
    idle_timeout: float = IDLE_TIMEOUT
    max_timeout: float = MAX_TIMEOUT
    force: bool = False
    """Give up a build that is under way and begin again."""


class RunNode(Request[StartView], frozen=True, kw_only=True):
    """Start one instance and wait until it runs."""

    node: NodeId
    instance_id: InstanceId | None = None
    """None has one made up."""
    arguments: tuple[str, ...] = ()
    """As typed: `key=value`, with dots for nested groups."""
    values: dict[str, Any] = {}
    """The same as values, nested; what is typed goes before them."""
    environment: dict[str, str] = {}
    idle_timeout: float = IDLE_TIMEOUT
    max_timeout: float = MAX_TIMEOUT
    restart: RestartPolicy = RestartPolicy()
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant; any for the others."""


class StopInstance(Request[StopView], frozen=True, kw_only=True):
    """End one instance."""

    instance_id: InstanceId


class RemoveNode(Request[RemoveView], frozen=True, kw_only=True):
    """Take a node out of the stack."""

    node: NodeId
    stop_instances: bool = False


class StopDaemon(Request[ServiceStopView], frozen=True, kw_only=True):
    """Take everything down and end."""

    keep_nodes: bool = False
    """Whether the instances live on, for the daemon that comes next."""
