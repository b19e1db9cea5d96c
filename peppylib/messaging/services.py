"""Services of bytes. Source: behaviour.md 8.1."""

from peppy.runtime.messenger_services import (
    ServiceEndpoint,
    ServiceMessenger,
    ServiceRequestContext,
)

__all__ = ["ServiceEndpoint", "ServiceMessenger", "ServiceRequestContext"]
