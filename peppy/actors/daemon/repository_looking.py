"""Looking at one repository: it is fetched, what it holds is listed, its launch files are kept."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from peppy.actors.daemon.repository_names import place_of
from peppy.actors.daemon.repository_scan import scan
from peppy.actors.host.ports import Fetching, HostError
from peppy.actors.stack.repository_index import IndexedRepository, files_path
from peppy.actors.stack.site import Site
from peppy.schema.frames import Note
from peppy.schema.repositories_document import RepositorySetting
from peppy.schema.sources import LocalSource, Origin

Tell = Callable[[Note], None]


async def look(
    site: Site, setting: RepositorySetting, environment: Mapping[str, str], tell: Tell
) -> IndexedRepository:
    """Return what a repository holds now, with what is excluded not marked yet.

    Raises `PeppyError` where it cannot be had.
    """
    name, place = setting.name, place_of(setting.source, setting.ref)
    tell(Note(stream="step", text=f"Looking at repository '{name}'"))
    if isinstance(place, LocalSource):
        kept, origin, directory = "", Origin(source=place), Path(place.local)
        if not await site.host.files.exists(directory):
            raise HostError(f"there is no directory '{directory}'")
        found = await scan(site.host.files, directory, name)
    else:
        how = Fetching(note=_with_name(name, tell), environment=environment)
        async with _scratch(site) as scratch:
            origin = await site.host.sources.copy(place, scratch, how)
            found = await scan(site.host.files, scratch, name)
        kept = f"{name}-{hashlib.sha256(str(origin).encode()).hexdigest()[:16]}"
        await site.host.files.write_tree(files_path(site.home) / kept, found.launch_files)
    return IndexedRepository(
        name=name,
        place=place,
        origin=origin,
        refreshed_at=site.host.clock.now(),
        entries=found.entries,
        problems=found.problems,
        files=kept,
    )


async def sweep(site: Site, kept: Collection[str]) -> None:
    """Remove the launch files of what is no longer in the index."""
    for name in await site.host.files.names(files_path(site.home)):
        if name not in kept:
            with suppress(HostError):  # the next refresh removes it
                await site.host.files.remove(files_path(site.home) / name)


@asynccontextmanager
async def _scratch(site: Site) -> AsyncGenerator[Path, None]:
    """Yield a place where nothing lies; nothing lies there afterwards."""
    path = site.home.tmp / f"repository-{site.random.randbytes(6).hex()}"
    try:
        yield path
    finally:
        with trio.CancelScope(shield=True), suppress(HostError):
            await site.host.files.remove(path)


def _with_name(name: str, tell: Tell) -> Tell:
    """Return a listener for a fetch that may be one of several."""

    def told(note: Note) -> None:
        doing = note.stream == "doing"
        tell(Note(stream="doing", text=f"{name}: {note.text}") if doing else note)

    return told
