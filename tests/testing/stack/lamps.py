"""A small stack whose one node a test writes: two lamps, of which one is told how to shine."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from peppy.testing.stack.embedded import EmbeddedStack, embedded_stack

DOCUMENT: Final = """{
    peppy_schema: "node_v1",
    manifest: { name: "lamp", tag: "v1" },
    interfaces: {
        topics: { emits: [{ name: "light", message_format: { level: "u8" } }] },
        services: { exposes: [{ name: "switch", request_message_format: { on: "bool" } }] },
        actions: {
            exposes: [{
                name: "fade",
                goal_service: { request_message_format: { to: "u8" } },
                result_service: { response_message_format: { level: "u8" } },
            }],
        },
    },
    execution: { language: "python", run_cmd: ["python", "-m", "lamp"] },
}"""

LAUNCHER: Final = """{ deployments: [{
    source: { local: "./lamp" },
    instances: [
        { instance_id: "the_lamp" },
        { instance_id: "the_other", env_vars: { LAMP_COLOR: "green", PATH: "/lamps" } },
    ],
}] }"""

HEAD: Final = "from peppygen import NodeBuilder\n"

IDLE: Final = "def setup(params, node_runner): ...\n"


def write(place: Path, code: str) -> None:
    """Write the node, with a `setup` in its code."""
    directory = place / "lamp"
    directory.mkdir(exist_ok=True)
    (directory / "peppy.json5").write_text(DOCUMENT)
    (directory / "lamp.py").write_text(f"{HEAD}{code}\nNodeBuilder().run(setup)\n")


@asynccontextmanager
async def lamps(
    place: Path, code: str = IDLE, launcher: str = LAUNCHER, **how: Any
) -> AsyncGenerator[EmbeddedStack, None]:
    """Write the node below `place`, and launch it."""
    write(place, code)
    async with embedded_stack(launcher, directory=place, **how) as stack:
        yield stack
