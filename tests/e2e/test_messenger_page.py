"""Messengers in processes of their own: the program of the page, and a node on its own."""

import subprocess
import sys
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from peppy.runtime.messenger import MessengerHandle
from peppy.runtime.messenger_services import ServiceMessenger
from peppy.runtime.router import ZenohdInstance
from tests.e2e.node_programs import Node
from tests.pages import blocks

pytestmark = [pytest.mark.e2e]

PAGE = "docs/messengers.md"

PATIENCE = 30
"""Seconds that nothing here takes."""

NODE = """
from peppylib import ServiceMessenger

async def setup(params, node_runner):
    me = (node_runner.bound_core_node(), node_runner.bound_instance_id(), node_runner.node_name())
    endpoint = await ServiceMessenger.listen(node_runner.messenger(), *me, "turn")
    port = b"%d" % node_runner.messenger().messaging_port()
    answer = endpoint.handle_next_request(lambda request: request.payload[::-1] + port)
    return [asyncio.create_task(answer)]

NodeBuilder().run(setup)
"""


def test_the_program_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    (program,) = [block for block in blocks(PAGE) if block.file == "messengers.py"]
    (says,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    path = tmp_path / "messengers.py"
    path.write_text(program.text, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (run.stdout, run.stderr) == (says, "")


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_node_on_its_own_is_asked_by_way_of_a_router_in_the_test(
    loop: str, tmp_path: Path
) -> None:
    async def main() -> None:
        with anyio.fail_after(PATIENCE):
            async with await ZenohdInstance.start_ephemeral("127.0.0.1") as router:
                alone = Node(tmp_path, NODE, PEPPY_MESSAGING_PORT=str(router.port))
                try:
                    handle = await MessengerHandle.from_host_port(router.host, router.port)
                    asked = (handle, "core", "ada", "camera", "turn")
                    while not await ServiceMessenger.is_reachable(*asked):
                        await anyio.lowlevel.checkpoint()
                    answer = await ServiceMessenger.poll(
                        *asked, request_payload=b"abc", response_timeout_secs=PATIENCE
                    )
                    assert answer.payload == b"cba%d" % router.port
                    assert (answer.core_node, answer.instance_id) == (
                        "standalone-core",
                        "standalone",
                    )
                    await handle.close()
                finally:
                    alone.process.kill()
                    await anyio.to_thread.run_sync(alone.end)

    anyio.run(main, backend=loop)
