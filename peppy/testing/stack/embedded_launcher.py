"""The launch file of an embedded stack: where it is, and what a test changes in it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from peppy.schema.errors import PeppyError
from peppy.schema.json5 import parse
from peppy.schema.launcher import Launcher
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.sources import LocalSource
from peppy.schema.wording import did_you_mean
from peppy.testing.stack.embedded_disk import LocalOnly, real_file

NAME: Final = "peppy_launcher.json5"
"""What a launch file is called that is a text only."""

Arguments = Mapping[str, Mapping[str, Any]]
"""By instance id: what its node is given beside, or in place of, what the launch file says."""


class NotLaunched(PeppyError):
    """An instance with arguments that the launch file does not have."""

    kind = "not_launched"

    def __init__(self, instance_id: str, known: list[str]) -> None:
        super().__init__(
            f"'{instance_id}' has arguments, and is no instance of the launch file"
            f"{did_you_mean(instance_id, known)}",
            hint=f"its instances: {', '.join(known) or 'none has an id'}",
        )


def read(launcher: str | Path, directory: str | Path | None) -> tuple[Path, bytes]:
    """Return where a launch file is, absolute, and what it says.

    `launcher` is its path, or its text if it has a brace in it; `directory` is then where its local
    sources are looked for, by default the working directory. Raises `HostError`.
    """
    text = str(launcher)
    if "{" in text and not isinstance(launcher, Path):
        return Path(os.path.abspath(directory or Path.cwd())) / NAME, text.encode()
    path = Path(os.path.abspath(launcher if directory is None else Path(directory, launcher)))
    return path, real_file(path).data


def check_sources(path: Path, text: bytes) -> None:
    """Raise `LocalOnly` for a source that no embedded stack can take, `DocumentError` likewise."""
    launcher: Launcher = read_launcher(text, str(path), str(path.parent))
    for each in launcher.deployments:
        if not isinstance(each.wanted.source, LocalSource):
            raise LocalOnly(each.wanted.source)


def with_arguments(path: Path, text: bytes, arguments: Arguments) -> bytes:
    """Return the launch file with these arguments in it. Raises `NotLaunched`."""
    if not arguments:
        return text
    value: Any = parse(text, str(path)).value
    instances = [i for each in value["deployments"] for i in each.get("instances", ())]
    by_id = {i["instance_id"]: i for i in instances if "instance_id" in i}
    for name, given in arguments.items():
        if name not in by_id:
            raise NotLaunched(name, sorted(by_id))
        by_id[name]["arguments"] = _merged(by_id[name].get("arguments", {}), given)
    return json.dumps(value, indent=2).encode()


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with `new` in it, group by group."""
    merged = dict(old)
    for name, value in new.items():
        before: Any = merged.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _merged(cast("Any", before), cast("Any", value))  # noqa: PLW2901
        merged[name] = value
    return merged
