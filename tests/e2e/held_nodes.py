"""Nodes that stand still where a test wants them to: building, setting up, or cleaning up."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.e2e.harness import Peppy, wait_until

# The nodes here run from their bindings as they lie there: what uv does is not in question.
_PROGRAM = """
import asyncio, os, sys
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

async def held(what):
    print(what, flush=True)
    while os.path.exists(os.path.join({holds!r}, what)):
        await asyncio.sleep(0.02)

async def live():
    try:
        await asyncio.sleep(1000)
    finally:
        await held("{name}_cleanup")

async def setup(params, node_runner):
    print(params, flush=True)
    await held("{name}_setup")
    {then}
    return [asyncio.create_task(live())]

NodeBuilder().run(setup)
"""

_BUILD = """#!/bin/sh
echo {name}_build
while [ -e {holds}/{name}_build ]; do sleep 0.05; done
{then}
"""


class HeldNodes:
    """Writes such nodes into a person's work directory, and says where they stand still."""

    def __init__(self, peppy: Peppy) -> None:
        self.peppy = peppy
        self._holds = peppy.work / "holds"
        self._holds.mkdir()

    def hold(self, what: str) -> None:
        """Let a node stand still at `NAME_build`, `NAME_setup` or `NAME_cleanup`."""
        (self._holds / what).touch()

    def let_go(self) -> None:
        """Let every node go on."""
        for path in self._holds.iterdir():
            path.unlink()

    def write(self, name: str, *, then: str = "pass", build: str = "true") -> None:
        """Write a node; `then` is Python at the end of its setup, `build` a shell's last line."""
        directory = self.peppy.work / name
        directory.mkdir()
        script = directory / "build.sh"
        script.write_text(_BUILD.format(name=name, holds=self._holds, then=build))
        script.chmod(0o755)
        (directory / "peppy.json5").write_text(f"""{{
            peppy_schema: "node_v1",
            manifest: {{ name: "{name}", tag: "v1" }},
            execution: {{
                language: "python",
                parameters: {{ room: {{ $type: "string", $default: "none" }} }},
                build_cmd: ["./build.sh"],
                run_cmd: {json.dumps([sys.executable, "program.py"])},
            }},
        }}""")
        text = _PROGRAM.format(name=name, holds=str(self._holds), then=then)
        (directory / "program.py").write_text(text)

    def launcher(self, name: str, nodes: dict[str, list[str]]) -> str:
        """Write a launch file: each instance's room is its name; return its path."""
        deployments = [
            {
                "source": {"local": f"./{node}"},
                "instances": [{"instance_id": i, "arguments": {"room": i}} for i in ids],
            }
            for node, ids in nodes.items()
        ]
        path = self.peppy.work / f"{name}.json5"
        path.write_text(json.dumps({"peppy_schema": "launcher_v1", "deployments": deployments}))
        return str(path)

    def times(self, what: str, instance: str) -> int:
        """Return how often an instance has come there so far."""
        return self.peppy.log_of(instance).count(f"[stdout] {what}\n")

    def until(self, what: str, instance: str, times: int = 1) -> None:
        """Wait until an instance has come there so often."""
        wait_until(lambda: self.times(what, instance) >= times, f"'{instance}' at '{what}'", 30)

    def until_built(self, name: str) -> None:
        """Wait until a node's build stands still."""
        logs = self.peppy.home / "logs" / "build"
        wait_until(
            lambda: any(f"{name}_build\n" in log.read_text() for log in logs.glob(f"{name}_*")),
            f"the build of '{name}'",
            30,
        )


def programs(peppy: Peppy) -> list[str]:
    """Return the working directories of all processes that run a node's program, by name."""
    found: list[str] = []
    for pid in peppy.processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            directory = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        if words[1:2] == [b"program.py"]:
            found.append(directory.name)
    return sorted(found)


def listed(peppy: Peppy) -> dict[str, Any]:
    """Return every instance but the daemon's own, by its id."""
    rows = peppy.json("stack", "list")["nodes"][1:]
    return {view["instance_id"]: view for row in rows for view in row["instances"]}


def node_names(peppy: Peppy) -> list[str]:
    """Return the names of the nodes in the stack."""
    return [row["node"]["name"] for row in peppy.json("stack", "list")["nodes"][1:]]


def is_whole(peppy: Peppy, nodes: list[str], instances: list[str]) -> None:
    """Wait until exactly these run, each once, and nothing else is left of anything."""
    home, names = peppy.home, sorted(instances)

    def whole() -> bool:
        now = listed(peppy)
        return sorted(now) == names and {i["state"] for i in now.values()} <= {"running"}

    wait_until(whole, f"that {names} run", 40)
    assert node_names(peppy) == nodes
    wait_until(lambda: programs(peppy) == names, f"one process of each of {names}")
    for name in names:
        assert f"room='{name}'" in peppy.log_of(name)

    def tidy() -> bool:
        built = sorted(path.name for path in (home / "built_nodes").iterdir())
        return (
            not list((home / "tmp").iterdir())
            and sorted(path.name for path in (home / "instances").iterdir()) == names
            and all(any(name in path.name for name in names) for path in _runtime(home))
            and len(built) == 2 * len(nodes)
            and all(any(name.startswith(f"{node}_v1") for node in nodes) for name in built)
        )

    wait_until(tidy, "that nothing is left over", 10)


def _runtime(home: Path) -> list[Path]:
    return list((home / "runtime").iterdir())
