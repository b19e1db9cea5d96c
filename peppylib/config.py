"""Names and numbers that tools around nodes rely on. Source: behaviour.md 8.1."""

from typing import Final

from peppy.runtime.document import NODE_CONFIG_FILE
from peppy.runtime.qos import QoSProfile
from peppy.schema.keys import HEALTH_SERVICE, READY_SERVICE, SHUTDOWN_SERVICE
from peppy.schema.runtime_config import DEFAULT_MESSAGING_PORT, RUNTIME_CONFIG_VARIABLE

NODE_HEALTH_SERVICE: Final = HEALTH_SERVICE
NODE_READY_SERVICE: Final = READY_SERVICE
PEPPYGEN_OUTPUT_PATH: Final = ".peppy/libs/peppygen"
"""Where a node's bindings lie, relative to its directory."""
RUNTIME_CONFIG_VAR_NAME: Final = RUNTIME_CONFIG_VARIABLE

__all__ = [
    "DEFAULT_MESSAGING_PORT",
    "NODE_CONFIG_FILE",
    "NODE_HEALTH_SERVICE",
    "NODE_READY_SERVICE",
    "PEPPYGEN_OUTPUT_PATH",
    "RUNTIME_CONFIG_VAR_NAME",
    "SHUTDOWN_SERVICE",
    "QoSProfile",
]
