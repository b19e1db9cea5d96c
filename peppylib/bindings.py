"""What generated code imports, and nobody else: its shape may change with the generator's."""

from peppy.runtime.binding import Binding
from peppy.runtime.builder import NodeBuilder
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic, EmittedTopic

__all__ = ["Binding", "ConsumedTopic", "EmittedTopic", "NodeBuilder", "NodeRunner"]
