"""How a node runs as a plain program, without a daemon. Source: seed 003, "Standalone nodes"."""

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec

from peppy.schema.names import InstanceId, Name, parse_instance_id, parse_name
from peppy.schema.runtime_config import DEFAULT_MESSAGING_HOST

CORE_NODE: Final = "standalone-core"
INSTANCE_ID: Final = InstanceId("standalone")


class StandaloneConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon would have told the node; ignored when the daemon does tell it.

    Each `with_` method returns a changed copy.
    """

    parameters: Any = {}
    host: str = DEFAULT_MESSAGING_HOST
    port: int | None = None
    """None: the port of the daemon of this machine, or the default one."""
    instance_id: InstanceId = INSTANCE_ID
    node_name: Name | None = None
    """None: the name in the node's document."""
    bindings: Mapping[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant; any for the others."""

    def with_parameters(self, parameters: Mapping[str, Any] | object) -> Self:
        """Take parameters as a dict keyed by the document's names, or as `Parameters`."""
        return msgspec.structs.replace(self, parameters=parameters)

    def with_messaging(self, host: str, port: int) -> Self:
        """Meet the other nodes through the router at `host` and `port`."""
        return msgspec.structs.replace(self, host=host, port=port)

    def with_instance_id(self, instance_id: str) -> Self:
        """Be known as `instance_id`; raise `NotAName` if that cannot be one."""
        return msgspec.structs.replace(self, instance_id=parse_instance_id(instance_id))

    def with_node_name(self, node_name: str) -> Self:
        """Be known as a node called `node_name`; raise `NotAName` if that cannot be one."""
        return msgspec.structs.replace(self, node_name=parse_name(node_name, "a node's name"))

    def with_bindings(self, bindings: Mapping[str, str]) -> Self:
        """For the dependency of each label mean this one instance; raise `NotAName` for none."""
        meant = {label: parse_instance_id(instance) for label, instance in bindings.items()}
        return msgspec.structs.replace(self, bindings=meant)
