"""What the daemon tells an instance at its start: the file that `PEPPY_RUNTIME_CONFIG` names.

Source: behaviour.md 7.5. The file is JSON, which is JSON5.
"""

from typing import Any, Final

import msgspec

from peppy.schema.daemon_config import Buffers, Lifecycle, Mode
from peppy.schema.durations import stop_answer_after
from peppy.schema.names import InstanceId, Name, Tag

RUNTIME_CONFIG_VARIABLE: Final = "PEPPY_RUNTIME_CONFIG"
HOME_VARIABLE: Final = "PEPPY_HOME"
PORT_VARIABLE: Final = "PEPPY_MESSAGING_PORT"
STATE_FILE_VARIABLE: Final = "PEPPY_DAEMON_STATE_FILE"
TOKEN_VARIABLE: Final = "PEPPY_INSTANCE_TOKEN"
NODE_NAME_VARIABLE: Final = "PEPPY_NODE_NAME"
NODE_TAG_VARIABLE: Final = "PEPPY_NODE_TAG"

DEFAULT_MESSAGING_HOST: Final = "127.0.0.1"
DEFAULT_MESSAGING_PORT: Final = 7448


class NodeInstance(msgspec.Struct, frozen=True):
    """Which instance this is, and its parameters, checked and complete."""

    instance_id: InstanceId
    arguments: dict[str, Any] = {}


class RuntimeConfig(msgspec.Struct, frozen=True):
    """All that an instance is told."""

    messaging_host: str
    messaging_port: int
    node_name: Name
    node_tag: Tag
    bound_core_node: str
    node_instance: NodeInstance
    lifecycle: Lifecycle = Lifecycle()
    buffers: Buffers = Buffers()
    mode: Mode = Mode.PEER
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant; any for the others."""


class DaemonState(msgspec.Struct, frozen=True):
    """The file `daemon_state.json` in the home directory (behaviour.md 7.1)."""

    core_node_name: str
    daemon_pid: int
    messaging_port: int
    git_hash: str = ""
    stop_answer_secs: float = stop_answer_after()
    """The latest time at which this daemon answers a stop: clients wait longer."""
