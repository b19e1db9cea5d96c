"""Whatever people type and whatever stands in files: it is read, or refused in plain sentences.

Good documents and addresses are broken at random, for some seconds; `PEPPY_FUZZ_SECONDS` says for
how many in all. A failure names its seed, and `PEPPY_FUZZ_SEED` begins with that one.
"""

import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from peppy.schema.addresses import without_credentials
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.fingerprint import interface_fingerprint
from peppy.schema.launcher_reader import looks_like_launcher, read_launcher
from peppy.schema.lock_reader import read_lock
from peppy.schema.lock_text import lock_text
from peppy.schema.node_reader import (
    is_variant_document,
    read_node_document,
    read_variant_document,
)
from peppy.schema.repositories_document import read_repositories, repositories_text
from peppy.schema.source_text import parse_source, parse_variant
from peppy.schema.sources import GitSource, LocalSource
from peppy.schema.tokens import Malformed, TokenKind, tokens
from tests.schema.test_launcher_reader import ROBOT
from tests.schema.test_lock import TEXT as LOCK
from tests.schema.test_node_reader import ARM, CONTAINER
from tests.schema.test_repositories_document import MINE as REPOSITORIES

pytestmark = pytest.mark.e2e

SECONDS = float(os.environ.get("PEPPY_FUZZ_SECONDS", "6"))
FIRST = int(os.environ.get("PEPPY_FUZZ_SEED", "0"))

SLOW = 10.0
"""Seconds that no text may take, on a machine that has much else to do."""

EXAMPLES = [
    path.read_text()
    for path in sorted((Path(__file__).parents[2] / "examples").rglob("*.json5"))
    if ".peppy" not in path.parts
]
DOCUMENTS = [ARM, CONTAINER, ROBOT, LOCK, REPOSITORIES, *EXAMPLES]

ADDRESSES = [
    "/home/me/camera:v1@x",
    "./camera",
    "camera:v1",
    "https://me:pw@github.com/a/b.git/c/d@main",
    "ssh://git@h.org:22/a.git/b",
    "git@h.org:a/b.git/c@v1",
    "file:///srv/a b.git/c",
    "https://h.org/a.tar.zst?x=y#sha256=" + "0123456789abcdef" * 4,
    "https://gitlab.org/a/b/-/tree/main/c",
    "ext::sh -c 'x://y.git'",
    "--upload-pack=x",
]

WORDS = [
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "'",
        '"',
        "\\",
        "//",
        "/*",
        "*/",
        "null",
        "true",
        "-1",
        "1e999",
    ),
    *("''", "'\\u0000'", "'\\ud83d'", "'..'", "'-x'", "'\x1b[31m'", "{}", "[]", "[[]]", "[{}]"),
    *("$type", "$optional", "'array'", "0x7fffffffffffffffffff", "18446744073709551616", "\ufeff"),
    *("\n", "\r\n", "\u2028", "\x00", "é", "\U0001f916", "@", ".git", "://", "/../", "#", "?"),
]


def read_source(text: str) -> None:
    for ref in (None, text[-5:]):
        found = parse_source(text, ref)
        if isinstance(found, GitSource):
            assert not found.repo.startswith("-")
            assert not found.ref.startswith("-")
            assert ".." not in found.path.split("/")
        without_credentials(text)


def read_variant(text: str) -> None:
    assert parse_variant(text)


def read_node(text: str) -> None:
    is_variant_document(text.encode(), "a")
    interface_fingerprint(read_node_document(text.encode(), "a").interfaces)


def read_variants_own(text: str) -> None:
    read_variant_document(text.encode(), "a")


def read_launch_file(text: str) -> None:
    looks_like_launcher(text.encode())
    for deployment in read_launcher(text.encode(), "a", "/a").deployments:
        assert deployment.instances
        if isinstance(deployment.wanted.source, LocalSource):
            assert deployment.wanted.source.local.startswith("/")


def read_lock_file(text: str) -> None:
    lock = read_lock(text.encode(), "a")
    assert set(read_lock(lock_text(lock).encode(), "a").nodes) == set(lock.nodes)


