"""A driver: it starts only if its device is there, and waits for frames without blocking."""

import array
import asyncio
import os

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import depth_image
from peppygen.parameters import Parameters


async def opened(path: str) -> asyncio.StreamReader:
    """Return the device as a stream: a wait for its next frame can be cancelled."""
    reader = asyncio.StreamReader()
    device = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), device)
    return reader


async def film(params: Parameters, node_runner: NodeRunner, device: asyncio.StreamReader) -> None:
    """Emit the device's frames until it has no more."""
    size = params.width * params.height * array.array("f").itemsize
    try:
        while True:
            depths = array.array("f", await device.readexactly(size))
            await depth_image.emit(node_runner, params.width, params.height, depths)
    except asyncio.IncompleteReadError:
        print("no more frames")
    node_runner.cancellation_token().cancel()


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    device = await opened(params.device_path)
    return [asyncio.create_task(film(params, node_runner, device))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
