"""Repositories that somebody made to run a program, to write elsewhere, or to fill the disk."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from peppy.actors.host.git_address import Repository as Address
from peppy.actors.host.git_cache import CachedRepository
from peppy.actors.host.git_program import find_git
from peppy.actors.host.git_run import Limits
from peppy.actors.host.git_source import GitFetcher, NoNodeThere
from peppy.actors.host.ports import Fetching, HostError, silent
from peppy.schema.sources import GitSource
from tests.actors.host.git_repositories import DOCUMENT, ENVIRONMENT, Repository

pytestmark = pytest.mark.e2e

HOOKS = (
    *("post-checkout", "post-merge", "pre-auto-gc", "post-index-change", "fsmonitor-watchman"),
    *("reference-transaction", "post-rewrite", "pre-receive", "update", "post-update"),
)

PROGRAMS = (
    *("core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.askPass", "core.editor"),
    *("core.alternateRefsCommand", "uploadpack.packObjectsHook", "filter.evil.smudge"),
    *("filter.evil.clean", "filter.evil.process", "diff.external", "diff.evil.textconv"),
    *("credential.helper", "gpg.program", "remote.origin.uploadpack", "pager.ls-remote"),
)


class Trap:
    """A repository, and a file that is there once a program of it has run."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.repository = Repository(top / "hub")
        self.sprung = top / "sprung"
        self.program = top / "program"
        self.program.write_text(f"#!/bin/sh\ntouch '{self.sprung}'\ncat\n")
        self.program.chmod(0o755)
        self.fetcher = GitFetcher(top / "cache")
        self.into = top / "places" / "into"
        (top / "places").mkdir()

    async def fetch(self, source: GitSource | None = None) -> list[str]:
        """Fetch it; return what was written."""
        how = Fetching(environment=ENVIRONMENT)
        await self.fetcher.fetch(source or self.repository.source(), self.into, how)
        return sorted(str(path.relative_to(self.into)) for path in self.into.rglob("*"))

    async def refused(self, source: GitSource | None = None) -> str:
        """Return why it is not fetched; nothing was written, and nothing has run."""
        with pytest.raises(HostError) as caught:
            await self.fetch(source)
        assert os.listdir(self.top / "places") == []
        assert sorted(os.listdir(self.top)) == ["cache", "hub", "places", "program"]
        assert str(caught.value).replace("\n", "").isprintable()
        return caught.value.sentence


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


async def test_no_program_of_a_repository_runs(trap: Trap) -> None:
    repository = trap.repository
    repository.commit(
        {
            ".gitattributes": b"* filter=evil diff=evil merge=evil ident\n",
            ".gitconfig": b"[core]\n\tfsmonitor = ../program\n",
            "peppy.json5": DOCUMENT,
        }
    )
    for key in PROGRAMS:
        repository.git("config", key, str(trap.program))
    repository.git("config", "remote.origin.url", f"ext::{trap.program}")
    hooks = repository.top / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).symlink_to(trap.program)
    assert await trap.fetch() == [".gitattributes", ".gitconfig", "peppy.json5"]
    assert not trap.sprung.exists()


async def test_no_program_of_the_callers_environment_or_configuration_runs(trap: Trap) -> None:
    trap.repository.commit({"peppy.json5": DOCUMENT, ".gitattributes": b"* filter=evil\n"})
    home = trap.repository.top / ".git" / "home"
    home.mkdir()
    redirect = (f"url.ext::{trap.program} .insteadOf", "file://")
    for key, value in [*((key, str(trap.program)) for key in PROGRAMS), redirect]:
        trap.repository.git("config", "--file", str(home / ".gitconfig"), key, value)
    environment = {
        **{name: value for name, value in ENVIRONMENT.items() if name == "PATH"},
        "HOME": str(home),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(trap.program),
        **dict.fromkeys(
            ("GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_PROXY_COMMAND", "GIT_PAGER"),
            str(trap.program),
        ),
        "GIT_DIR": str(trap.top / "hub" / ".git"),
        "GIT_EXEC_PATH": str(trap.top),
        "GIT_TEMPLATE_DIR": str(trap.top),
        "GIT_TRACE": str(trap.sprung),
        "GIT_ALLOW_PROTOCOL": "ext:file",
    }
    await trap.fetcher.fetch(trap.repository.source(), trap.into, Fetching(environment=environment))
    assert not trap.sprung.exists()
    assert (trap.into / "peppy.json5").read_bytes() == DOCUMENT


