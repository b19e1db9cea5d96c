"""Services of nodes, called by this command; and what calls and goals have in common."""

from typing import Any

import msgspec

from peppy.cli.wire.session import on_the_wire, own_address
from peppy.runtime.plain import PlainCodec
from peppy.runtime.runner import NodeRunner
from peppy.runtime.services import ConsumedService
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Transport
from peppy.schema.errors import PeppyError
from peppy.schema.format_reader import parse_format
from peppy.schema.keys import Address
from peppy.schema.names import Tag
from peppy.schema.wire import Format, ServiceView, WireView

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


class Answer(msgspec.Struct, frozen=True):
    """A message of a server, as the runtime makes it."""

    core_node: str
    instance_id: str
    data: Any = None


def call_service(wire: WireView, call: Call) -> Answered:
    """Return what the service answers.

    Raises `DocumentError` for values that do not fit, before anything is sent, and `CallFailed`.
    """
    view, subject = call.service, f"service '{call.service.name}'"
    request = codec_of(f"{subject}, request", view.request)
    response = codec_of(f"{subject}, response", view.response)
    sent = message_of(request, call.values, subject)
    service = ConsumedService(
        view.node.name,
        view.name,
        view.request,
        None if request is None else request.message,
        view.response,
        None if response is None else response.message,
        Answer,
    )
    address = own_address(wire, None)

    async def work(transport: Transport) -> Answered:
        runner = runner_on(transport, address)
        try:
            answer: Answer | None = await service.poll(
                runner, sent, call.timeout, target_instance_id=call.instance_id
            )
        except FAILURES as error:
            raise CallFailed(error) from None
        finally:
            runner.close()
        if answer is None or response is None:
            return Answered(service=view.name)
        return Answered(
            service=view.name,
            instance_id=answer.instance_id,
            response=response.plain(answer.data),
        )

    return on_the_wire(wire, work)


def runner_on(transport: Transport, address: Address) -> NodeRunner:
    """Return what calls as a node does."""
    return NodeRunner(address, Tag("cli"), transport, CancellationToken())


def codec_of(subject: str, literal: Format | None) -> PlainCodec | None:
    """Return the codec of a format, None where there is none."""
    return None if literal is None else PlainCodec(subject, parse_format(literal))


def message_of(codec: PlainCodec | None, values: dict[str, Any], subject: str) -> Any:
    """Return the message with these values, None where there is no format for one.

    Raises `DocumentError` for values that do not fit.
    """
    if codec is not None:
        codec.encode(values)
        return codec.made(values)
    if values:
        raise PeppyError(f"{subject} takes no values", hint="leave them out")
    return None


def _kind(error: Exception) -> str:
    match error:
        case ConnectionError():
            return "unreachable"
        case TimeoutError():
            return "timeout"
        case _:
            return "refused"
