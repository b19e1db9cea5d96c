"""A machine with a camera's root and variants on it, here and elsewhere."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from trio.testing import wait_all_tasks_blocked

from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT, ROOT_FINGERPRINT
from peppy.schema import control
from peppy.schema.names import parse_node_id
from tests.actors.stack.embedded import PARTS, Embedded, Player, embedded

CAMERA = parse_node_id("camera:v1")
ROOT = Path("/nodes/camera")
MOCK = ROOT / "variants/mock"
REPO = "https://example.com/nodes.git"
ARCHIVE = "https://example.com/camera.tar.zst"
FRAMES = '{ name: "frames", message_format: { width: "u32", height: "u32" } }'
TURNED = '{ message_format: { height: "u32", width: "u32" }, name: "frames" }'
NARROW = '{ name: "frames", message_format: { width: "u16", height: "u32" } }'
OWN = 'execution: { language: "python", build_cmd: ["builder", "x"], run_cmd: ["player"] }'


class Robot(Embedded):
    """A machine with roots and variants on it."""

    def __init__(self, files: MemoryFiles | None = None) -> None:
        super().__init__({**PARTS, "mock_player": Player(prints=("mock",))}, files)

    @property
    def elsewhere(self) -> dict[str, Path]:
        assert isinstance(self.host.sources, MemorySources)
        return self.host.sources.elsewhere

    def write(self, directory: Path, text: str) -> bytes:
        data = f'{{ peppy_schema: "node_v1", {text} }}'.encode()
        self.files.put(directory / "peppy.json5", File(data))
        return data

    def root(self, variants: str, *, own: str = OWN, at: Path = ROOT) -> bytes:
        return self.write(
            at,
            f'manifest: {{ name: "camera", tag: "v1", variants: [{variants}] }},'
            f" interfaces: {{ topics: {{ emits: [{FRAMES}] }} }}, {own}",
        )

    def variant(self, more: str = "", *, at: Path = MOCK) -> bytes:
        return self.write(
            at,
            'execution: { language: "python", parameters: { rate: { $type: "u8", $default: 3 } },'
            f' build_cmd: ["builder", "x"], run_cmd: ["mock_player"] }}, {more}',
        )

    async def take(self, source: object = ROOT, **more: Any) -> control.AddView:
        return await self.ask(control.AddNode(source=str(source), **more))

    async def info(self) -> control.NodeInfoView:
        await wait_all_tasks_blocked()
        return await self.ask(control.DescribeNode(node=CAMERA))

    def digests(self, directory: Path) -> tuple[str, str | None]:
        """Return what the bindings in a directory were made from."""
        root = directory / BINDINGS / ROOT_FINGERPRINT
        there = self.text(str(root)).strip() if root in self.files.items else None
        return self.text(str(directory / BINDINGS / FINGERPRINT)).strip(), there


@asynccontextmanager
async def cameras() -> AsyncGenerator[Robot, None]:
    robot = Robot()
    async with embedded(machine=robot):
        yield robot


def named(name: str, local: str) -> str:
    return f'{{ name: "{name}", source: {{ local: "{local}" }} }}'


MOCKED = named("mock", "./variants/mock")
