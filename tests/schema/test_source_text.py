"""What is typed where a node or a variant is asked for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.errors import PeppyError
from peppy.schema.names import Name, Tag
from peppy.schema.source_text import NotASource, parse_source, parse_variant
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Source,
    VariantChoice,
    VariantName,
)

DIGEST = "0123456789abcdef" * 4


def refusal(text: str, ref: str | None = None) -> tuple[str, str]:
    with pytest.raises(NotASource) as caught:
        parse_source(text, ref)
    return caught.value.sentence, caught.value.hint or ""


def variant_refusal(text: str) -> tuple[str, str]:
    with pytest.raises(NotASource) as caught:
        parse_variant(text)
    return caught.value.sentence, caught.value.hint or ""


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (".", LocalSource(".")),
        ("/robots/camera", LocalSource("/robots/camera")),
        ("camera", LocalSource("camera")),
        ("../a/camera:v1", LocalSource("../a/camera:v1")),
        ("/home/me@work/x:y", LocalSource("/home/me@work/x:y")),
        ("/mnt/https://x.git", LocalSource("/mnt/https://x.git")),
        ("./git@host:x.git", LocalSource("./git@host:x.git")),
        ("my camera:v1", LocalSource("my camera:v1")),
        ("camera:v1", NamedSource(Name("camera"), Tag("v1"))),
        ("camera:0.1.0", NamedSource(Name("camera"), Tag("0.1.0"))),
        ("https://h.org/a/b.git", GitSource("https://h.org/a/b.git", "", "")),
        ("https://h.org/a/b.git/c/d", GitSource("https://h.org/a/b.git", "c/d", "")),
        ("https://h.org/a/b.git/./c//d/", GitSource("https://h.org/a/b.git", "c/d", "")),
        ("https://h.git/a.git/b.git/c", GitSource("https://h.git/a.git", "b.git/c", "")),
        ("https://h.org/a.git/b@c", GitSource("https://h.org/a.git", "b@c", "")),
        ("HTTPS://h.org/a.git", GitSource("https://h.org/a.git", "", "")),
        ("http://127.0.0.1:8080/a.git/b", GitSource("http://127.0.0.1:8080/a.git", "b", "")),
        ("https://[::1]:80/a.git", GitSource("https://[::1]:80/a.git", "", "")),
        ("https://me:secret@h.org/a.git", GitSource("https://me:secret@h.org/a.git", "", "")),
        ("ssh://git@h.org:22/a.git/b", GitSource("ssh://git@h.org:22/a.git", "b", "")),
        ("git@h.org:a/b.git/c", GitSource("git@h.org:a/b.git", "c", "")),
        ("file:///srv/a b.git/c", GitSource("file:///srv/a b.git", "c", "")),
        ("file:///srv/a#b.git/c", GitSource("file:///srv/a#b.git", "c", "")),
        ("file:///srv/a/.git/c", GitSource("file:///srv/a/.git", "c", "")),
        ("https://h.org/a.tar.zst", ArchiveSource("https://h.org/a.tar.zst", "")),
        ("http://h.org/a.tar.zstd", ArchiveSource("http://h.org/a.tar.zstd", "")),
        ("https://h.org/b.git/a.tzst?x=y", ArchiveSource("https://h.org/b.git/a.tzst?x=y", "")),
        (
            f"https://h.org/a.tzst?x=y#sha256={DIGEST.upper()}",
            ArchiveSource("https://h.org/a.tzst?x=y", DIGEST),
        ),
    ],
)
def test_what_is_typed_is_read(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.0", "3f2a", "a@b"])
def test_a_repository_has_a_ref(ref: str) -> None:
    assert parse_source("https://h.org/a.git/b", ref) == GitSource("https://h.org/a.git", "b", ref)


@pytest.mark.parametrize(
    "ref", ["", " ", "-x", "--upload-pack=x", "a b", "a\nb", "a..b", "a~1", "x.lock", "/a", "@{u}"]
)
def test_what_no_branch_is_called_is_refused_as_a_ref(ref: str) -> None:
    with pytest.raises(NotASource):
        parse_source("https://h.org/a.git", ref)


@pytest.mark.parametrize("text", ["/a", "./a", "camera:v1", "https://h.org/a.tar.zst"])
def test_only_git_has_a_ref(text: str) -> None:
    sentence, hint = refusal(text, "main")
    assert sentence == f"only a git repository has a ref, '{text}' is none"
    assert hint == "leave '--ref' out"


def test_a_ref_of_a_repository_on_the_disk_is_told_its_address() -> None:
    assert "file:///" in refusal("/srv/a.git/b", "main")[1]


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "an empty text is not a source", "write a directory"),
        ("a\0b", "'a\\x00b' holds a NUL character", "write a directory"),
        ("ftp://h/a.tzst", "nodes are fetched over", "write a directory"),
        ("git://h/a.git", "nodes are fetched over", "write a directory"),
        ("git+ssh://h/a.git", "nodes are fetched over", "write 'ssh://' instead of 'git+ssh://'"),
        ("ext::sh -c 'x://a.git'", "'ext::sh -c", "write a directory"),
        ("file:///a/b", "'file:///a/b' does not say", "name a directory without 'file://'"),
        ("file:///a.tzst", "'file:///a.tzst' is an archive, which", "unpack it"),
        ("file://host/a.git", "'file://host/a.git' is not the address", "write"),
        ("https://h/a.zip", "'https://h/a.zip' is an archive of another kind", "it must end in"),
        ("https://h/a.tar.gz", "'https://h/a.tar.gz' is an archive of another", "it must end"),
        ("https:///a.tzst", "'https:///a.tzst' is not an http or https address", "write"),
        ("https://h/a b.tzst", "'https://h/a b.tzst' is not an http or https address", "write"),
        ("https://h/a.tzst#md5=1", "'#md5=1' after an archive's address", "write '#sha256='"),
        ("https://h/a.git/b?x=y", "'https://h/a.git/b?…' is not the address", "leave out"),
        ("https://h/a.git?x=y", "'https://h/a.git?…' does not say", "a repository's address"),
        ("https://h/a.git/..", "'..' may not leave the repository", "write"),
        ("https://-h/a.git", "'https://-h/a.git' is not the address", "write"),
        ("ssh://-oProxyCommand=x/a.git", "'ssh://-oProxyCommand=x/a.git' is not", "write"),
        ("https://h/a\n.git", "'https://h/a\\n.git' holds a character that", "write"),
        ("https://h/a b.git", "'https://h/a b.git' holds a space or", "write"),
        ("git@h/a.git", "'git@h/a.git' does not say", "write 'git@HOST:PATH.git'"),
        ("git@-h:a.git", "'git@-h:a.git' is not the address", "write"),
        ("git@h:-a.git", "'git@h:-a.git' is not the address", "write"),
        ("h.org/a/b.git/c", "'h.org/a/b.git/c' looks like", "write 'https://h.org/a/b.git/c'"),
    ],
)
def test_what_means_nothing_is_refused_with_the_next_step(
    text: str, sentence: str, hint: str
) -> None:
    found, next_step = refusal(text)
    assert found.startswith(sentence)
    assert next_step.startswith(hint)


@pytest.mark.parametrize(
    ("page", "meant"),
    [
        ("https://h.org/a/b", "'https://h.org/a/b.git'?"),
        ("https://h.org/a/b/c", "'https://h.org/a/b.git/c'?"),
        ("https://h.org/a/b/tree/main/c/d", "'https://h.org/a/b.git/c/d' with '--ref main'?"),
        ("https://h.org/a/b/-/tree/v1", "'https://h.org/a/b.git' with '--ref v1'?"),
        ("https://h.org/a/b/blob/v1/c/d.json5", "'https://h.org/a/b.git/c' with '--ref v1'?"),
        ("https://h.org/a/b.git@v1", "'https://h.org/a/b.git' with '--ref v1'?"),
        ("https://me:pw@h.org/a/b", "'https://h.org/a/b.git'?"),
    ],
)
def test_a_page_that_shows_a_repository_is_told_the_repositorys_address(
    page: str, meant: str
) -> None:
    sentence, hint = refusal(page)
    assert sentence.endswith("does not say where the repository ends")
    assert hint == f"a repository's address ends in '.git': did you mean {meant}"


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("mock", VariantName(Name("mock"))),
        ("./mock", LocalSource("./mock")),
        ("/nodes/mock@home", LocalSource("/nodes/mock@home")),
        ("variants/mock", LocalSource("variants/mock")),
        (".", LocalSource(".")),
        ("https://h/a.git", GitSource("https://h/a.git", "", "")),
        ("https://h/a.git@v1", GitSource("https://h/a.git", "", "v1")),
        ("https://h/a.git/b/c@main", GitSource("https://h/a.git", "b/c", "main")),
        ("https://h/a.git/b@feature/x", GitSource("https://h/a.git", "b", "feature/x")),
        ("https://h/a.git/b@2/c@v1", GitSource("https://h/a.git", "b@2/c", "v1")),
        ("git@h:a.git/b@v1", GitSource("git@h:a.git", "b", "v1")),
        ("ssh://git@h/a.git/b", GitSource("ssh://git@h/a.git", "b", "")),
        (f"https://h/a.tzst#sha256={DIGEST}", ArchiveSource("https://h/a.tzst", DIGEST)),
    ],
)
def test_what_is_typed_as_a_variant_is_read(text: str, variant: VariantChoice) -> None:
    assert parse_variant(text) == variant


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "an empty text is not a variant", "write a variant's name"),
        ("camera:v1", "'camera:v1' is not a variant", "write a variant's name"),
        ("my mock", "'my mock' is not a variant", "write a variant's name"),
        ("https://h/a.git/b@", "an empty text is no branch", "write"),
        ("https://h/a.git/b@-x", "'-x' may not begin with '-'", "write"),
        ("https://h/a.git/../b@x", "'../b' may not leave the repository", "write"),
        ("https://h/a/b/tree/main/c", "'https://h/a/b/tree/main/c' does not", "a repository's"),
        ("h.org/a/b.git/c@x", "'h.org/a/b.git/c@x' looks like", "write 'https://h.org"),
    ],
)
def test_what_is_no_variant_is_refused_with_the_next_step(
    text: str, sentence: str, hint: str
) -> None:
    found, next_step = variant_refusal(text)
    assert found.startswith(sentence)
    assert next_step.startswith(hint)


def test_a_page_is_told_how_a_variant_names_its_ref() -> None:
    assert variant_refusal("https://h/a/b/tree/v1/c")[1].endswith(
        "did you mean 'https://h/a/b.git/c' with '@v1' after it?"
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@h.org/a/b",
        "https://hunter2@h.org/a/b",
        "https://me:hunt/hunter2@h.org/a/b",
        "https://me:hunter2@h.org/a.zip",
        "https://me:hunter2@h.org/a.git/..",
        "https://me:hunter2@h.org/a.git?token=hunter2",
        "https://h.org/a.tar?sig=hunter2",
        "https://me:hunter2@h.org/a b.tzst",
        "ssh://git:hunter2@h.org/a",
        "ftp://me:hunter2@h.org/a",
        f"https://{'hunter2' * 1000}@h.org/a b.git",
    ],
)
def test_no_refusal_shows_credentials(text: str) -> None:
    for parse in (parse_source, parse_variant):
        with pytest.raises(NotASource) as caught:
            parse(text)
        assert "hunter2" not in str(caught.value)


_PIECES = st.sampled_from(
    ["https://", "git@", "file://", ".git", "/", "@", ":", "..", "a", ".tzst", "#sha256=", "?", "-"]
)
_TEXTS = st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=3))).map("".join))


@given(_TEXTS, st.one_of(st.none(), _TEXTS))
def test_no_text_is_more_than_refused(text: str, ref: str | None) -> None:
    for parse in (lambda: parse_source(text, ref), lambda: parse_variant(text)):
        with contextlib.suppress(PeppyError):
            found = parse()
            if isinstance(found, GitSource):
                assert not found.repo.startswith("-")
                assert not found.ref.startswith("-")
                assert ".." not in found.path.split("/")
