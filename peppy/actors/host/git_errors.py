"""What git's complaints come to, as sentences."""

import re
from collections.abc import Sequence
from typing import Final

from peppy.actors.host.git_address import Repository
from peppy.actors.host.ports import HostError
from peppy.schema.addresses import without_credentials

LONGEST_REASON: Final = 200
"""Characters of what git, or a server, says."""

_PREFIX: Final = re.compile(
    r"^(?:(?:fatal|error|remote|warning|ssh): *)*(?:unable to access '[^']*': *)?", re.IGNORECASE
)


class GitError(HostError):
    """Git cannot do what it was asked for."""


class Unreachable(GitError):
    """A repository that cannot be had now: it is not there, or not for us, or not reached."""


class Unserved(GitError):
    """A server that does not give single commits, or has none of that hash."""


class NotShallow(GitError):
    """A server that gives all or nothing."""


class NoRoom(GitError):
    """A disk that is full."""


class Damaged(GitError):
    """What is cached is no whole repository, or git has failed in a way that nobody knows."""


_SIGN_IN_OVER_WEB: Final = "set up a credential helper of git for its host; it is asked here too"
_SIGN_IN_OVER_SSH: Final = "add a key that the server knows to your SSH agent, with 'ssh-add'"
_SIGN_IN: Final = "sign in"
"""Stands for one of the two."""
_LOOK: Final = "check the address, and whether you may read the repository"
_NETWORK: Final = (
    "check the network; 'node add' and 'stack launch' use what was fetched before, with '--offline'"
)

_MEANINGS: Final[tuple[tuple[str, type[GitError], str, str | None], ...]] = (
    (
        r"dumb http transport does not support|does not support shallow|"
        r"server does not support --?(?:depth|shallow)",
        NotShallow,
        "the server of {place} gives no single commits",
        None,
    ),
    (
        r"host key verification failed|no .* host key is known|"
        r"remote host identification has changed",
        Unreachable,
        "the host of {place} is not known to ssh, or has another key than it had",
        "sign in there once with 'ssh', which asks whether the key is right",
    ),
    (
        r"could not resolve (?:host|proxy)|name or service not known|temporary failure in name",
        Unreachable,
        "the host of {place} cannot be found",
        _NETWORK,
    ),
    (
        r"authentication failed|could not read (?:username|password)|permission denied \(|"
        r"terminal prompts disabled|access denied|returned error: 40[137]|not authorized|"
        r"too many authentication failures",
        Unreachable,
        "{place} may not be read without signing in",
        _SIGN_IN,
    ),
    (
        r"dubious ownership",
        Unreachable,
        "{place} belongs to somebody else",
        "copy the repository, or have its files given to you",
    ),
    (
        r"transport '.*' not allowed|protocol .* not supported|redirect|"
        r"unable to update url base",
        Unreachable,
        "{place} leads elsewhere, where git does not follow",
        "name the address where the repository lies now",
    ),
    (
        r"repository .*not found|does not appear to be a git repository|"
        r"repository .* does not exist|no such file or directory|returned error: 404|"
        r"not a git repository|project not found|not valid: is this a git repository",
        Unreachable,
        "there is no git repository at {place}",
        _LOOK,
    ),
    (
        r"certificate|ssl[_ ]|tls ",
        Unreachable,
        "the host of {place} does not prove who it is: {reason}",
        "'SSL_CERT_FILE' names the certificates of an authority of your own",
    ),
    (
        r"no space left on device|disk quota exceeded",
        NoRoom,
        "there is no room on the disk to fetch {place}",
        "make room in the directory that PEPPY_HOME names",
    ),
    (
        r"not our ref|unadvertised object|not valid|couldn't find remote ref",
        Unserved,
        "{place} does not give what was asked for",
        None,
    ),
    (
        r"mismatched algorithms|unknown object format|object format",
        GitError,
        "{place} has hashes of another kind than this git can use",
        "bring git up to date with the system's package manager",
    ),
    (
        r"fsck error|: (?:tree|blob|commit|tag)[A-Za-z]+: |contains '\.\.?'|contains '\.git'|"
        r"fullpathname|has(?:dot|dotdot|dotgit)|gitmodules\w+:|duplicateentries",
        GitError,
        "{place} holds what no repository should: {reason}",
        "it may be hostile: look at it with 'git fsck' before you use it",
    ),
    (
        r"connection (?:refused|timed out|reset|closed)|failed to connect|couldn't connect|"
        r"network is unreachable|no route to host|operation timed out|timed out|early eof|"
        r"hung up unexpectedly|could not read from remote|rpc failed|returned error: 5\d\d|"
        r"unexpected disconnect|recv failure|empty reply",
        Unreachable,
        "cannot reach {place}: {reason}",
        _NETWORK,
    ),
)


def meaning(place: Repository, complaints: Sequence[str], code: int) -> GitError:
    """Return the sentence that git's complaints come to."""
    text = "\n".join(complaints)
    shown = f"'{place.shown}'"
    sign_in = _SIGN_IN_OVER_WEB if place.is_web else _SIGN_IN_OVER_SSH
    for pattern, kind, sentence, hint in _MEANINGS:
        if found := re.search(pattern, text, re.IGNORECASE):
            reason = _reason(text, found.start())
            step = sign_in if hint == _SIGN_IN else hint
            return kind(sentence.format(place=shown, reason=reason), hint=step)
    said = _reason(complaints[-1], 0) if complaints else f"it ended with code {code}"
    return Damaged(f"git cannot fetch {shown}: {said}", hint=_LOOK)


def _reason(text: str, at: int) -> str:
    """Return the line around a place of what git said, so that it can be shown."""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    line = text[start:] if end < 0 else text[start:end]
    plain = without_credentials(_PREFIX.sub("", line.strip())).rstrip(".")
    printable = "".join(c if c.isprintable() else "?" for c in plain)[:LONGEST_REASON]
    return printable[:1].lower() + printable[1:]
