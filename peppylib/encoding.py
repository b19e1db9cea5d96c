"""Moments in seconds and nanoseconds. Source: behaviour.md 8.1."""

from peppy.runtime.timestamps import (
    NANOS_PER_SEC,
    CapnpTimestamp,
    convert_time,
    convert_time_from_capnp,
)

__all__ = ["NANOS_PER_SEC", "CapnpTimestamp", "convert_time", "convert_time_from_capnp"]