@pytest.mark.parametrize("scheme", ["https", "file", "ssh"])
async def test_git_itself_is_told_which_transports_there_are(trap: Trap, scheme: str) -> None:
    # As if an address had come past everything that looks at addresses.
    commit = trap.repository.commit({"peppy.json5": DOCUMENT})
    git = await find_git(ENVIRONMENT, trap.top / "cache" / "nowhere")
    others = {"ext": f"ext::touch {trap.sprung}", "file": f"file://{trap.repository.top}"}
    for kind, url in others.items():
        place = Address(url=url, shown=url, scheme=scheme, base="")
        cached = CachedRepository(git, place, trap.top / "cache" / "x", Limits(), silent)
        if kind == scheme:
            assert await cached.look_up("main") == commit
        else:
            with pytest.raises(HostError, match="leads elsewhere"):
                await cached.look_up("main")
    assert not trap.sprung.exists()


@pytest.mark.parametrize(
    "name", ["..", ".", ".git", ".GIT", ".gIt", "git~1", "a/b", ".\u200cgit", "../../escaped"]
)
@pytest.mark.parametrize("mode", ["100644", "40000", "120000"])
async def test_a_tree_whose_names_lead_elsewhere_is_refused(
    trap: Trap, name: str, mode: str
) -> None:
    repository = trap.repository
    blob = repository.blob(b"x")
    inner = repository.tree(("100644", "config", blob)) if mode == "40000" else blob
    document = repository.blob(DOCUMENT)
    entries = sorted([(mode, name, inner), ("100644", "peppy.json5", document)], key=lambda e: e[1])
    repository.commit_tree(repository.tree(*entries))
    assert "holds" in await trap.refused()


async def test_a_tree_with_one_name_twice_is_refused(trap: Trap) -> None:
    repository = trap.repository
    link, inner = repository.blob(b"/etc"), repository.tree(("100644", "x", repository.blob(b"x")))
    repository.commit_tree(repository.tree(("120000", "a", link), ("40000", "a", inner)))
    assert "holds" in await trap.refused()


@pytest.mark.parametrize(
    ("url", "path", "name"),
    [
        ("-u./program", "module", "module"),
        ("ext::sh -c touch% sprung", "module", "module"),
        ("https://host/x.git", "module", "../../../modules"),
        ("https://host/x.git", "-u./program", "module"),
        ("https://host/x%0a.git", "module", "module"),
    ],
)
async def test_a_submodule_is_never_fetched(trap: Trap, url: str, path: str, name: str) -> None:
    repository = trap.repository
    commit = repository.commit({"peppy.json5": DOCUMENT})
    modules = f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n\tupdate = !touch sprung\n'
    repository.commit({".gitmodules": modules.encode()})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    repository.git("commit", "--quiet", "-m", "a submodule")
    # git itself refuses what could only be meant so.
    assert "holds what no repository should" in await trap.refused()
    repository.git("rm", "--quiet", "--cached", ".gitmodules")
    repository.git("commit", "--quiet", "-m", "without it")
    assert set(await trap.fetch()) <= {"peppy.json5", "-u."}
    assert not trap.sprung.exists()


async def test_no_link_of_a_repository_is_followed(trap: Trap) -> None:
    repository = trap.repository
    (repository.top / "etc").symlink_to("/etc")
    (repository.top / "self").symlink_to(".")
    (repository.top / "node").mkdir()
    (repository.top / "node" / "peppy.json5").symlink_to("../real/peppy.json5")
    repository.commit({"real/peppy.json5": DOCUMENT})
    assert await trap.fetch() == ["node", "real", "real/peppy.json5"]
    for path in ("etc", "self/real", "etc/passwd"):
        with pytest.raises(NoNodeThere, match="no directory"):
            await trap.fetcher.read(repository.source(path))
    with pytest.raises(NoNodeThere, match=r"no 'peppy.json5' in 'node'"):
        await trap.fetcher.read(repository.source("node"))


