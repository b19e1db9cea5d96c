"""Fetching from git servers: over HTTP and ssh, with and without accounts, and from bad ones."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from peppy.actors.host.git_run import Limits
from peppy.actors.host.git_source import GitFetcher
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.frames import Note
from peppy.schema.sources import GitSource
from tests.actors.host.git_repositories import DOCUMENT, ENVIRONMENT, Repository
from tests.e2e.git_server import GitServer, serving

pytestmark = pytest.mark.e2e

SECRET = "hunter2"


class Site:
    """A server with a repository `hub` that has a node `camera`, and somebody who fetches."""

    def __init__(self, top: Path, server: GitServer) -> None:
        self.top = top
        self.server = server
        self.repository = Repository(top / "served" / "hub")
        self.commit = self.repository.commit({"camera/peppy.json5": DOCUMENT})
        self.cache = top / "cache"
        self.home = top / "somebody"
        self.home.mkdir()
        self.notes: list[Note] = []
        self.environment = {"PATH": ENVIRONMENT["PATH"], "HOME": str(self.home)}

    @property
    def how(self) -> Fetching:
        return Fetching(note=self.notes.append, environment=self.environment)

    async def read(self, address: str, *, limits: Limits = Limits()) -> str | None:  # noqa: B008
        """Fetch the node from a server's repository; return the commit."""
        source = GitSource(f"{address}/hub/.git", "camera", "")
        found = await GitFetcher(self.cache, limits).read(source, self.how)
        assert found.text == DOCUMENT
        assert SECRET not in repr(found)
        return found.origin.commit

    async def refused(self, address: str) -> str:
        """Return why there is nothing to be had; it has no secrets in it."""
        with pytest.raises(HostError) as caught:
            await self.read(address)
        assert SECRET not in str(caught.value)
        return caught.value.sentence

    def secrets(self) -> list[Path]:
        """Return the files in the cache that have the secret in them, or in their names."""
        return [
            path
            for path in self.cache.rglob("*")
            if SECRET in path.name or (path.is_file() and SECRET.encode() in path.read_bytes())
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield Site(tmp_path, server)


async def test_a_node_is_fetched_over_http(site: Site) -> None:
    assert await site.read(site.server.address) == site.commit
    source = GitSource(f"{site.server.address}/hub/.git", "camera", "main")
    origin = await GitFetcher(site.cache).fetch(source, site.top / "into", site.how)
    assert (origin.commit, origin.source) == (site.commit, source)
    assert (site.top / "into" / "peppy.json5").read_bytes() == DOCUMENT


async def test_a_server_without_git_is_taken_whole(site: Site) -> None:
    for _ in range(3):
        site.repository.commit()
    last = site.repository.git("rev-parse", "HEAD")
    site.repository.git("update-server-info")
    site.server.plain = True
    assert await site.read(site.server.address) == last


async def test_an_account_in_the_address_is_used_and_kept_nowhere(site: Site) -> None:
    site.server.account = ("some one", f"{SECRET}@/")
    address = site.server.with_account("some%20one", f"{SECRET}%40%2F")
    assert await site.read(address) == site.commit
    assert site.server.told[-1] == f"some one:{SECRET}@/"
    assert site.secrets() == []
    assert SECRET not in str(site.notes)
    site.server.told.clear()
    assert "may not be read without signing in" in await site.refused(site.server.address)
    wrong = site.server.with_account("me", f"not-{SECRET}")
    assert "may not be read without signing in" in await site.refused(wrong)


async def test_a_token_in_the_address_is_used(site: Site) -> None:
    site.server.account = (SECRET, "")
    address = site.server.address.replace("http://", f"http://{SECRET}@")
    assert await site.read(address) == site.commit
    assert site.secrets() == []


async def test_the_callers_credential_helper_is_asked(site: Site) -> None:
    site.server.account = ("me", SECRET)
    (site.home / "store").write_text(site.server.with_account("me", SECRET) + "\n")
    helper = f"[credential]\n\thelper = store --file={site.home}/store\n"
    (site.home / ".gitconfig").write_text(helper)
    assert await site.read(site.server.address) == site.commit
    assert site.secrets() == []


async def test_the_callers_netrc_is_used(site: Site) -> None:
    site.server.account = ("me", SECRET)
    netrc = site.home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    netrc.chmod(0o600)
    assert await site.read(site.server.address) == site.commit
    assert site.secrets() == []


async def test_an_account_is_never_told_to_the_host_that_a_server_sends_to(site: Site) -> None:
    with serving(site.server.root) as other:
        other.account = ("me", "something else")
        site.server.account = ("me", SECRET)
        site.server.moved = {"/hub/": f"{other.address}/hub/"}
        await site.refused(site.server.with_account("me", SECRET))
        assert other.asked
        assert SECRET not in str(other.told)


async def test_a_repository_that_has_moved_is_found(site: Site) -> None:
    site.server.moved = {"/old/": "/hub/"}
    source = GitSource(f"{site.server.address}/old/.git", "camera", "")
    found = await GitFetcher(site.cache).read(source, site.how)
    assert found.origin.commit == site.commit


@pytest.mark.parametrize(
    "to", ["file://{top}/served/hub/", "ext::touch% {top}/sprung ", "ftp://x/"]
)
async def test_a_server_sends_git_on_to_no_other_protocol(site: Site, to: str) -> None:
    site.server.moved = {"/hub/": to.format(top=site.top)}
    await site.refused(site.server.address)
    assert not (site.top / "sprung").exists()


async def test_a_ring_of_servers_has_an_end(site: Site) -> None:
    site.server.moved = {"/hub/": "/hub/"}
    await site.refused(site.server.address)
    assert len(site.server.asked) < 100


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (404, "there is no git repository at"),
        (403, "may not be read without signing in"),
        (500, "cannot reach"),
        (200, "there is no git repository at"),
    ],
)
async def test_a_server_that_refuses_gets_its_sentence(site: Site, status: int, why: str) -> None:
    site.server.status = status
    assert why in await site.refused(site.server.address)


