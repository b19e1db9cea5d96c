"""Git repositories on the disk, as a person makes them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from peppy.schema.sources import GitSource

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


class Repository:
    """A repository with a work tree, and a person who works in it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "--quiet", "--template=", "-b", "main")

    def git(self, *words: str, data: bytes = b"") -> str:
        """Run git in it and return what it prints."""
        done = subprocess.run(
            ["git", *words], cwd=self.top, env=ENVIRONMENT, input=data, capture_output=True
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
