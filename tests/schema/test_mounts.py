"""Host paths that a container sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.mounts import MountParts, is_blocked, mount_parts, references, substituted


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/data", MountParts("/data", "/data")),
        ("/data:/opt", MountParts("/data", "/opt")),
        ("/data:/opt:ro", MountParts("/data", "/opt", "ro")),
        ("${parameters:a.b}:/opt", MountParts("${parameters:a.b}", "/opt")),
        ("${parameters:a}", MountParts("${parameters:a}", "${parameters:a}")),
        ("/x/${parameters:a}:${parameters:b}", MountParts("/x/${parameters:a}", "${parameters:b}")),
        ("/data:", None),
        (":/data", None),
        ("a:b:c:d", None),
        ("a\0b", None),
    ],
)
def test_a_mount_has_these_parts(text: str, parts: MountParts | None) -> None:
    assert mount_parts(text) == parts


def test_references_are_found_and_replaced() -> None:
    text = "/x/${parameters:a}:${parameters:b.c}"
    assert references(text) == ("a", "b.c")
    assert substituted(text, {"a": "1", "b.c": "/y"}) == "/x/1:/y"


@pytest.mark.parametrize(
    "path", ["/", "//", "/bin", "/tmp/", "/usr/lib/..", "/private/var", "/./etc"]
)
def test_system_directories_are_blocked(path: str) -> None:
    assert is_blocked(path)


@pytest.mark.parametrize("path", ["/tmp/mine", "/home/me", "/data", "tmp", "/etcetera"])
def test_other_directories_are_not_blocked(path: str) -> None:
    assert not is_blocked(path)


@given(st.text())
def test_any_text_is_a_mount_or_none(text: str) -> None:
    parts = mount_parts(text)
    assert parts is None or parts.host in text
