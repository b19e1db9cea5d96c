"""A node's document `peppy.json5` as one whole value. Source: behaviour.md, section 2.

Values only; `peppy.schema.node_reader` makes them from text and reports every problem at once.
"""

import enum

import msgspec

from peppy.schema.formats import Kind, MessageFormat
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.sources import PlacedSource


class Language(enum.StrEnum):
    """What a node is written in."""

    PYTHON = "python"
    RUST = "rust"


class QosProfile(enum.StrEnum):
    """How much a topic's delivery is worth. Source: seed 003, "Topics"."""

    SENSOR_DATA = "sensor_data"
    STANDARD = "standard"
    RELIABLE = "reliable"
    CRITICAL = "critical"


class Variant(msgspec.Struct, frozen=True):
    """Another implementation of the same node."""

    name: Name
    source: PlacedSource


class Dependency(msgspec.Struct, frozen=True):
    """A node that this one consumes from, under the label that its interfaces use for it."""

    node: NodeId
    local_id: str


class Manifest(msgspec.Struct, frozen=True):
    """The node's identity."""

    name: Name
    tag: Tag
    labels: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    depends_on: tuple[Dependency, ...] = ()

    @property
    def id(self) -> NodeId:
        """The node's name and tag."""
        return NodeId(self.name, self.tag)


class EmittedTopic(msgspec.Struct, frozen=True):
    """A topic that the node publishes."""

    name: Name
    qos: QosProfile = QosProfile.STANDARD
    format: MessageFormat | None = None


class LinkedTopic(msgspec.Struct, frozen=True, tag="linked"):
    """A topic of the dependency that `local_id` labels."""

    local_id: str
    name: Name


class ExternalTopic(msgspec.Struct, frozen=True, tag="external"):
    """A topic taken from any node that emits it, in the format given here."""

    name: Name
    format: MessageFormat


ConsumedTopic = LinkedTopic | ExternalTopic


class ExposedService(msgspec.Struct, frozen=True):
    """A service that the node answers; either format may be absent."""

    name: Name
    request: MessageFormat | None = None
    response: MessageFormat | None = None


class Consumed(msgspec.Struct, frozen=True):
    """A service or an action of the dependency that `local_id` labels."""

    local_id: str
    name: Name


class ActionService(msgspec.Struct, frozen=True):
    """The goal or the result half of an action."""

    request: MessageFormat | None = None
    response: MessageFormat | None = None
    qos: QosProfile = QosProfile.RELIABLE


class FeedbackTopic(msgspec.Struct, frozen=True):
    """The progress of an action's goal."""

    format: MessageFormat | None = None
    qos: QosProfile = QosProfile.STANDARD


class ExposedAction(msgspec.Struct, frozen=True):
    """An action that the node carries out."""

    name: Name
    goal: ActionService | None = None
    feedback: FeedbackTopic | None = None
    result: ActionService | None = None


class Interfaces(msgspec.Struct, frozen=True):
    """All that the node emits, exposes and consumes."""

    emits: tuple[EmittedTopic, ...] = ()
    consumes: tuple[ConsumedTopic, ...] = ()
    exposed_services: tuple[ExposedService, ...] = ()
    consumed_services: tuple[Consumed, ...] = ()
    exposed_actions: tuple[ExposedAction, ...] = ()
    consumed_actions: tuple[Consumed, ...] = ()


class ParameterArray(msgspec.Struct, frozen=True, tag="array"):
    """A parameter that is a list of primitives."""

    items: Kind
    length: int | None = None


ParameterValue = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]


class Leaf(msgspec.Struct, frozen=True, tag="leaf"):
    """One parameter; it must be given unless it has a default."""

    kind: Kind | ParameterArray
    default: ParameterValue | None = None


class Group(msgspec.Struct, frozen=True, tag="group"):
    """Parameters under one name."""

    members: "dict[str, Leaf | Group]" = {}


class Mount(msgspec.Struct, frozen=True):
    """A host path that a container sees; `text` is as the document has it."""

    text: str


class Container(msgspec.Struct, frozen=True):
    """How the node runs inside an Apptainer image instead of as a process."""

    def_file: str
    mount_paths: tuple[Mount, ...] = ()
    apptainer_build_extra_args: tuple[str, ...] = ()
    apptainer_run_extra_args: tuple[str, ...] = ()
    lima_shell_extra_args: tuple[str, ...] = ()


class Execution(msgspec.Struct, frozen=True):
    """How the node is built and run: either `run_cmd` or `container` is there."""

    language: Language
    parameters: Group = Group()
    build_cmd: tuple[str, ...] = ()
    run_cmd: tuple[str, ...] = ()
    container: Container | None = None


class NodeDocument(msgspec.Struct, frozen=True):
    """A root node's document: checked, whole, both generations read into one shape.

    `execution` is None only where a variant named `default` supplies it.
    """

    manifest: Manifest
    interfaces: Interfaces
    execution: Execution | None
    sha256: str
    """Lower-case hex SHA-256 of the document's bytes: what the bindings are checked against. Where
    a variant supplies the execution, it is that of the variant's own document."""
    root_sha256: str | None = None
    """That of the root's document, where a variant supplies the execution."""


class VariantDocument(msgspec.Struct, frozen=True):
    """A variant's own document: its execution, and interfaces only to be compared."""

    execution: Execution
    interfaces: Interfaces | None
    sha256: str
    has_manifest: bool = False
    """Whether it says whose it is, which does not count: it is a whole node's, or a mistake."""
