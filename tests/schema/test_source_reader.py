"""Where variants and deployments come from."""

import pytest

from peppy.schema.errors import DocumentError
from peppy.schema.reader import literal_cursor
from peppy.schema.source_reader import read_source
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, PlacedSource

DIGEST = "0123456789abcdef" * 4
REPO = "https://a.b/c.git"
URL = "https://example.com/brain.tar.zst"


def source(literal: object) -> PlacedSource:
    cursor = literal_cursor(literal, "a source")
    read = read_source(cursor)
    cursor.report.settle()
    return read


def test_each_shape_is_read() -> None:
    assert source({"local": "./mock"}) == LocalSource("./mock")
    assert source({"repo": "https://a.b/c.git", "path": "d", "ref": "main"}) == GitSource(
        "https://a.b/c.git", "d", "main"
    )
    assert source({"url": URL, "sha256": DIGEST.upper()}) == ArchiveSource(URL, DIGEST)


@pytest.mark.parametrize(
    ("literal", "path", "what"),
    [
        ({}, "", "is not a source: write { local }, { repo, path, ref } or { url, sha256 }"),
        ("./mock", "", "must be an object, not a string"),
        ({"local": ""}, "local", "is empty"),
        ({"local": "a", "repo": "b"}, "", "mixes 'local' and 'repo'"),
        ({"local": "a", "ref": "main"}, "ref", "'ref' is not known here"),
        ({"repo": REPO, "path": "b"}, "", "'ref' is missing"),
        ({"repo": "-a", "path": "b", "ref": "c"}, "repo", "'-a' may not begin with '-'"),
        ({"repo": REPO, "path": "b", "ref": "--c"}, "ref", "'--c' may not begin with '-'"),
        ({"repo": REPO, "path": "/b", "ref": "c"}, "path", "'/b' must be relative"),
        ({"repo": REPO, "path": "b/../..", "ref": "c"}, "path", "'b/../..' may not leave"),
        ({"repo": "ext::x", "path": "b", "ref": "c"}, "repo", "'ext::x' is not the address"),
        ({"repo": "git://a/b", "path": "b", "ref": "c"}, "repo", "git repositories are fetched"),
        ({"repo": REPO, "path": "b", "ref": "a..b"}, "ref", "'a..b' cannot be a branch"),
        ({"local": REPO}, "local", "is an address: write { repo, path, ref }"),
        ({"url": URL}, "", "'sha256' is missing"),
        ({"url": URL, "sha256": "ab"}, "sha256", "'ab' is not a SHA-256"),
        ({"url": "ftp://a/b.tar.zst", "sha256": DIGEST}, "url", "'ftp://a/b.tar.zst' is not"),
        ({"url": "https://[a/b.tzst", "sha256": DIGEST}, "url", "'https://[a/b.tzst' is not"),
        ({"url": "https:///b.tzst", "sha256": DIGEST}, "url", "'https:///b.tzst' is not"),
        ({"url": "https://a/b c.tzst", "sha256": DIGEST}, "url", "'https://a/b c.tzst' is not"),
        ({"url": "https://a/b.zip", "sha256": DIGEST}, "url", "'https://a/b.zip' must end in"),
    ],
)
def test_a_wrong_source_is_a_problem(literal: object, path: str, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        source(literal)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.what.startswith(what)
