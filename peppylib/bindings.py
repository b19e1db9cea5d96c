"""What generated code imports, and nobody else: its shape may change with the generator's."""

from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.action_server import ActionServer
from peppy.runtime.actions import ConsumedAction, ExposedAction
from peppy.runtime.binding import Binding
from peppy.runtime.builder import NodeBuilder
from peppy.runtime.inlet import Messages
from peppy.runtime.outlet import TopicPublisher
from peppy.runtime.packed import BoolView, Buffer, FloatView, IntView
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.services import ConsumedService, ExposedService
from peppy.runtime.topics import ConsumedTopic, EmittedTopic

__all__ = [
    "ActionServer",
    "Binding",
    "BoolView",
    "Buffer",
    "ConsumedAction",
    "ConsumedService",
    "ConsumedTopic",
    "EmittedTopic",
    "ExposedAction",
    "ExposedService",
    "FiredGoal",
    "FloatView",
    "IntView",
    "Messages",
    "NodeBuilder",
    "NodeRunner",
    "QoSProfile",
    "TopicPublisher",
]
