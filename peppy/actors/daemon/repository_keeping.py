"""What is done about repositories: adding, forgetting, looking again; one of these at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import trio
from msgspec.structs import replace

from peppy.actors.daemon.repositories_file import load_settings, save_settings
from peppy.actors.daemon.repository_errors import AlreadyAdded, NoSuchEntry, UnknownRepository
from peppy.actors.daemon.repository_looking import Tell, look, sweep
from peppy.actors.daemon.repository_names import TOP, marked, meant, name_for, place_of
from peppy.actors.host.daemon_log import complain
from peppy.actors.stack.repository_index import (
    BrokenIndex,
    Index,
    IndexedRepository,
    load_index,
    save_index,
)
from peppy.actors.stack.site import Site
from peppy.schema.addresses import without_credentials
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.names import Name, parse_name
from peppy.schema.repositories import (
    AddRepository,
    ExcludeEntry,
    RefreshRepositories,
    RemoveRepository,
    RepositoriesView,
    RepositoryEntry,
    RepositoryView,
)
from peppy.schema.repositories_document import RepositorySetting
from peppy.schema.sources import LocalSource, PlacedSource

AT_ONCE: Final = 4
"""Repositories that are fetched together: more would only share one line."""


class Keeper:
    """The repositories of one home, and what they hold."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._files = site.host.files
        self._turn = trio.Lock()
        """Held while anything is changed."""

    async def listed(self) -> RepositoriesView:
        """Return all repositories, as they were at their last refresh. Raises `PeppyError`."""
        return _views(await self._settings(), await self._index(), {})

    async def add(self, request: AddRepository, tell: Tell) -> RepositoryView:
        """Look at a new repository, and keep it. Raises `PeppyError`; then nothing is kept."""
        async with self._turn:
            settings = await self._settings()
            place = place_of(request.source, request.ref)
            name = _new_name(request.name, place, settings)
            setting = RepositorySetting(name=name, source=request.source, ref=request.ref)
            found = await look(self._site, setting, request.environment, tell)
            if not found.entries:
                what = f"repository '{name}' holds no node and no launch file"
                if isinstance(place, LocalSource) and place.local.endswith(".git"):
                    what += f"; a git repository is written as 'file://{place.local}'"
                tell(Note(stream="warning", text=what))
            others = _without(await self._index(), name)
            await self._keep([*others, found], (*settings, setting))
            return _view(setting, found)

    async def remove(self, request: RemoveRepository) -> RepositoryView:
        """Forget a repository. Raises `UnknownRepository`."""
        async with self._turn:
            settings = await self._settings()
            setting = _named(settings, request.name)
            index = await self._index()
            others = [each for each in settings if each is not setting]
            await self._keep(_without(index, setting.name), others)
            return _view(setting, _known(index).get(setting.name))

    async def refresh(self, request: RefreshRepositories, tell: Tell) -> RepositoriesView:
        """Look again; of what cannot be reached, all that was known stays, and why is said.

        Raises `UnknownRepository`.
        """
        async with self._turn:
            settings = await self._settings()
            wanted = [_named(settings, name) for name in request.names] or settings
            found, failed = await self._look_at(wanted, request.environment, tell)
            known = _known(await self._index()) | found
            index = await self._keep(_remarked(known, settings))
            return _views(settings, index, failed)

    async def exclude(self, request: ExcludeEntry) -> RepositoryView:
        """Pass over one thing, or no longer. Raises `UnknownRepository` or `NoSuchEntry`."""
        async with self._turn:
            settings = await self._settings()
            setting = _named(settings, request.repository)
            known = _known(await self._index())
            changed = _excluding(setting, request, known.get(setting.name))
            after = [changed if each is setting else each for each in settings]
            index = await self._keep(_remarked(known, after), after)
            return _view(changed, _known(index).get(changed.name))

    async def reconcile(self) -> None:
        """Let the index follow the settings, where a daemon was killed between the two."""
        try:
            async with self._turn:
                index = await self._index()
                after = _remarked(_known(index), await self._settings())
                if tuple(after) != index.repositories:
                    await self._keep(after)
        except PeppyError as error:
            complain(error.sentence)

    async def _look_at(
        self, wanted: Iterable[RepositorySetting], environment: Mapping[str, str], tell: Tell
    ) -> tuple[dict[Name, IndexedRepository], dict[Name, str]]:
        """Return what was found in these repositories, and why others could not be reached."""
        found: dict[Name, IndexedRepository] = {}
        failed: dict[Name, str] = {}
        room = trio.Semaphore(AT_ONCE)

        async def look_at(setting: RepositorySetting) -> None:
            async with room:
                try:
                    found[setting.name] = await look(self._site, setting, environment, tell)
                except PeppyError as error:
                    failed[setting.name] = without_credentials(error.sentence)

        async with trio.open_nursery() as nursery:
            for setting in dict.fromkeys(wanted):
                nursery.start_soon(look_at, setting)
        return found, failed

    async def _settings(self) -> tuple[RepositorySetting, ...]:
        return await load_settings(self._site.home, self._files)

    async def _index(self) -> Index:
        """Return the index; where it is damaged, nothing has been looked at yet."""
        try:
            return await load_index(self._site.home, self._files)
        except BrokenIndex as error:
            complain(str(error))
            return Index()

    async def _keep(
        self,
        repositories: Iterable[IndexedRepository],
        settings: Sequence[RepositorySetting] | None = None,
    ) -> Index:
        """Write down what is known, and what a person has changed, if it has. Return the index."""
        site = self._site
        index = Index(repositories=tuple(sorted(repositories, key=lambda each: each.name)))
        with trio.CancelScope(shield=True):  # whoever gives up now would leave a half of it
            if settings is not None:
                await save_settings(site.home, self._files, settings)
            await save_index(site.home, self._files, index)
            await sweep(site, {each.files for each in index.repositories})
        return index


