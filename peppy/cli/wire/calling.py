"""Services of nodes, called by this command; and what calls and goals have in common."""

from typing import Any

import msgspec

from peppy.cli.wire.session import on_the_wire, own_address
from peppy.runtime.plain_ends import PlainService
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Transport
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import Tag
from peppy.schema.wire import ServiceView, WireView

FAILURES = (ConnectionError, TimeoutError, RuntimeError)
"""What the runtime raises where there is no answer, or a bad one (behaviour.md 8.7)."""


class CallFailed(PeppyError):
    """A service or an action did not give what was asked for."""

    def __init__(self, error: Exception) -> None:
        self.kind = _kind(error)
        super().__init__(str(error))


class Call(msgspec.Struct, frozen=True):
    """What is asked, and of whom."""

    service: ServiceView
    values: dict[str, Any]
    instance_id: str | None
    timeout: float
    """Seconds."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a service answered."""

    service: str
    instance_id: str | None = None
    """Who answered; None where the service has no response, so nobody says."""
    response: dict[str, Any] | None = None


def call_service(wire: WireView, call: Call) -> Answered:
    """Return what the service answers.

    Raises `DocumentError` for values that do not fit, before anything is sent, and `CallFailed`.
    """
    service = PlainService(call.service)
    request = service.request(call.values)
    address = own_address(wire, None)

    async def work(transport: Transport) -> Answered:
        runner = runner_on(transport, address)
        try:
            answer = await service.call(runner, request, call.timeout, call.instance_id)
        except FAILURES as error:
            raise CallFailed(error) from None
        finally:
            runner.close()
        return Answered(
            service=call.service.name, instance_id=answer.instance_id, response=answer.values
        )

    return on_the_wire(wire, work)


def runner_on(transport: Transport, address: Address) -> NodeRunner:
    """Return what calls as a node does."""
    return NodeRunner(address, Tag("cli"), transport, CancellationToken())


def _kind(error: Exception) -> str:
    match error:
        case ConnectionError():
            return "unreachable"
        case TimeoutError():
            return "timeout"
        case _:
            return "refused"
