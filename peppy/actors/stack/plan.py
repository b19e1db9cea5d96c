"""All that is known of an instance before it starts."""

from pathlib import Path
from typing import Any, Final

import msgspec

from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.restart import RestartPolicy

_PROCESS: Final = "process_"
_RECORD: Final = ".json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one instance that is known before it starts."""

    node: NodeId
    address: Address
    artifact: Path
    directory: Path
    """Where the artifact is laid out: the process's working directory."""
    log: Path
    runtime_config: Path
    run_cmd: tuple[str, ...]
    arguments: dict[str, Any]
    """Checked and complete, as JSON carries them."""
    environment: dict[str, str]
    """The caller's."""
    idle_timeout: float
    max_timeout: float
    started_at: float
    token: str
    record: Path
    """Where its process is recorded, for a daemon that comes later."""
    restart: RestartPolicy = RestartPolicy()
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant."""


def process_record(instance_id: InstanceId) -> str:
    """Return the name of the file in which an instance's process is recorded."""
    return f"{_PROCESS}{instance_id}{_RECORD}"


def is_process_record(name: str) -> bool:
    """Say whether a file's name is one of `process_record`."""
    return name.startswith(_PROCESS) and name.endswith(_RECORD)
