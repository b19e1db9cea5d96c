"""One repository in the cache: bare, shallow, with a ref for each commit that is whole in it.

`refs/peppy/commits/HASH` marks a commit that can be used without its server, and
`refs/peppy/names/DIGEST` what a branch or tag was when it was last looked up.
"""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import trio

from peppy.actors.host import disk
from peppy.actors.host.files import in_thread
from peppy.actors.host.git_address import Repository
from peppy.actors.host.git_errors import Damaged, GitError, NoRoom, NotShallow, Unserved, meaning
from peppy.actors.host.git_program import GitProgram
from peppy.actors.host.git_refs import (
    Found,
    NoSuchRef,
    by_beginning,
    candidates,
    choose,
    is_abbreviated,
    is_hash,
    parse,
)
from peppy.actors.host.git_run import Limits, Ran, TooMuch, TooSlow, run
from peppy.actors.host.ports import HostError
from peppy.schema.frames import Note
from peppy.schema.wording import quoted

HERE: Final = Limits(idle=600.0, total=600.0)
"""For what needs no network: a large tree on a slow disk takes a minute."""

MOST_PACKS: Final = 32
"""Each fetch adds one, and each object is looked for in all of them."""

OFTEN: Final = 0.25
"""Seconds between two signs of progress."""

_PROGRESS: Final = re.compile(
    r"(?:remote: )?(Enumerating|Counting|Compressing|Receiving|Resolving) (objects|deltas): +"
    r"([0-9]{1,3})%"
)
_COMMIT: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\n?")


