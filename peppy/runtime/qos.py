"""What a topic's quality-of-service profile asks of the wire. Source: behaviour.md 11.3."""

import enum
from typing import Final

import msgspec

from peppy.runtime.transport.port import Delivery
from peppy.schema.daemon_config import HIGH_THROUGHPUT_BUFFER, STANDARD_BUFFER, Buffers


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
    """Messages that wait at a consumer before the oldest gives way, unless that is configured."""
    held_back: bool
    """Whether a sender waits for its consumers (`credit`), so that none of their rings is full."""
    gaps_matter: bool
    """Whether a message that was lost is worth a line, not only a number."""


TERMS: Final = {
    QoSProfile.SensorData: Terms(
        Delivery.SENSOR, HIGH_THROUGHPUT_BUFFER, held_back=False, gaps_matter=False
    ),
    QoSProfile.Standard: Terms(
        Delivery.STANDARD, STANDARD_BUFFER, held_back=False, gaps_matter=True
    ),
    QoSProfile.Reliable: Terms(Delivery.RELIABLE, 65536, held_back=True, gaps_matter=True),
    QoSProfile.Critical: Terms(Delivery.URGENT, 65536, held_back=True, gaps_matter=True),
}
"""The large rings are never full: each of their senders stops far below."""


def capacity_of(qos: QoSProfile, buffers: Buffers) -> int:
    """Return how many messages wait at a consumer of a node that is configured so."""
    match qos:
        case QoSProfile.SensorData:
            return buffers.high_throughput
        case QoSProfile.Standard:
            return buffers.standard
        case QoSProfile.Reliable | QoSProfile.Critical:
            return TERMS[qos].capacity
