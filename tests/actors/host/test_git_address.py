"""Which addresses git gets, and what people see of them."""

import pytest

from peppy.actors.host.git_address import directory_in, repository
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.sources import GitSource


@pytest.mark.parametrize(
    ("text", "url", "scheme"),
    [
        ("https://host/a/b.git", "https://host/a/b.git", "https"),
        ("HTTP://host:8080/b.git", "http://host:8080/b.git", "http"),
        ("ssh://git@host:22/b.git", "ssh://git@host:22/b.git", "ssh"),
        ("git@host:team/b.git", "git@host:team/b.git", "ssh"),
        ("file:///srv/b.git", "file:///srv/b.git", "file"),
        ("file://localhost/srv/b.git", "file:///srv/b.git", "file"),
        ("/srv/100% mine/../b", "file:///srv/b", "file"),
        ("/srv/100% mine", "file:///srv/100%25 mine", "file"),
    ],
)
def test_an_address_that_git_may_get_keeps_its_meaning(text: str, url: str, scheme: str) -> None:
    place = repository(GitSource(text, "", ""))
    assert (place.url, place.scheme) == (url, scheme)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x",
        "ext::sh -c true",
        "ext::sh",
        "fd::3",
        "git://host/x.git",
        "ftp://host/x.git",
        "git+ssh://host/x.git",
        "https::https://host/x",
        "transport::address",
        "ssh://-oProxyCommand=x/y",
        "ssh://-l@host/y",
        "ssh://%2doProxyCommand=x@host/y",
        "git@-oProxyCommand=x:y",
        "git@host:-x",
        "https://host/x\n.git",
        "https://host/x\x00.git",
        "https://host/x .git",
        "https://host/x.git?token=secret",
        "https://user%0apassword=x:y@host/x.git",
        "https://user:%0d%0ax@host/x.git",
        "relative/path",
        "./relative",
        "../relative",
        "C:\\x",
        "file://elsewhere/srv/x.git",
        "https:///x.git",
        "https://host",
        "https://ho st/x",
        "https://" + "x" * 5000 + "/x",
    ],
)
def test_an_address_that_could_run_something_never_reaches_git(text: str) -> None:
    with pytest.raises(HostError) as caught:
        repository(GitSource(text, "", ""))
    assert "secret" not in caught.value.sentence
    assert caught.value.sentence.isprintable()


@pytest.mark.parametrize(
    "ref",
    [
        *("-x", "--upload-pack=x", "a b", "a..b", "a\nb", "a:b", "a^{commit}", "a~1", "@{u}"),
        *("a*", "a?", "a[b", "a\\b", "/a", "a/", "a.lock", " ", "\u202ea"),
    ],
)
def test_a_ref_that_is_no_name_never_reaches_git(ref: str) -> None:
    with pytest.raises(HostError):
        repository(GitSource("https://host/x.git", "", ref))


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/etc", ""),
        ("../x", ""),
        ("a/../../x", ""),
        ("a", "../.."),
        ("a", "/etc"),
        ("", ".."),
        ("a\nb", ""),
        ("a", "b\x00"),
    ],
)
def test_a_directory_never_leaves_the_repository(path: str, inside: str) -> None:
    with pytest.raises(HostError):
        directory_in(GitSource("https://host/x.git", path, ""), Fetching(inside=inside))


@pytest.mark.parametrize(
    ("path", "inside", "expected"),
    [
        ("", "", ""),
        (".", "./", ""),
        ("a//b/", "", "a/b"),
        ("brain", "../mock", "mock"),
        ("brain", "..", ""),
        ("brain", "variants/mock", "brain/variants/mock"),
        ("-x", ":(glob)*", "-x/:(glob)*"),
    ],
)
def test_a_directory_is_relative_to_the_one_before(path: str, inside: str, expected: str) -> None:
    source = GitSource("https://host/x.git", path, "")
    assert directory_in(source, Fetching(inside=inside)) == expected


def test_what_authenticates_stands_in_nothing_that_is_kept_or_shown() -> None:
    secret = repository(GitSource("https://me:s%40cret@host/x.git", "", ""))
    assert (secret.user, secret.password) == ("me", "s@cret")
    for text in (secret.url, secret.shown, secret.base, secret.key):
        assert "cret" not in text
        assert "me" not in text
    assert secret.key == repository(GitSource("https://host/x.git", "", "")).key
    token = repository(GitSource("https://token@host/x.git", "", ""))
    assert (token.user, token.password) == ("token", None)
    assert "token" not in token.url + token.shown
    over_ssh = repository(GitSource("ssh://git:secret@host/x.git", "", ""))
    assert over_ssh.url == over_ssh.shown == "ssh://git@host/x.git"