@pytest.mark.parametrize("path", ["-x", ":(glob)**", ":/", "*", "--output=x", "a'b", '"', "$(x)"])
async def test_a_path_is_only_ever_a_path(trap: Trap, path: str) -> None:
    trap.repository.commit({f"{path.strip('/')}/peppy.json5": DOCUMENT, "b/peppy.json5": b"b"})
    found = await trap.fetcher.read(trap.repository.source(path))
    assert found.text == DOCUMENT
    assert await trap.fetch(trap.repository.source(path)) == ["peppy.json5"]


@pytest.mark.parametrize("ref", ["a/b", "a-b", "HEAD@x", "head", "FETCH_HEAD", "a.b", "%2e", "ö"])
async def test_a_ref_is_only_ever_a_ref(trap: Trap, ref: str) -> None:
    commit = trap.repository.commit({"peppy.json5": DOCUMENT})
    trap.repository.git("branch", ref)
    trap.repository.commit()
    found = await trap.fetcher.read(trap.repository.source("", ref))
    assert found.origin.commit == commit


def _bomb(repository: Repository, *, empty: bool) -> None:
    """Commit a tree of ten levels, each with ten times the same: ten thousand million entries."""
    inner = repository.tree() if empty else repository.tree(("100644", "x", repository.blob(b"x")))
    for _ in range(10):
        inner = repository.tree(*(("40000", name, inner) for name in "0123456789"))
    repository.commit_tree(inner)


@pytest.mark.parametrize("empty", [True, False])
async def test_a_tree_that_unfolds_without_end_is_given_up_soon(trap: Trap, empty: bool) -> None:
    _bomb(trap.repository, empty=empty)
    begun = time.monotonic()
    assert "holds more than 100000 files" in await trap.refused()
    with pytest.raises(NoNodeThere):
        await trap.fetcher.read(trap.repository.source())
    assert time.monotonic() - begun < 40


async def test_directories_that_lie_too_deep_are_refused(trap: Trap) -> None:
    repository = trap.repository
    inner = repository.tree(("100644", "x", repository.blob(b"x")))
    for _ in range(200):
        inner = repository.tree(("40000", "d", inner))
    repository.commit_tree(inner)
    assert "it lies in more than 128 directories" in await trap.refused()


async def test_a_document_without_end_is_refused(trap: Trap) -> None:
    trap.repository.commit({"peppy.json5": b" " * (5 * 1024 * 1024)})
    with pytest.raises(HostError, match="no document of a node"):
        await trap.fetcher.read(trap.repository.source())


def _link(top: Path) -> None:
    (top / "linked").symlink_to(top / "hub")


def _git_file(top: Path) -> None:
    (top / "linked").write_text(f"gitdir: {top}/hub/.git")


@pytest.mark.parametrize("make", [_link, _git_file])
async def test_an_address_that_is_a_link_or_no_directory_does_no_harm(
    trap: Trap, make: Callable[[Path], None]
) -> None:
    trap.repository.commit({"peppy.json5": DOCUMENT})
    make(trap.top)
    source = GitSource(str(trap.top / "linked"), "", "")
    try:
        assert await trap.fetch(source) == ["peppy.json5"]
    except HostError as error:
        assert "there is no git repository at" in error.sentence  # noqa: PT017  # both are fine
    assert not trap.sprung.exists()


async def test_what_git_says_of_a_hostile_server_cannot_reach_a_terminal(trap: Trap) -> None:
    server = trap.top / "program"
    server.write_text("#!/bin/sh\nprintf '\\033[31mred\\007\\n' >&2\nexit 1\n")
    how = Fetching(environment={**ENVIRONMENT, "GIT_SSH_COMMAND": str(server)})
    with pytest.raises(HostError) as caught:
        await trap.fetcher.read(GitSource("git@host:x.git", "", ""), how)
    assert caught.value.sentence.isprintable()