def _new_name(
    wanted: str | None, place: PlacedSource, settings: Sequence[RepositorySetting]
) -> Name:
    """Return the name of a new repository; raise `AlreadyAdded` or `NotAName`."""
    taken = {setting.name: setting for setting in settings}
    for setting in settings:
        if _place(setting) == place:
            raise AlreadyAdded(setting.name, without_credentials(setting.source))
    if wanted is None:
        return name_for(place, taken)
    name = parse_name(wanted, "a repository's name")
    if name in taken:
        raise AlreadyAdded(name, without_credentials(taken[name].source))
    return name


def _place(setting: RepositorySetting) -> PlacedSource | None:
    """Return where a repository lies; None for what somebody has written that is no place."""
    try:
        return place_of(setting.source, setting.ref)
    except PeppyError:
        return None


def _named(settings: Iterable[RepositorySetting], name: str) -> RepositorySetting:
    by_name = {setting.name: setting for setting in settings}
    found = by_name.get(Name(name))
    if found is None:
        raise UnknownRepository(name, by_name)
    return found


def _known(index: Index) -> dict[Name, IndexedRepository]:
    return {each.name: each for each in index.repositories}


def _without(index: Index, name: str) -> list[IndexedRepository]:
    return [each for each in index.repositories if each.name != name]


def _remarked(
    known: Mapping[Name, IndexedRepository], settings: Iterable[RepositorySetting]
) -> list[IndexedRepository]:
    """Return what is known of these repositories, as their settings are now."""
    after: list[IndexedRepository] = []
    for setting in settings:
        each = known.get(setting.name)
        if each is not None and each.place == _place(setting):
            after.append(replace(each, entries=marked(each.entries, setting.exclude)))
    return sorted(after, key=lambda each: each.name)


def _excluding(
    setting: RepositorySetting, request: ExcludeEntry, found: IndexedRepository | None
) -> RepositorySetting:
    """Return a setting that passes over what is meant, or no longer; raise `NoSuchEntry`."""
    entries = () if found is None else found.entries
    chosen = meant(entries, request.entry)
    if not chosen and (request.excluded or request.entry not in setting.exclude):
        there = [name for each in entries for name in (each.name, each.path or TOP)]
        raise NoSuchEntry(setting.name, request.entry, there)
    rest = tuple(
        pattern
        for pattern in setting.exclude
        if pattern != request.entry and not _all_of(meant(entries, pattern), chosen)
    )
    return replace(setting, exclude=(*rest, request.entry) if request.excluded else rest)


def _all_of(some: Sequence[RepositoryEntry], chosen: Sequence[RepositoryEntry]) -> bool:
    """Say whether there are some, and all of them are chosen."""
    return bool(some) and set(some) <= set(chosen)


def _views(
    settings: Iterable[RepositorySetting], index: Index, failed: Mapping[Name, str]
) -> RepositoriesView:
    known = {each.name: each for each in _remarked(_known(index), settings)}
    views = (_view(each, known.get(each.name), failed.get(each.name)) for each in settings)
    return RepositoriesView(
        repositories=tuple(sorted(views, key=lambda view: view.name)),
        ambiguous=Index(repositories=tuple(known.values())).ambiguous(),
    )


def _view(
    setting: RepositorySetting, found: IndexedRepository | None, failed: str | None = None
) -> RepositoryView:
    about = RepositoryView(
        name=setting.name,
        source=without_credentials(setting.source),
        ref=setting.ref,
        failed=failed,
    )
    if found is None:
        return about
    return replace(
        about,
        origin=without_credentials(str(found.origin)),
        refreshed_at=found.refreshed_at,
        entries=found.entries,
        problems=found.problems,
    )
