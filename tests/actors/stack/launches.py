"""Launch files on a machine in memory."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peppy.actors.host.memory_files import File
from peppy.schema.launch import Launch
from tests.actors.stack.embedded import Embedded

LAUNCHERS = Path("/launchers")


def deployment(source: Path, *instances: str, **more: Any) -> dict[str, Any]:
    """Return a deployment of a local node, with instances of these names."""
    return {
        "source": {"local": str(source)},
        "instances": [{"instance_id": name, **more} for name in instances],
    }


def write_launcher(
    robot: Embedded, deployments: Sequence[Mapping[str, Any]], name: str = "robot"
) -> str:
    """Lay a launch file out; return its path."""
    path = LAUNCHERS / f"{name}.json5"
    robot.files.put(path, File(json.dumps({"deployments": deployments}).encode()))
    return str(path)


def launch(path: str, *, consent: bool = True, **more: Any) -> Launch:
    """Return the order to launch a file, agreed to."""
    return Launch(launcher=path, clear_stack=consent, **more)
