"""Where a git repository lies: the address that git gets, and the one that people see."""

from hashlib import sha256
from posixpath import normpath
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.addresses import (
    inner_problem,
    ref_problem,
    repository_problem,
    split_url,
    without_credentials,
)
from peppy.schema.sources import GitSource
from peppy.schema.wording import quoted

_PATH_SAFE: Final = "/:@!$&'()*+,;=~ "


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository that git may be sent to."""

    url: str
    """What git is given: without what authenticates, since others may see it in a list of
    processes."""
    shown: str
    """The address for people, and for whatever is kept."""
    scheme: str
    """`https`, `http`, `ssh` or `file`."""
    base: str
    """The scheme and the host of `url`."""
    user: str | None = None
    password: str | None = None
    """Both from a web address."""

    @property
    def key(self) -> str:
        """A name for its place in the cache."""
        return sha256(self.url.encode()).hexdigest()[:32]

    @property
    def schemes(self) -> tuple[str, ...]:
        """Over what it may be fetched: a web server may send git on, but to nothing less safe."""
        return ("http", "https") if self.scheme == "http" else (self.scheme,)

    @property
    def is_web(self) -> bool:
        """Whether it is fetched over HTTP."""
        return self.scheme in ("http", "https")


def repository(source: GitSource) -> Repository:
    """Return where a source lies. Raises `HostError` for an address or a ref that git may not get.

    Source: behaviour.md 3; design.md, decision 12.
    """
    if problem := repository_problem(source.repo):
        raise HostError(problem)
    if source.ref and (problem := ref_problem(source.ref)):
        raise HostError(f"the ref {problem}" if problem.startswith("is ") else problem)
    text, shown = source.repo, without_credentials(source.repo)
    parts = split_url(text)
    if parts is None and text.startswith("/"):
        # As a URL it is fetched as from elsewhere: without hard links, and shallow.
        url = f"file://{quote(normpath(text), safe=_PATH_SAFE)}"
        return Repository(url=url, shown=shown, scheme="file", base="file://")
    if parts is None:
        return Repository(url=text, shown=shown, scheme="ssh", base="ssh://")
    if parts.scheme == "file":
        return Repository(url=f"file://{parts.path}", shown=shown, scheme="file", base="file://")
    who, at, host = parts.authority.rpartition("@")
    user, colon, password = who.partition(":")
    if parts.scheme == "ssh":
        # ssh takes no password from an address.
        base = f"ssh://{unchanged(user)}{at}{host}"
        return Repository(url=base + parts.path, shown=shown, scheme="ssh", base=base)
    base = f"{parts.scheme}://{host}"
    return Repository(
        url=base + parts.path,
        shown=shown,
        scheme=parts.scheme,
        base=base,
        user=_secret(user, shown) if at else None,
        password=_secret(password, shown) if colon else None,
    )


def unchanged(user: str) -> str:
    """Return a user's name that ssh cannot take for an option, however it is encoded."""
    if unquote(user).startswith("-"):
        raise HostError(f"the user {quoted(user)} may not begin with '-'")
    return user


def _secret(text: str, shown: str) -> str:
    plain = unquote(text)
    if not plain.isprintable():
        raise HostError(f"the name or the password in the address '{shown}' cannot be printed")
    return plain


def directory_in(source: GitSource, how: Fetching) -> str:
    """Return the directory in the repository that is meant; empty for its top.

    Raises `HostError` if it lies elsewhere.
    """
    problem = inner_problem(source.path)
    if problem is None:
        inner = normpath(f"{source.path or '.'}/{how.inside or '.'}")
        absolute = how.inside.startswith("/") or inner.startswith("/")
        if not absolute and inner != ".." and not inner.startswith("../") and inner.isprintable():
            return "" if inner == "." else inner
        problem = f"{quoted(how.inside)} may not leave the repository"
    raise HostError(problem, hint="name a directory of the repository, without '..'")
