"""What a node answers to its daemon: whether it is well, what it has counted, when it must end."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from peppy.runtime.instance_probes import serve_probes
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys


def serve_instance(runner: NodeRunner, interruption: CancellationToken | None = None) -> None:
    """Answer until the runner is closed; the end cancels the node's token and `interruption`.

    All answers come through the node's own event loop: a loop that stands still is not well.
    """
    _answer(runner, keys.HEALTH_SERVICE, _be_well)
    _answer(runner, keys.SHUTDOWN_SERVICE, lambda _: _shut_down(runner, interruption))
    _answer(runner, keys.FORMATS_SERVICE, runner.mismatches.offered)
    _answer(runner, keys.TRAFFIC_SERVICE, lambda _: msgspec.msgpack.encode(runner.traffic()))
    serve_probes(runner)


def _answer(runner: NodeRunner, service: str, answer: Callable[[bytes], bytes]) -> None:
    def arrived(request: IncomingRequest) -> None:
        with suppress(TransportError):  # who asked has gone, and that ends no node
            request.reply(answer(request.payload))

    runner.exchange.serve(keys.instance_service(runner.address, service), arrived=arrived)


def _be_well(_: bytes) -> bytes:
    """Return nothing: that the loop came here is the answer."""
    return b""


def _shut_down(runner: NodeRunner, interruption: CancellationToken | None) -> bytes:
    runner.cancellation_token().cancel()
    if interruption is not None:
        interruption.cancel()
    return b""
