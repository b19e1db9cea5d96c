"""What a topic's quality-of-service profile asks of the wire. Source: behaviour.md 11.3."""

import enum
from typing import Final

import msgspec

from peppy.runtime.transport.port import Delivery


class QoSProfile(enum.Enum):
    """How much a topic's delivery is worth, as node code names it."""

    SensorData = "sensor_data"
    Standard = "standard"
    Reliable = "reliable"
    Critical = "critical"


class Terms(msgspec.Struct, frozen=True):
    """What a profile comes down to."""

    delivery: Delivery
    capacity: int
    """Messages that wait at a consumer before the oldest gives way."""
    gaps_matter: bool
    """Whether a message that was lost is worth a line, not only a number."""


TERMS: Final = {
    QoSProfile.SensorData: Terms(Delivery.DROP, capacity=1024, gaps_matter=False),
    QoSProfile.Standard: Terms(Delivery.STANDARD, capacity=128, gaps_matter=True),
    QoSProfile.Reliable: Terms(Delivery.RELIABLE, capacity=128, gaps_matter=True),
    QoSProfile.Critical: Terms(Delivery.URGENT, capacity=128, gaps_matter=True),
}
"""Each ring gives up its oldest: one consumer that stops asking must not stop the sender."""
