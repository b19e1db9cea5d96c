"""What the daemon answers its nodes over the wire: the datastore, facts about itself, the stack.

Nodes have no way to the control socket. What they may ask is in `peppy.schema.core_services`;
anything else that comes on these keys is refused and counted, and ends nothing.
"""

from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import Any, Final

import msgspec
import trio

from peppy.actors.daemon.control import refusal
from peppy.actors.kernel import Ref
from peppy.actors.stack.site import Site
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.core_services import CORE_SERVICES, LONGEST_REQUEST
from peppy.schema.requests import Request

MALFORMED: Final = "bad_call"
"""The kind of such refusals, as on the control socket."""


class NodeServices:
    """The services of one daemon."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.malformed = 0
        """Requests that could not be read."""

    def __repr__(self) -> str:
        return f"<NodeServices of {self._site.core_node}, {self.malformed} malformed>"

    async def serve(self, daemon: Ref[Any]) -> None:
        """Announce the services and answer as `daemon` does, until cancelled."""
        exchange = self._site.exchange
        async with trio.open_nursery() as nursery:
            with ExitStack() as served:  # closed first: a nursery that ends takes no more
                for name, kinds in CORE_SERVICES.items():
                    key = keys.core_service(self._site.core_node, name)
                    arrived = partial(self._arrived, nursery, daemon, kinds)
                    service = exchange.serve(key, announce=key, arrived=arrived)
                    served.enter_context(closing(service))
                await trio.sleep_forever()

    def _arrived(
        self,
        nursery: trio.Nursery,
        daemon: Ref[Any],
        kinds: dict[str, type[Request[Any]]],
        incoming: IncomingRequest,
    ) -> None:
        try:
            request = _read(incoming, kinds)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self.malformed += 1
            with suppress(TransportError):  # who asked has gone
                incoming.refuse(f"this is not a request: {error}", MALFORMED)
            return
        nursery.start_soon(_answer, incoming, request, daemon)


def _read(incoming: IncomingRequest, kinds: dict[str, type[Request[Any]]]) -> Request[Any]:
    if len(incoming.payload) > LONGEST_REQUEST:
        raise msgspec.ValidationError(f"it has {len(incoming.payload)} bytes")
    kind = kinds.get(incoming.attachment.decode())
    if kind is None:
        raise msgspec.ValidationError(f"this service takes {', '.join(kinds)}")
    request: Request[Any] = msgspec.msgpack.decode(incoming.payload, type=kind)
    return request


async def _answer(incoming: IncomingRequest, request: Request[Any], daemon: Ref[Any]) -> None:
    with suppress(TransportError):  # who asked has gone
        try:
            answer = msgspec.msgpack.encode(await daemon.ask(request))
        except Exception as error:  # whatever it is, the node is told
            told = refusal(error)
            incoming.refuse(told.sentence, told.kind, (told.hint or "").encode())
        else:
            incoming.reply(answer)