async def test_a_host_that_is_not_there_gets_its_sentence(site: Site) -> None:
    assert "cannot reach" in await site.refused("http://127.0.0.1:1")


async def test_a_server_that_hangs_is_given_up(site: Site) -> None:
    site.server.flows.clear()
    with pytest.raises(HostError, match="gave up on fetching"):
        await site.read(site.server.address, limits=Limits(idle=0.5))


async def test_a_fetch_that_was_cancelled_anywhere_breaks_no_later_one(site: Site) -> None:
    for number in range(12):
        site.repository.commit({f"camera/{number}": os.urandom(50_000)})
        with trio.move_on_after(0.02 * number):
            await site.read(site.server.address)
    assert await site.read(site.server.address) == site.repository.git("rev-parse", "HEAD")
    assert not list(site.cache.rglob("tmp_*"))


def stand_in(site: Site) -> Path:
    """Return a program that stands in for ssh: it runs what it is asked for on this machine."""
    program = site.top / "ssh_stand_in.py"
    program.write_text(
        "import os, sys\n"
        f"print(sys.argv[1:], file=open({str(site.top / 'sshed')!r}, 'a'))\n"
        "os.execvp('sh', ['sh', '-c', sys.argv[-1]])\n"
    )
    site.environment |= {
        "GIT_SSH_COMMAND": f"{sys.executable} {program}",
        "GIT_SSH_VARIANT": "ssh",
    }
    return site.top / "sshed"


async def test_a_node_is_fetched_over_ssh(site: Site) -> None:
    log = stand_in(site)
    path = f"{site.top}/served/hub/.git"
    for address in (f"git@robots:{path}", f"ssh://git:{SECRET}@robots:2222{path}"):
        found = await GitFetcher(site.cache).read(GitSource(address, "camera", ""), site.how)
        assert found.origin.commit == site.commit
    text = log.read_text()
    assert "'git@robots'" in text
    assert "'-p', '2222'" in text
    assert SECRET not in text
    with pytest.raises(HostError, match="no git repository at 'git@robots:/nothing'"):
        await GitFetcher(site.cache).read(GitSource("git@robots:/nothing", "", ""), site.how)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh on this machine")
async def test_ssh_itself_asks_nobody(site: Site) -> None:
    address = "ssh://git@127.0.0.1:1/x.git"
    with pytest.raises(HostError, match=f"cannot reach '{address}'"):
        await GitFetcher(site.cache).read(GitSource(address, "", ""), site.how)


@pytest.mark.thorough
async def test_a_repository_that_grows_too_large_is_given_up(site: Site) -> None:
    gate = site.top / "gate.sh"
    # What comes is written down at once; the end of it keeps one waiting.
    gate.write_text('eval "$(printf %s "$*" | sed "s/^[^ ]* //")"; sleep 30\n')
    site.environment |= {"GIT_SSH_COMMAND": f"sh {gate}", "GIT_SSH_VARIANT": "simple"}
    site.repository.commit({"camera/noise": os.urandom(500_000)})
    source = GitSource(f"git@robots:{site.top}/served/hub", "camera", "main")
    with pytest.raises(HostError, match=r"gave up on fetching .*: it has more than 0 MiB"):
        await GitFetcher(site.cache, Limits(room=1000)).read(source, site.how)
