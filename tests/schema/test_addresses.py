"""Addresses as people see them, and the rules that documents and the command line share."""

import time

import pytest

from peppy.schema.addresses import (
    archive_problem,
    inner_path,
    inner_problem,
    is_address,
    lacks_scheme,
    ref_problem,
    repository_problem,
    shown,
    without_credentials,
)
from peppy.schema.sources import ArchiveSource, GitSource, Origin


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://me:pw@h/x.git", "https://h/x.git"),
        ("https://token@h/x.git/a@v1", "https://h/x.git/a@v1"),
        ("HTTPS://me:pw@h/x", "HTTPS://h/x"),
        ("https://me:p@w@h/x", "https://h/x"),
        ("https://me:p/w@h/x", "https://h/x"),
        ("https://me:p?w@h/x", "https://h/x"),
        ("https://me:it's@h/x", "https://h/x"),
        ("https://h/x?sig=pw", "https://h/x?…"),
        ("https://h/x?sig=pw#sha256=00", "https://h/x?…#sha256=00"),
        ("ftp://me:pw@h/x", "ftp://h/x"),
        ("ssh://git:pw@h:22/x", "ssh://git@h:22/x"),
        ("https://proxy/https://me:pw@h/x", "https://proxy/https://h/x"),
        ("cannot reach 'https://me:pw@h/x?y=pw', sorry", "cannot reach 'https://h/x?…', sorry"),
        ("https://me:pw@h/a and https://me:pw@h/b", "https://h/a and https://h/b"),
    ],
)
def test_passwords_tokens_and_signatures_are_left_out(text: str, safe: str) -> None:
    assert without_credentials(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "a sentence, with 'quotes' and me@home:x?",
        "https://h:8080/dir@ref",
        "https://[::1]:80/dir@ref",
        "ssh://git@h/x.git",
        "git@h:x.git",
        "file:///a?b/c:d@e.git",
        "file:///http/a?b",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert without_credentials(text) == text


def test_an_address_that_is_shown_may_hold_spaces_in_its_password() -> None:
    assert shown("https://me:my pw@h/x") == "'https://h/x'"


@pytest.mark.parametrize("text", ["https://" * 20000, "://a:b/" * 20000, "://@" * 40000])
def test_no_text_takes_long_to_be_made_safe(text: str) -> None:
    began = time.monotonic()
    without_credentials(text)
    assert time.monotonic() - began < 5


def test_sources_and_origins_are_shown_without_credentials() -> None:
    git = GitSource("https://me:pw@h/a.git", "b", "v1")
    archive = ArchiveSource("https://me:pw@h/a.tzst?sig=pw", "")
    assert str(git) == "https://h/a.git/b@v1"
    assert str(archive) == "https://h/a.tzst?…"
    assert str(Origin(source=git, commit="c0ffee", directory="b")) == "https://h/a.git/b@c0ffee"
    assert str(Origin(source=archive, directory="b")) == "https://h/a.tzst?… (b)"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://h/a", True),
        ("ext::sh://x", True),
        ("git@h:a.git", True),
        ("me@h:a.git", False),
        ("/mnt/https://h", False),
        ("./git@h:a.git", False),
        ("../a://b", False),
        ("camera:v1", False),
    ],
)
def test_an_address_is_told_from_a_path(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("h.org/me/a.git/b", True),
        ("h.org:8080/a.git", True),
        ("h.org/me/a", False),
        ("nodes/a.git", False),
        ("./h.org/a.git", False),
        ("/h.org/a.git", False),
        ("h.org/\x1b/a.git", False),
    ],
)
def test_an_address_without_its_beginning_is_seen(text: str, is_one: bool) -> None:
    assert lacks_scheme(text) is is_one


@pytest.mark.parametrize(
    "repo",
    [
        "https://h.org/a",
        "http://localhost:8080/a.git",
        "https://[::1]:80/a.git",
        "https://me:pw@h/a.git",
        "ssh://git@h/a.git",
        "git@h.org:a/b.git",
        "file:///srv/a b.git",
        "file://localhost/srv/a.git",
        "/srv/a b.git",
    ],
)
def test_repositories_that_git_may_fetch_from(repo: str) -> None:
    assert repository_problem(repo) is None


@pytest.mark.parametrize(
    "repo",
    [
        "",
        "a",
        "../a.git",
        "-c",
        "--upload-pack=x",
        "ext::sh -c x",
        "ext::sh://a",
        "fd::3",
        "git://h/a.git",
        "ftp://h/a.git",
        "https://",
        "https://h",
        "https:///a.git",
        "https://-h/a.git",
        "https://h:x/a.git",
        "https://h/a b.git",
        "https://h/a.git?x",
        "https://h/a.git#x",
        "ssh://-oProxyCommand=x/a",
        "ssh://-me@h/a",
        "git@h",
        "git@-h:a",
        "git@h:-a",
        "-me@h:a",
        "file://h/a.git",
        "file://",
        "/srv/a\n.git",
        "https://h/" + "a" * 5000,
    ],
)
def test_repositories_that_git_may_not_fetch_from(repo: str) -> None:
    assert repository_problem(repo)


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("https://h/a.tar.zst", True),
        ("http://h:80/a/b.tzst?x=y", True),
        ("HTTPS://h/a.tar.zstd", True),
        ("ftp://h/a.tzst", False),
        ("file:///a.tzst", False),
        ("https://h/a.tar.gz", False),
        ("https:///a.tzst", False),
        ("https://h/a b.tzst", False),
        ("https://h.tzst", False),
        ("a.tzst", False),
    ],
)
def test_archives_lie_on_web_servers_and_are_of_one_kind(url: str, is_right: bool) -> None:
    assert (archive_problem(url) is None) is is_right


@pytest.mark.parametrize(
    ("path", "is_right"),
    [
        ("", True),
        ("a/b", True),
        ("./a", True),
        ("a..b", True),
        ("/a", False),
        ("..", False),
        ("a/../b", False),
        ("a\x00", False),
    ],
)
def test_a_directory_in_a_repository_does_not_leave_it(path: str, is_right: bool) -> None:
    assert (inner_problem(path) is None) is is_right


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.0", "a@b", "3f2a", "x.locked", "é"])
def test_what_branches_tags_and_commits_are_called(ref: str) -> None:
    assert ref_problem(ref) is None


@pytest.mark.parametrize(
    ("ref", "what"),
    [
        ("", "an empty text is no branch"),
        (" ", "an empty text is no branch"),
        ("-x", "'-x' may not begin with '-'"),
        ("a b", "'a b' cannot be a branch"),
        ("a\n", "'a\\n' cannot be a branch"),
        ("a..b", "'a..b' cannot be a branch"),
        ("a~1", "'a~1' cannot be a branch"),
        ("a:b", "'a:b' cannot be a branch"),
        ("@{u}", "'@{u}' cannot be a branch"),
        ("/a", "'/a' cannot be a branch"),
        ("a/", "'a/' cannot be a branch"),
        ("a.", "'a.' cannot be a branch"),
        ("a.lock", "'a.lock' cannot be a branch"),
    ],
)
def test_what_no_branch_tag_or_commit_is_called(ref: str, what: str) -> None:
    problem = ref_problem(ref)
    assert problem is not None
    assert problem.startswith(what)


def test_a_directory_in_a_repository_is_told_in_one_way() -> None:
    assert inner_path("./a//b/./c/") == "a/b/c"
    assert inner_path(".") == ""
