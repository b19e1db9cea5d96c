"""The file `conf/repositories.json5`: which repositories a person has added."""

from collections.abc import Sequence

from peppy.actors.host.home import Home
from peppy.actors.host.ports import Files
from peppy.actors.stack.repository_index import PRIVATE
from peppy.schema.repositories_document import (
    RepositorySetting,
    read_repositories,
    repositories_text,
)


async def load_settings(home: Home, files: Files) -> tuple[RepositorySetting, ...]:
    """Return what a person has added; nothing where there is no file.

    Raises `DocumentError` for a file that has problems, and `HostError` for one that cannot be
    read.
    """
    path = home.repositories
    if not await files.exists(path):
        return ()
    return read_repositories(await files.read(path), str(path))


async def save_settings(home: Home, files: Files, settings: Sequence[RepositorySetting]) -> None:
    """Write them down, keeping what a person wrote beside them. Raises `HostError`."""
    path = home.repositories
    before = (await files.read(path)).decode() if await files.exists(path) else None
    await files.write(path, repositories_text(settings, before).encode(), mode=PRIVATE)
