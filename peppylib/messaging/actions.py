"""Actions of bytes. Source: behaviour.md 8.1."""

from peppy.runtime.messenger_actions import (
    ActionCreation,
    ActionGoalHandle,
    ActionMessenger,
    TopicPublisher,
)

__all__ = ["ActionCreation", "ActionGoalHandle", "ActionMessenger", "TopicPublisher"]
