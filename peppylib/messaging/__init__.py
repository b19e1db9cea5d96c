"""Bytes in, bytes out, without bindings. Source: behaviour.md 8.1.

handle = node_runner.messenger()
await TopicMessenger.emit(handle, core_node, instance_id, node, topic, QoSProfile.Standard, b"...")
"""

from peppy.runtime.messenger import MessengerHandle, TopicMessage
from peppy.runtime.messenger_topics import Subscription, TopicMessenger
from peppy.runtime.router import RouterError, ZenohdInstance
from peppylib.messaging import actions, services

__all__ = [
    "MessengerHandle",
    "RouterError",
    "Subscription",
    "TopicMessage",
    "TopicMessenger",
    "ZenohdInstance",
    "actions",
    "services",
]
