"""What runs a node, by itself. Source: behaviour.md 8.10."""

from peppy.runtime.builder import NodeBuilder
from peppy.runtime.runner import NodeRunner
from peppy.runtime.standalone import StandaloneConfig
from peppy.runtime.token import CancellationToken

__all__ = ["CancellationToken", "NodeBuilder", "NodeRunner", "StandaloneConfig"]
