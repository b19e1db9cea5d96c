"""A camera: parameters that differ from instance to instance, a stream, and a service."""

import asyncio
import itertools
import time

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import video_stream
from peppygen.exposed_services import video_stream_info
from peppygen.parameters import Parameters

from uvc_camera.hardware import ENCODING, Sensor


async def film(params: Parameters, node_runner: NodeRunner) -> None:
    """Emit a frame as often as the parameters say."""
    size = params.video.resolution
    sensor = Sensor(size.width, size.height)
    stream = await video_stream.declare_publisher(node_runner)
    clock = asyncio.get_running_loop().time
    due = clock()
    for number in itertools.count():
        now = time.time()
        header = video_stream.MessageHeader(stamp=now, frame_id=number)
        await stream.emit(header, ENCODING, size.width, size.height, sensor.read(now))
        # Counted from the frame that was due, not from now: the rate does not drift.
        due = max(due + 1 / params.video.frame_rate, clock())
        await asyncio.sleep(due - clock())


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    size, rate = params.video.resolution, params.video.frame_rate
    print(f"{params.device_path}: {size.width}x{size.height} at {rate} frames/s")

    def describe(request: video_stream_info.Request) -> video_stream_info.Response:
        print(f"{request.instance_id} asks what there is to see")
        return video_stream_info.Response(
            params.device_path, ENCODING, size.width, size.height, rate
        )

    return [
        asyncio.create_task(film(params, node_runner)),
        asyncio.create_task(video_stream_info.handle_requests(node_runner, describe)),
    ]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
