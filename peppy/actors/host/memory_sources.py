"""Node sources in a file system in memory."""

from pathlib import Path

import trio

from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.memory_files import Directory, File, MemoryFiles
from peppy.actors.host.ports import HostError
from peppy.actors.host.sources import local


class MemorySources:
    """Takes snapshots of directories that are in memory."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files

    async def fetch(self, source: str, into: Path) -> None:
        """Copy the directory `source` to `into`, without what is left out."""
        await trio.lowlevel.checkpoint()
        files, root = self._files, local(source)
        if not isinstance(files.items.get(root), Directory):
            raise HostError(f"'{root}' is not a directory")
        files.must_be_free("copy", into)
        out: set[Path] = set()
        stays: list[tuple[Path, File | Directory]] = []
        for path, item in files.below(root):
            if not out.isdisjoint(path.parents):
                continue
            match item:
                case Directory() if path != root and is_left_out(path.name, self._names(path)):
                    out.add(path)
                case File() if path.name == ".git":
                    pass
                case File() | Directory():
                    stays.append((path, item))
                case _:
                    pass
        for path, item in stays:
            files.put(into / path.relative_to(root), item)

    def _names(self, directory: Path) -> set[str]:
        return {path.name for path in self._files.items if path.parent == directory}
