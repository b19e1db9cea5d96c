"""Git repositories on the disk, as a person makes them."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from peppy.actors.host.git_source import GitFetcher
from peppy.actors.host.ports import Fetching
from peppy.schema.frames import Note
from peppy.schema.sources import GitSource, Origin

DOCUMENT = b'{ peppy_schema: "node_v1" }\n'

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": f"test@{what}"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


COUNTING = """#!/bin/sh
for word in "$@"; do
    case "$word" in ls-remote | fetch) echo "$word" >>'{log}' ;; esac
done
exec '{git}' "$@"
"""
"""A git that writes down what reaches a repository."""


class Repository:
    """A repository with a work tree, and a person who works in it."""

    def __init__(self, top: Path, *options: str) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "--quiet", "--template=", "-b", "main", *options)

    def git(self, *words: str, data: bytes = b"") -> str:
        """Run git in it and return what it prints."""
        done = subprocess.run(
            ["git", *words],
            check=False,
            cwd=self.top,
            env=ENVIRONMENT,
            input=data,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, bytes] | None = None) -> str:
        """Commit everything, these files among it; return the commit's hash."""
        for name, data in (files or {}).items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a commit")
        return self.git("rev-parse", "HEAD")

    def blob(self, data: bytes) -> str:
        """Store a file's content."""
        return self.git("hash-object", "-w", "--stdin", data=data)

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """Store a tree of these modes, names and hashes, whatever git thinks of it."""
        raw = b"".join(
            f"{mode} {name}\0".encode() + bytes.fromhex(digest) for mode, name, digest in entries
        )
        return self.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", data=raw)

    def commit_tree(self, tree: str, branch: str = "main") -> str:
        """Commit a tree on a branch."""
        commit = self.git("commit-tree", "-m", "a commit", tree)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def source(self, path: str = "", ref: str = "") -> GitSource:
        """Return a directory of it as a source."""
        return GitSource(str(self.top), path, ref)


class Place:
    """A repository with two nodes, a cache, and how often git reached the repository."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.repository = Repository(top / "hub")
        self.first = self.repository.commit(
            {"camera/peppy.json5": DOCUMENT, "arm/peppy.json5": b"arm", "camera/main.py": b"1"}
        )
        self.cache = top / "cache"
        self.notes: list[Note] = []
        (top / "bin").mkdir()
        git = shutil.which("git")
        assert git is not None
        program = top / "bin" / "git"
        program.write_text(COUNTING.format(log=self.log, git=git))
        program.chmod(0o755)
        self.environment = {"PATH": f"{program.parent}:{ENVIRONMENT['PATH']}"}
        self.fetcher = GitFetcher(self.cache)

    @property
    def log(self) -> Path:
        return self.top / "reached"

    def how(self, pin: Origin | None = None, *, offline: bool = False) -> Fetching:
        note = self.notes.append
        return Fetching(note=note, environment=self.environment, offline=offline, pin=pin)

    async def read(self, ref: str = "", path: str = "camera", *, offline: bool = False) -> str:
        """Return the commit that a ref is."""
        source = self.repository.source(path, ref)
        found = await self.fetcher.read(source, self.how(offline=offline))
        assert found.origin.commit is not None
        return found.origin.commit

    def reached(self) -> list[str]:
        """Return what reached the repository since it was last asked."""
        text = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return text.split()

    def cached(self) -> Path:
        """Return the repository in the cache."""
        (found,) = (path for path in self.cache.iterdir() if path.name != "nowhere")
        return found
