"""Lock files: their text, what is read of it, and what has drifted."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.lock import (
    Lock,
    LockedDocument,
    LockedNode,
    drift,
    here,
    lock_name,
    portable_origin,
    portable_wanted,
)
from peppy.schema.lock_reader import read_lock
from peppy.schema.lock_text import lock_text
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Origin,
    Source,
    VariantName,
    Wanted,
)

DOCUMENT = "d" * 64
INTERFACES = "e" * 64
ARCHIVE = "a" * 64
COMMIT = "c" * 40
HERE = "/home/me/robots/one"


def local(path: str = "../camera") -> LockedDocument:
    return LockedDocument(origin=Origin(source=LocalSource(path)), sha256=DOCUMENT)


def git(commit: str = COMMIT, repo: str = "https://h/a.git") -> LockedDocument:
    origin = Origin(source=GitSource(repo, "b", commit), commit=commit, directory="b")
    return LockedDocument(origin=origin, sha256=DOCUMENT)


def archive(sha256: str = ARCHIVE) -> LockedDocument:
    source = ArchiveSource("https://h/a.tzst", sha256, "b")
    origin = Origin(source=source, sha256=sha256, directory="b")
    return LockedDocument(origin=origin, sha256=DOCUMENT)


def locked(
    root: LockedDocument, name: str = "camera", source: Source | None = None, **others: Any
) -> LockedNode:
    node = LockedNode(
        node=NodeId(Name(name), Tag("v1")),
        wanted=Wanted(source=source or NamedSource(Name(name), Tag("v1"))),
        root=root,
        interfaces=INTERFACES,
    )
    return msgspec.structs.replace(node, **others)


CAMERA = locked(
    local(),
    wanted=Wanted(source=LocalSource("../camera"), variant=VariantName(Name("mock"))),
    own=local("../camera/variants/mock"),
)
ARM = locked(git(), "arm", GitSource("https://h/a.git", "b", "main"))
BRAIN = locked(archive(), "brain", own=git())
ALL = Lock(nodes=(ARM, BRAIN, CAMERA))

TEXT = f"""\
// What each node of the launch file beside this one was resolved to.
// 'peppy stack lock' writes it, 'peppy stack launch --locked' compares. Keep it in git.
{{
  peppy_schema: "lock_v1",
  locked: [
    {{
      node: "arm:v1",
      source: {{
        repo: "https://h/a.git",
        path: "b",
        ref: "main",
      }},
      resolved: {{
        repo: "https://h/a.git",
        path: "b",
        commit: "{COMMIT}",
        document: "{DOCUMENT}",
      }},
      interfaces: "{INTERFACES}",
    }},
    {{
      node: "brain:v1",
      source: {{
        name: "brain",
        tag: "v1",
      }},
      resolved: {{
        url: "https://h/a.tzst",
        path: "b",
        sha256: "{ARCHIVE}",
        document: "{DOCUMENT}",
      }},
      resolved_variant: {{
        repo: "https://h/a.git",
        path: "b",
        commit: "{COMMIT}",
        document: "{DOCUMENT}",
      }},
      interfaces: "{INTERFACES}",
    }},
    {{
      node: "camera:v1",
      source: {{
        local: "../camera",
        variant: {{
          name: "mock",
        }},
      }},
      resolved: {{
        local: "../camera",
        document: "{DOCUMENT}",
      }},
      resolved_variant: {{
        local: "../camera/variants/mock",
        document: "{DOCUMENT}",
      }},
      interfaces: "{INTERFACES}",
    }},
  ],
}}
"""


def read(text: str) -> Lock:
    return read_lock(text.encode(), "robot.lock.json5")


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    return [(p.path, p.what) for p in caught.value.problems]


def test_the_text_of_a_lock_file_has_a_value_a_line() -> None:
    assert lock_text(ALL) == TEXT


def test_the_order_of_the_nodes_does_not_change_the_text() -> None:
    assert lock_text(Lock(nodes=(CAMERA, BRAIN, ARM))) == TEXT


def test_what_was_written_is_read() -> None:
    assert read(TEXT) == ALL


@pytest.mark.parametrize("sha256", ["", ARCHIVE])
def test_a_directory_of_an_archive_that_is_wanted_is_written_and_read(sha256: str) -> None:
    wanted = Wanted(
        source=ArchiveSource("https://h/a.tzst", ARCHIVE, "b/c"),
        variant=ArchiveSource("https://h/b.tzst", sha256, "d"),
    )
    lock = Lock(nodes=(locked(local(), wanted=wanted),))
    assert read(lock_text(lock)) == lock


def test_a_lock_of_nothing_is_read() -> None:
    assert read(lock_text(Lock(nodes=()))) == Lock(nodes=())


@pytest.mark.parametrize(
    ("launcher", "lock"),
    [
        ("/a/robot.json5", "/a/robot.lock.json5"),
        ("/a.b/robot", "/a.b/robot.lock.json5"),
        ("/a/robot.v1.json5", "/a/robot.v1.lock.json5"),
    ],
)
def test_a_lock_file_lies_beside_its_launch_file(launcher: str, lock: str) -> None:
    assert lock_name(launcher) == lock


@pytest.mark.parametrize(
    ("path", "portable"),
    [
        (f"{HERE}/camera", "camera"),
        (HERE, "."),
        ("/home/me/robots/camera", "../camera"),
        ("/home/her/camera", "../../../her/camera"),
        ("/opt/camera", "/opt/camera"),
    ],
)
def test_directories_are_relative_to_the_launch_file_and_come_back(
    path: str, portable: str
) -> None:
    origin = portable_origin(Origin(source=LocalSource(path)), HERE)
    assert origin == Origin(source=LocalSource(portable))
    assert here(origin, HERE) == Origin(source=LocalSource(path))
    assert portable_wanted(Wanted(source=LocalSource(path)), HERE).source == LocalSource(portable)


def test_a_locked_origin_names_the_very_place() -> None:
    found = Origin(source=GitSource("https://h/a.git", "b", "main"), commit=COMMIT, directory="b/x")
    assert portable_origin(found, HERE) == Origin(
        source=GitSource("https://h/a.git", "b/x", COMMIT), commit=COMMIT, directory="b/x"
    )
    unpacked = Origin(source=ArchiveSource("https://h/a.tzst", ""), sha256=ARCHIVE, directory="b")
    assert portable_origin(unpacked, HERE) == archive().origin


def test_no_credentials_are_locked() -> None:
    secret = GitSource("https://me:hunter2@h/a.git", "b", "main")
    signed = ArchiveSource("https://me:hunter2@h/a.tzst?sig=hunter2", ARCHIVE)
    text = lock_text(
        Lock(
            nodes=(
                locked(
                    LockedDocument(
                        origin=portable_origin(Origin(source=secret, commit=COMMIT), HERE),
                        sha256=DOCUMENT,
                    ),
                    own=LockedDocument(
                        origin=portable_origin(Origin(source=signed, sha256=ARCHIVE), HERE),
                        sha256=DOCUMENT,
                    ),
                    wanted=portable_wanted(Wanted(source=secret, variant=signed), HERE),
                ),
            )
        )
    )
    assert "hunter2" not in text
    assert read(text).find(portable_wanted(Wanted(source=secret, variant=signed), HERE))


def test_a_deployment_finds_what_it_was_locked_to() -> None:
    assert ALL.find(CAMERA.wanted) is CAMERA
    assert ALL.find(Wanted(source=CAMERA.wanted.source)) is None


def test_what_has_not_changed_is_no_drift() -> None:
    assert drift(ALL, [CAMERA, ARM, BRAIN]) == []


OTHER = "f" * 64


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            locked(git()),
            locked(git("f" * 40)),
            f"the commit of 'camera:v1': locked is '{COMMIT}', there is '{'f' * 40}'",
        ),
        (
            locked(archive()),
            locked(archive(OTHER)),
            f"the archive of 'camera:v1': locked is '{ARCHIVE}', there is '{OTHER}'",
        ),
        (
            locked(git()),
            locked(git(repo="https://h/c.git")),
            "the source of 'camera:v1': locked is 'https://h/a.git/b', there is 'https://h/c.git/b'",
        ),
        (
            locked(git()),
            locked(archive()),
            "the source of 'camera:v1': locked is 'https://h/a.git/b', there is "
            "'https://h/a.tzst (b)'",
        ),
        (
            locked(local()),
            locked(msgspec.structs.replace(local(), sha256=OTHER)),
            f"the document of 'camera:v1': locked is '{DOCUMENT}', there is '{OTHER}'",
        ),
        (
            locked(local()),
            locked(local(), interfaces=OTHER),
            f"the interfaces of 'camera:v1': locked is '{INTERFACES}', there is '{OTHER}'",
        ),
        (
            locked(local()),
            locked(local(), node=NodeId(Name("camera"), Tag("v2"))),
            "the node from 'camera:v1': locked is 'camera:v1', there is 'camera:v2'",
        ),
        (
            locked(local()),
            locked(local(), own=local("mock")),
            "the variant of 'camera:v1': locked is 'the node's own execution', there is 'mock'",
        ),
        (
            locked(local(), own=git()),
            locked(local(), own=git("f" * 40)),
            f"the commit of the variant of 'camera:v1': locked is '{COMMIT}', there is "
            f"'{'f' * 40}'",
        ),
    ],
)
def test_each_difference_is_a_sentence_with_both_values(
    before: LockedNode, after: LockedNode, sentence: str
) -> None:
    assert drift(Lock(nodes=(before,)), [after]) == [sentence]


def test_what_was_added_and_what_is_missing_is_drift() -> None:
    assert drift(Lock(nodes=(ARM, CAMERA)), [ARM, BRAIN]) == [
        "'brain:v1' from 'brain:v1' is not locked",
        "'camera:v1' from '../camera (variant mock)' is locked, and is not in the launch file",
    ]


LOCAL = f"{{node: 'a:v1', source: {{local: '.'}}, resolved: {{local: '.', document: '{DOCUMENT}'}}"


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("{locked: []}", "", "'peppy_schema' is missing"),
        ("{peppy_schema: 'lock_v2', locked: []}", "peppy_schema", "'lock_v2' is not the schema"),
        ("{peppy_schema: 'lock_v1'}", "", "'locked' is missing"),
        ("{HEAD, nodes: 1, locked: []}", "nodes", "'nodes' is not known here"),
        ("{HEAD, locked: [LOCAL}]}", "locked[0]", "'interfaces' is missing"),
        (
            "{HEAD, locked: [LOCAL, interfaces: 'x'}]}",
            "locked[0].interfaces",
            "'x' is not a SHA-256",
        ),
        (
            "{HEAD, locked: [LOCAL, interfaces: 'SHA'}, LOCAL, interfaces: 'SHA'}]}",
            "locked[1]",
            "locks '.' a second time",
        ),
        (
            "{HEAD, locked: [LOCAL, interfaces: 'SHA', resolved_variant: {repo: 'https://h/a', "
            "path: '.', commit: 'abc', document: 'SHA'}}]}",
            "locked[0].resolved_variant.commit",
            "'abc' is not a whole commit",
        ),
        (
            "{HEAD, locked: [LOCAL, interfaces: 'SHA', resolved_variant: {document: 'SHA'}}]}",
            "locked[0].resolved_variant",
            "is not a source: write { local }, { repo, path, commit } or { url, path, sha256 }",
        ),
        ("{deployments: []}", "", "this is a launch file"),
    ],
)
def test_a_wrong_lock_file_is_a_problem(text: str, path: str, what: str) -> None:
    for short, whole in (("HEAD", "peppy_schema: 'lock_v1'"), ("LOCAL", LOCAL), ("SHA", OTHER)):
        text = text.replace(short, whole)
    ((found, sentence),) = problems(text)
    assert found == path
    assert sentence.startswith(what)


_SPLICES = st.tuples(
    st.integers(0, len(TEXT)),
    st.integers(0, 40),
    st.sampled_from(["", "{", "}", "[", "]", "null", "1e9", "'x'", "-", "\\", "{a: {b: []}}", ","]),
)


@settings(max_examples=40)
@given(st.lists(_SPLICES, min_size=1, max_size=3))
def test_no_lock_file_is_more_than_refused(splices: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, length, put in splices:
        text = text[:at] + put + text[at + length :]
    with contextlib.suppress(PeppyError):
        lock = read(text)
        assert read(lock_text(lock)).nodes == tuple(
            sorted(lock.nodes, key=lambda one: (one.node, str(one.wanted)))
        )
