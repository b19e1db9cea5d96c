"""Addresses of what lies elsewhere: which ones may be used, and how they are shown.

Each rule returns what is wrong with a text, as a sentence, or None: documents, the command line and
whatever fetches say the same. Source: behaviour.md 3; design.md, decision 12.
"""

import re
from typing import Final

import msgspec

from peppy.schema.wording import either, quoted

ARCHIVE_SUFFIXES: Final = (".tar.zst", ".tar.zstd", ".tzst")

ARCHIVE_SCHEMES: Final = ("https", "http")

GIT_SCHEMES: Final = ("https", "http", "ssh", "file")
"""What git is let fetch from: none of them runs a program that the address names."""

_URL: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)
_AUTHORITY: Final = re.compile(
    r"(?:([^@-][^@]*)@)?(\[[0-9A-Fa-f:.]+\]|[^\W_][\w.-]*)(?::[0-9]{1,5})?"
)
_SCP: Final = re.compile(r"[A-Za-z0-9_][\w.-]*@([^\W_][\w.-]*):([^-].*)", re.DOTALL)
"""`git@host:path`, as ssh repositories are mostly written."""

_SCHEME_LEFT_OUT: Final = re.compile(r"\w[\w-]*(\.[\w-]+)+(:[0-9]+)?/([^/]+/)*[^/]*\.git(/.*)?")
"""As in `github.com/me/nodes.git/camera`."""

_BAD_IN_REF: Final = re.compile(r"[~^:?*\[\\]|\.\.|@\{|//")
"""What git itself lets into no branch or tag (`git check-ref-format`)."""

_LONGEST: Final = 4096
"""Characters; what systems and servers take."""

_WORD: Final = re.compile(r"\S+")
_UP_TO_PATH: Final = re.compile(r"[^/?#]*")
_PORT: Final = re.compile(r"\d{0,5}")
_WEB: Final = ("http", "https", "ftp", "ftps")
_WEB_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_AFTER_AN_ADDRESS: Final = "'\"),.;:]"
"""What a sentence has behind an address."""


class Url(msgspec.Struct, frozen=True):
    """The parts of `scheme://authority/path?query#fragment`."""

    scheme: str
    """In lower case."""
    authority: str
    path: str
    """With its first slash, or empty."""
    query: str
    fragment: str


def split_url(text: str) -> Url | None:
    """Return the parts of an address, or None of what has no `://`."""
    found = _URL.fullmatch(text)
    if found is None:
        return None
    scheme, authority, path, query, fragment = found.groups(default="")
    return Url(scheme.lower(), authority, path, query[1:], fragment[1:])


def is_address(text: str) -> bool:
    """Say whether `text` is meant as an address rather than as a path or a name."""
    return not text.startswith(("/", "./", "../")) and ("://" in text or text.startswith("git@"))


def lacks_scheme(text: str) -> bool:
    """Say whether `text` looks like a repository's address without its `https://`.

    A directory may be called so as well: see first whether there is one.
    """
    return text.isprintable() and _SCHEME_LEFT_OUT.fullmatch(text) is not None


def without_credentials(text: str) -> str:
    """Return `text` without the passwords and tokens of the addresses in it, for people to read.

    What stands before the `@` of a web address is left out, as is an ssh address's password; what
    follows the `?` of a web address becomes `…`, since it may be a signature.
    """
    if "://" not in text:
        return text
    return _WORD.sub(lambda word: _without_query(_without_users(word[0])), text)


def _without_users(text: str) -> str:
    last_at = text.rfind("@")
    pieces: list[str] = []
    done = 0
    while (mark := text.find("://", done)) >= 0:
        start = mark + len("://")
        end = _end_of(_UP_TO_PATH, text, start)
        user, at, host = text[start:end].rpartition("@")
        port = host[host.rfind("]") + 1 :].partition(":")[2]
        if not at and last_at > end and not _PORT.fullmatch(port):
            # A password with a slash in it, which no address may have: its start is no port.
            host, end = "", last_at + 1
        if at and not text[max(0, mark - 5) : mark].lower().endswith(_WEB):
            host = f"{user.partition(':')[0]}@{host}"
        pieces += (text[done:start], host)
        done = end
    return "".join((*pieces, text[done:]))