class CachedRepository:
    """What is cached of one repository, used by one at a time."""

    def __init__(
        self,
        git: GitProgram,
        place: Repository,
        directory: Path,
        limits: Limits,
        note: Callable[[Note], None],
    ) -> None:
        """`directory` is made when something is fetched."""
        self.git = git
        self.place = place
        self.directory = directory
        self._limits = limits
        self._note = note
        self._format = "sha1"
        """What its objects are called by."""

    @property
    def exists(self) -> bool:
        """Whether anything was fetched before."""
        return self.directory.is_dir()

    async def here(self, *words: str, limits: Limits = HERE) -> Ran:
        """Run a git command on what is cached. Raises `Damaged` if git cannot use it at all."""
        ran = await run(
            self.git.words(*words, directory=self.directory),
            self.git.environment | {"GIT_LITERAL_PATHSPECS": "1"},
            self.git.nowhere,
            limits=limits,
        )
        if ran.code not in (0, 1):
            why = meaning(self.place, ran.complaints, ran.code)
            raise why if isinstance(why, NoRoom) else self.damaged()
        return ran

    def damaged(self) -> Damaged:
        """Return that what is cached cannot be used."""
        return Damaged(
            f"what is cached of '{self.place.shown}' is damaged",
            hint="without '--offline' it is fetched again",
        )

    async def has(self, commit: str) -> bool:
        """Say whether a commit is there, whole."""
        return await self._resolved(f"refs/peppy/commits/{commit}") == commit

    async def last(self, ref: str) -> str | None:
        """Return the commit that `ref` was when it was last looked up."""
        return await self._resolved(_name(ref))

    async def _resolved(self, revision: str) -> str | None:
        if not self.exists:
            return None
        words = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        ran = await self.here(*words)
        return ran.output.decode().strip() if _COMMIT.fullmatch(ran.output) else None

    async def look_up(self, ref: str) -> str:
        """Return the commit that `ref` is now at its server, which is then there."""
        listed = await self._list(*candidates(ref))
        found = choose(ref, listed)
        if found is None:
            return await self._look_further(ref)
        return await self._take(ref, found)

    async def _look_further(self, ref: str) -> str:
        """Look among the commits: no branch and no tag has the name."""
        listed = await self._list()
        if not ref:
            raise HostError(
                f"'{self.place.shown}' has no default branch" if listed else
                f"the repository '{self.place.shown}' is empty",
                hint=NoSuchRef(self.place.shown, "", listed).hint,
            )  # fmt: skip
        if is_abbreviated(ref) and listed:
            if found := by_beginning(ref, listed):
                return await self._take(ref, found)
            last = await self.last(ref)
            if last is not None and last.startswith(ref.lower()):
                return last
            await self._fetch_everything()
            if commit := await self._begins(ref):
                return await self._keep(commit, ref)
        raise NoSuchRef(self.place.shown, ref, listed)

    async def fetch_commit(self, commit: str) -> str:
        """Fetch one commit by its whole hash; return that, in lower case."""
        commit = commit.lower()
        self._format = _format(commit)
        try:
            await self._fetch(f"+{commit}:{_name(commit)}", shallow=True)
        except (Unserved, Damaged, NotShallow):
            # Not every server gives a commit by itself, and some say so in words of their own.
            await self._fetch_everything()
        found = await self._resolved(commit)
        if found is None:
            raise NoSuchRef(self.place.shown, commit, ())
        return await self._keep(found, commit)

    async def _begins(self, ref: str) -> str | None:
        ran = await self.here("rev-parse", f"--disambiguate={ref.lower()}")
        found: set[str] = set()
        for line in ran.output.split():
            if (commit := await self._resolved(line.decode())) and commit.startswith(ref.lower()):
                found.add(commit)
        if len(found) > 1:
            raise HostError(
                f"more than one commit of '{self.place.shown}' begins with {quoted(ref)}",
                hint="write more of the hash",
            )
        return found.pop() if found else None

    async def _take(self, ref: str, found: Found) -> str:
        if await self.has(found.commit):
            return await self._keep(found.commit, ref)
        await self._fetch(f"+{found.name}:{_name(ref)}", shallow=True)
        commit = await self.last(ref)
        if commit is None:
            raise HostError(f"{quoted(found.name)} of '{self.place.shown}' is not a commit")
        return await self._keep(commit, ref)

    async def _keep(self, commit: str, ref: str) -> str:
        for name in (f"refs/peppy/commits/{commit}", _name(ref)):
            if await self._resolved(name) != commit:
                await self._clear()
                ran = await self.here("update-ref", name, commit)
                if ran.code:
                    raise self.damaged()
        return commit

    async def _fetch_everything(self) -> None:
        """Fetch all branches and tags, with all that came before."""
        wanted = [f"+refs/{kind}/*:refs/peppy/all/{kind}/*" for kind in ("heads", "tags")]
        await self._fetch(*wanted, shallow=False)

    async def _fetch(self, *wanted: str, shallow: bool) -> None:
        await self._make()
        words = ["fetch", "--no-tags", "--force", "--progress", "--no-recurse-submodules"]
        if shallow:
            words += ["--depth=1"]
        else:
            # What is not shallow cannot be made whole.
            whole = not (self.directory / "shallow").exists()
            words += ["--prune"] if whole else ["--prune", "--unshallow"]
        try:
            await self._reach([*words, "--", self.place.url, *wanted])
        except NotShallow:
            if not shallow:
                raise
            await self._fetch(*wanted, shallow=False)
            return
        packs = self.directory / "objects" / "pack"
        if len(list(packs.glob("*.pack"))) > MOST_PACKS:
            await self.here("repack", "-a", "-d", "-q")

    async def _list(self, *names: str) -> dict[str, str]:
        """Return what the server has of these names, or all its branches and tags."""
        what = [*names, *(f"{name}^{{}}" for name in names)] if names else []
        which = [] if names else ["--heads", "--tags"]
        ran = await self._reach(["ls-remote", "--quiet", *which, "--", self.place.url, *what])
        listed = parse(ran.output)
        for commit in listed.values():
            self._format = _format(commit)
        return listed

    async def _reach(self, words: Sequence[str]) -> Ran:
        """Run a git command that reaches the repository's server."""
        fetches = words[0] == "fetch"
        before = _size(self.directory) if fetches else 0

        def check() -> HostError | None:
            more = _size(self.directory) - before
            room = self._limits.room
            return TooMuch(f"it has more than {room >> 20} MiB") if more > room else None

        shown = f"'{self.place.shown}'"
        directory = self.directory if self.exists else self.git.nowhere
        try:
            ran = await run(
                self.git.reaching(self.place, words, directory),
                await self.git.environment_for(self.place),
                self.git.nowhere,
                limits=self._limits,
                on_line=_Progress(shown, self._note).take,
                check=check if fetches else None,
                watched=True,
            )
        except (TooSlow, TooMuch) as error:
            raise HostError(f"gave up on fetching {shown}: {error}", hint=error.hint) from error
        if ran.code != 0:
            raise meaning(self.place, ran.complaints, ran.code)
        return ran

    async def _make(self) -> None:
        """Make it if it is not there, and clear away what a killed git has left."""
        if not self.exists:
            await in_thread("make", self.directory, self._prepare)
            words = ["init", "--quiet", "--bare", "--template="]
            if self._format != "sha1":
                words.append(f"--object-format={self._format}")
            ran = await run(
                self.git.words(*words, "--", str(self.directory)),
                self.git.environment,
                self.git.nowhere,
            )
            if ran.code != 0:
                why = meaning(self.place, ran.complaints, ran.code)
                sentence = f"git cannot make a repository at '{self.directory}'"
                raise why if isinstance(why, NoRoom) else GitError(sentence)
        await self._clear()

    def _prepare(self) -> None:
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.remove(self.directory)  # whatever it is, it is no directory

    async def _clear(self) -> None:
        await in_thread("clear", self.directory, lambda: _clear(self.directory))

    async def throw_away(self) -> None:
        """Forget all of it."""
        await in_thread("remove", self.directory, lambda: disk.remove(self.directory))


class _Progress:
    """Tells how far git is, not too often."""

    def __init__(self, shown: str, note: Callable[[Note], None]) -> None:
        self._shown = shown
        self._note = note
        self._next = 0.0

    def take(self, line: str) -> None:
        found = _PROGRESS.match(line)
        now = trio.current_time()
        if found and now >= self._next:
            self._next = now + OFTEN
            doing = f"{found[1].lower()} {found[2]}"
            text = f"fetching {self._shown}: {doing}, {found[3]} %"
            self._note(Note(stream="doing", text=text))


def _format(commit: str) -> str:
    return "sha1" if len(commit) == 40 else "sha256"


def _name(ref: str) -> str:
    digest = sha256((ref.lower() if is_hash(ref) else ref).encode()).hexdigest()[:32]
    return f"refs/peppy/names/{digest}"


def _size(directory: Path) -> int:
    """Return how many bytes there are of packs, whole or on their way."""
    total = 0
    with suppress(OSError), os.scandir(directory / "objects" / "pack") as entries:
        for entry in entries:
            with suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _clear(directory: Path) -> None:
    """Remove locks and half packs: nobody else works here, and whoever did was killed."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/*.lock", "objects/pack/tmp_*"):
        for path in directory.glob(pattern):
            path.unlink(missing_ok=True)
