"""The git program: where it is, what it may do, and what it may know of the machine.

Whatever a repository, an address or somebody's configuration says, git runs no program for it but
ssh and the caller's own credential helpers: no hooks, no filters, no other transports.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.host.files import in_thread
from peppy.actors.host.git_address import Repository
from peppy.actors.host.git_run import run
from peppy.actors.host.ports import HostError

OLDEST: Final = (2, 25)
"""`--end-of-options` and everything else that is used here is in it."""

KNOWS_ENVIRONMENT: Final = (2, 32)
"""From here on git can be told in its environment what to configure, and which file not to read."""

_KEPT: Final = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"),
        # What authenticates: an agent, a keyring, a ticket, a token of a credential helper.
        *("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "KRB5CCNAME", "GH_TOKEN", "GITHUB_TOKEN"),
        # The caller's own choice of a key or of a stand-in; no document can make it.
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT"),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
    }
)
"""What git gets of the caller's environment, proxies aside. Its own variables could make it run
programs, or work on another repository."""

_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

_ALWAYS: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GCM_INTERACTIVE": "never",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    # Its messages are read here.
    "LC_ALL": "C",
    "LANGUAGE": "",
}

_SETTINGS: Final = (
    "advice.detachedHead=false",
    "core.alternateRefsCommand=",
    "core.askPass=",
    "core.attributesFile=" + os.devnull,
    "core.fsmonitor=false",
    "core.hooksPath=" + os.devnull,
    "core.logAllRefUpdates=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "gc.autoDetach=false",
    "http.followRedirects=initial",
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.version=2",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    # One pack for each fetch, so that each object is looked at, and none is left of a half one.
    "fetch.unpackLimit=1",
    # Oddities of old tools, harmless, and in the history of well-known repositories.
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.missingSpaceBeforeEmail=ignore",
    "fetch.fsck.missingNameBeforeEmail=ignore",
    "fetch.fsck.zeroPaddedDate=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsck.badFilemode=ignore",
    "fetch.fsck.missingTaggerEntry=ignore",
    "fetch.fsck.badTagName=ignore",
)

_SSH: Final = (
    "ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
)

_ANSWER: Final = (
    '!f() { test "$1" = get &&'
    ' printf "username=%s\\npassword=%s\\n" "$PEPPY_GIT_USER" "$PEPPY_GIT_PASSWORD"; }; f'
)
"""A credential helper in a shell's words: what is secret is in the environment only."""

_VERSION: Final = re.compile(r"git version (\d+)\.(\d+)")


class GitProgram(msgspec.Struct, frozen=True):
    """A git that is new enough."""

    path: str
    version: tuple[int, int]
    caller: Mapping[str, str]
    """The environment in which it was found."""
    nowhere: Path
    """An empty directory: the home of a git that cannot be told which configuration not to read."""

    def words(self, *words: str, directory: Path | None = None) -> list[str]:
        """Return what to start for `git words...` that reaches no other machine."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        where = [] if directory is None else [f"--git-dir={directory}"]
        return [self.path, *where, *settings, *words]

    def reaching(self, place: Repository, words: Sequence[str], directory: Path) -> list[str]:
        """Return what to start for a command that reaches one repository, over its scheme only."""
        allowed = [f"protocol.{scheme}.allow=always" for scheme in place.schemes]
        if place.password is not None:
            allowed += ["credential.helper=", f"credential.{place.base}.helper={_ANSWER}"]
        elif place.user is not None:
            allowed += [f"credential.{place.base}.helper={_ANSWER}"]
        first, *rest = words
        settings = [word for setting in allowed for word in ("-c", setting)]
        return self.words(*settings, first, *rest, directory=directory)

    @property
    def environment(self) -> dict[str, str]:
        """What git gets to know, for work on this machine."""
        kept = {name: value for name, value in self.caller.items() if _is_kept(name)}
        if self.version < KNOWS_ENVIRONMENT:
            kept |= {"HOME": str(self.nowhere), "XDG_CONFIG_HOME": str(self.nowhere)}
        kept.setdefault("PATH", os.defpath)
        return kept | _ALWAYS | {"GIT_ALLOW_PROTOCOL": "none"}

    async def environment_for(self, place: Repository) -> dict[str, str]:
        """Return what git gets to know where it reaches a repository."""
        environment = self.environment | {"GIT_ALLOW_PROTOCOL": ":".join(place.schemes)}
        if place.scheme == "ssh" and not {"GIT_SSH", "GIT_SSH_COMMAND"} & environment.keys():
            environment["GIT_SSH_COMMAND"] = _SSH
        if place.is_web and self.version >= KNOWS_ENVIRONMENT:
            environment |= await self._own_settings()
        if place.user is not None:
            environment["PEPPY_GIT_USER"] = place.user
            environment["PEPPY_GIT_PASSWORD"] = place.password or ""
        return environment

    async def _own_settings(self) -> dict[str, str]:
        """Return the caller's credential helpers, proxies and certificates.

        Nothing else of a person's configuration is used; that they hold secrets keeps them off the
        command line.
        """
        words = ("config", "--global", "--includes", "-z", "--get-regexp", r"^(credential|http)\.")
        environment = {**self.environment}
        del environment["GIT_CONFIG_GLOBAL"]
        found = await run([self.path, *words], environment, self.nowhere)
        entries = [entry.split(b"\n", 1) for entry in found.output.split(b"\0") if entry]
        settings = {"GIT_CONFIG_COUNT": str(len(entries))}
        for number, (key, *value) in enumerate(entries):
            settings[f"GIT_CONFIG_KEY_{number}"] = os.fsdecode(key)
            settings[f"GIT_CONFIG_VALUE_{number}"] = os.fsdecode(value[0]) if value else "true"
        return settings


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.lower() in _PROXIES


async def find_git(caller: Mapping[str, str], nowhere: Path) -> GitProgram:
    """Return the git of the caller's path. Raises `HostError` if there is none new enough."""
    path = shutil.which("git", path=caller.get("PATH") or os.defpath)
    if path is None:
        raise HostError(
            "there is no 'git' program, which fetches from repositories",
            hint="install it with the system's package manager, or use an archive's address",
        )
    await in_thread("make", nowhere, lambda: nowhere.mkdir(parents=True, exist_ok=True))
    program = GitProgram(path, OLDEST, caller, nowhere)
    said = await run([path, "--version"], program.environment, nowhere)
    found = _VERSION.match(said.output.decode("utf-8", "replace"))
    if found is None:
        raise HostError(f"'{path}' is not git: it does not say its version")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST:
        raise HostError(
            f"git {version[0]}.{version[1]} is too old: {OLDEST[0]}.{OLDEST[1]} is the oldest that "
            "can fetch safely",
            hint="bring it up to date with the system's package manager",
        )
    return msgspec.structs.replace(program, version=version)