def _without_query(text: str) -> str:
    web = _WEB_ADDRESS.search(text)
    mark = -1 if web is None else text.find("?", web.end())
    if mark < 0:
        return text
    behind = text[len(text.rstrip(_AFTER_AN_ADDRESS)) :]
    fragment = text.find("#", mark)
    return text[: mark + 1] + "…" + (text[fragment:] if fragment >= 0 else behind)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


def shown(text: str) -> str:
    """Return an address, or what should be one, in quotes, short, and without credentials."""
    if len(text) > _LONGEST:
        return quoted(text.partition("://")[0][:20] + "…")
    return quoted(_without_query(_without_users(text)))


def archive_problem(url: str) -> str | None:
    """Say what is wrong with the address of an archive."""
    parts = split_url(url)
    if (
        parts is None
        or _odd(url, spaces=False)
        or parts.scheme not in ARCHIVE_SCHEMES
        or not _AUTHORITY.fullmatch(parts.authority)
        or len(parts.path) < 2
    ):
        return f"{shown(url)} is not an http or https address of a file"
    if not parts.path.endswith(ARCHIVE_SUFFIXES):
        return f"{shown(url)} must end in {either(ARCHIVE_SUFFIXES)}"
    return None


def repository_problem(repo: str) -> str | None:
    """Say what is wrong with the address of a git repository."""
    if repo.startswith("-"):
        return f"{shown(repo)} may not begin with '-'"
    parts = split_url(repo)
    scp = _SCP.fullmatch(repo) if parts is None else None
    here = repo.startswith("/") or (parts is not None and parts.scheme == "file")
    if _odd(repo, spaces=here):
        return f"{shown(repo)} holds a space or a character that cannot be seen"
    if here and parts is None:
        return None
    if parts is None:
        if scp is not None:
            return None
        return (
            f"{shown(repo)} is not the address of a git repository: write 'https://', 'ssh://', "
            "'git@host:path', 'file://' or an absolute path"
        )
    if parts.scheme not in GIT_SCHEMES:
        return (
            f"git repositories are fetched over {either(GIT_SCHEMES)}, not {quoted(parts.scheme)}"
        )
    if parts.scheme == "file":
        right = parts.authority in ("", "localhost") and len(parts.path) > 1
    else:
        right = _AUTHORITY.fullmatch(parts.authority) is not None and len(parts.path) > 1
        right = right and not parts.query and not parts.fragment
    return None if right else f"{shown(repo)} is not the address of a git repository"


def ref_problem(ref: str) -> str | None:
    """Say what is wrong with a branch, tag or commit."""
    if not ref.strip():
        return "an empty text is no branch, tag or commit"
    if ref.startswith("-"):
        # It would reach git as an option.
        return f"{quoted(ref)} may not begin with '-'"
    wrong = _odd(ref, spaces=False) or _BAD_IN_REF.search(ref)
    if wrong or ref.startswith("/") or ref.endswith(("/", ".", ".lock")):
        return f"{quoted(ref)} cannot be a branch, a tag or a commit"
    return None


def inner_problem(path: str) -> str | None:
    """Say what is wrong with a directory within a repository; empty is its top."""
    if path.startswith("/"):
        return f"{quoted(path)} must be relative to the root of the repository"
    if ".." in path.split("/"):
        return f"{quoted(path)} may not leave the repository"
    if _odd(path, spaces=True):
        return f"{quoted(path)} holds a character that cannot be seen"
    return None


def inner_path(path: str) -> str:
    """Return a directory within a repository without `.` and empty parts; empty is the top."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _odd(text: str, *, spaces: bool) -> bool:
    return (
        len(text) > _LONGEST
        or not text.isprintable()
        or (not spaces and any(c.isspace() for c in text))
    )