def read_repositories_file(text: str) -> None:
    repositories = read_repositories(text.encode(), "a")
    assert repositories_text(repositories, text) == text
    assert read_repositories(repositories_text(repositories).encode(), "a") == repositories


TARGETS: list[tuple[Callable[[str], None], Sequence[str]]] = [
    (read_source, ADDRESSES),
    (read_variant, ADDRESSES),
    (read_node, DOCUMENTS),
    (read_variants_own, DOCUMENTS),
    (read_launch_file, DOCUMENTS),
    (read_lock_file, DOCUMENTS),
    (read_repositories_file, DOCUMENTS),
]


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize(("reader", "texts"), TARGETS, ids=[t[0].__name__ for t in TARGETS])
def test_a_broken_text_is_refused_in_plain_sentences(
    reader: Callable[[str], None], texts: Sequence[str]
) -> None:
    end = time.monotonic() + SECONDS / len(TARGETS)
    seed = FIRST
    while seed < FIRST + 20 or time.monotonic() < end:
        text = broken(random.Random(seed), texts)
        began = time.monotonic()
        try:
            reader(text)
        except PeppyError as error:
            refused_plainly(error, text, seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error
        assert time.monotonic() - began < SLOW, f"seed {seed}"
        seed += 1


def test_every_good_document_is_read_by_its_own_reader() -> None:
    for text in EXAMPLES:
        if looks_like_launcher(text.encode()):
            read_launch_file(text)
        elif is_variant_document(text.encode(), "a"):
            read_variants_own(text)
        else:
            read_node(text)


def refused_plainly(error: PeppyError, text: str, seed: int) -> None:
    """Check that a refusal does nothing to a terminal, and points into the text."""
    for line in str(error).split("\n"):
        assert line.isprintable(), f"seed {seed}: {line!r}"
    if isinstance(error, DocumentError):
        assert error.problems
        lines = text.splitlines()
        for problem in error.problems:
            assert 0 <= problem.line <= len(lines) + 1, f"seed {seed}: {problem}"


def broken(chance: random.Random, texts: Sequence[str]) -> str:
    """Return one of the texts after some accidents."""
    text = chance.choice(texts)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        text = chance.choice(ACCIDENTS)(chance, text, texts)
    return text.encode("utf-8", "replace").decode()


def cut(chance: random.Random, text: str, _: Sequence[str]) -> str:
    start = chance.randint(0, len(text))
    return text[:start] + text[start + chance.choice((1, 1, 2, 10, 1000)) :]


def put(chance: random.Random, text: str, _: Sequence[str]) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(WORDS) * chance.choice((1, 1, 1, 2, 70)) + text[at:]


def scribble(chance: random.Random, text: str, _: Sequence[str]) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chr(chance.choice((chance.randint(0, 127), chance.randint(0, 0xD7FF))))


def splice(chance: random.Random, text: str, texts: Sequence[str]) -> str:
    other = chance.choice(texts)
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


def double(chance: random.Random, text: str, _: Sequence[str]) -> str:
    start = chance.randint(0, len(text))
    end = start + chance.randint(0, 200)
    return text[:end] + text[start:end] * chance.choice((1, 2, 50)) + text[end:]


def exchange(chance: random.Random, text: str, texts: Sequence[str]) -> str:
    """Put one token of the same kind, of this document or another one, in place of one."""
    try:
        mine = [t for t in tokens(text) if t.kind not in (TokenKind.MARK, TokenKind.END)]
        others = [t for t in tokens(chance.choice((text, *texts))) if t.kind is not TokenKind.END]
    except Malformed:
        return text
    if not mine or not others:
        return text
    token = chance.choice(mine)
    same = [other for other in others if other.kind is token.kind]
    other = chance.choice(same if same and chance.random() < 0.7 else others)
    return text[: token.offset] + other.text + text[token.offset + len(token.text) :]


ACCIDENTS = (cut, put, scribble, splice, double, exchange, exchange, exchange, exchange)
