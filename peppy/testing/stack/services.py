"""One service of a stack, as a test calls it."""

from collections.abc import Mapping
from typing import Any, Final

from peppy.runtime.plain_ends import PlainService
from peppy.schema.wire import ServiceView
from peppy.schema.wording import quoted
from peppy.testing.stack.contact import Contact

TIMEOUT: Final = 10.0
"""Seconds for an answer, unless the test says how long."""


class Service:
    """What `LaunchedStack.service` gives; `name` is looked up when something is asked of it."""

    def __init__(self, contact: Contact, name: str) -> None:
        self._contact = contact
        self._name = name
        self._made: tuple[ServiceView, PlainService] | None = None

    async def view(self) -> ServiceView:
        """Return what the documents say of it, and who serves it now."""
        await self._contact.wire()
        return await self._contact.service(self._name)

    async def call(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        timeout: float = TIMEOUT,
        instance: str | None = None,
    ) -> dict[str, Any]:
        """Return what the service answers, by the document's names; empty if it has no response.

        `instance` is the id of the one that is asked; None asks any. `timeout` is in seconds.
        Raises what node code gets: `ServiceUnreachable` (a `ConnectionError`), `ServiceTimeout` (a
        `TimeoutError`) or `ServiceError` (a `RuntimeError`); `DocumentError` for values that do not
        fit; `NotFound` or `Ambiguous`; `UnknownInstance`.
        """
        if instance is not None:
            self._contact.world.names.check_instance(instance)
        service = self._service(await self._contact.service(self._name))
        request = service.request(values or {})
        answer = await service.call(self._contact.runner, request, timeout, instance)
        return answer.values or {}

    def _service(self, view: ServiceView) -> PlainService:
        """Return what calls it, compiled at the first call."""
        if self._made is None or self._made[0] is not view:
            self._made = view, PlainService(view)
        return self._made[1]

    def __repr__(self) -> str:
        return f"<Service {quoted(self._name)} of a stack>"
