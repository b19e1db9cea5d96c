"""What a zenoh session declares on its way out: publishers and announcements."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
import zenoh

from peppy.runtime.transport.delivery import DeclaredPublisher, push_to_all
from peppy.runtime.transport.port import (
    Announcement,
    Delivery,
    Payload,
    Sample,
    TransportError,
)
from peppy.runtime.transport.routes import Routes
from peppy.runtime.transport.shared_memory import THRESHOLD
from peppy.runtime.transport.zenoh_memory import SharedPool


class WireError(TransportError):
    """Zenoh refuses, in its own words."""

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(f"{what}: {error}")


class Terms(msgspec.Struct, frozen=True):
    """What a `Delivery` means to zenoh."""

    congestion: zenoh.CongestionControl
    priority: zenoh.Priority
    express: bool = False


TERMS: Final = {
    Delivery.SENSOR: Terms(zenoh.CongestionControl.DROP, zenoh.Priority.DATA_LOW),
    Delivery.STANDARD: Terms(zenoh.CongestionControl.DROP, zenoh.Priority.DATA),
    Delivery.RELIABLE: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.DATA_HIGH),
    Delivery.URGENT: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.REAL_TIME, express=True),
}


class ZenohPublisher(DeclaredPublisher):
    """A declared zenoh publisher, and the listeners in this process."""

    def __init__(
        self,
        declared: Any,
        key: str,
        local: Routes,
        pool: SharedPool,
        forget: Callable[["ZenohPublisher"], None],
    ) -> None:
        super().__init__(key, forget)
        self._placed = pool.placed
        self._declared = declared  # a zenoh.Publisher, typed by halves
        self._put = declared.put
        self._local = local

    def _hand_over(self, payload: Payload, attachment: bytes) -> None:
        if type(payload) is memoryview:
            payload = payload.tobytes()  # zenoh takes no views
        placed = payload if len(payload) < THRESHOLD else self._placed(payload)
        try:
            self._put(placed, attachment=attachment or None)
        except zenoh.ZError as error:
            raise WireError(f"a message on '{self._key}' cannot be sent", error) from error
        if self._local.sinks and (local := self._local.listening(self._key)):
            push_to_all(local, Sample(self._key, bytes(payload), attachment))

    def matched(self) -> bool:
        """Say whether somebody is known to listen."""
        if self._closed:
            return False
        if self._local.listening(self._key):
            return True
        return bool(self._declared.matching_status.matching)

    def close(self) -> None:
        """Give the declaration back."""
        if not self._closed:
            self.end()
            with contextlib.suppress(zenoh.ZError):
                self._declared.undeclare()

    def end(self) -> None:
        """Take no more messages; for a transport that gives everything back at once."""
        super().close()


class ZenohAnnouncement(Announcement):
    """A zenoh liveliness token."""

    def __init__(self, token: Any, forget: Callable[["ZenohAnnouncement"], None]) -> None:
        self._token = token
        self._forget = forget

    def withdraw(self) -> None:
        """Take it back."""
        token, self._token = self._token, None
        self._forget(self)
        if token is not None:
            with contextlib.suppress(zenoh.ZError):
                token.undeclare()
