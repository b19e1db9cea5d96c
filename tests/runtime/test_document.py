"""A document that changed after its bindings were generated is noticed, once, without harm.

So is that of a variant's root, which has to be there.
"""

import hashlib
from pathlib import Path

import pytest

from peppy.runtime.document import NoDocument, NoRootAbove, compare_document

TEXT = b"{ peppy_schema: 'node_v1' }"
DIGEST = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "peppy.json5"
    path.write_bytes(TEXT)
    return path


def test_an_unchanged_document_is_not_spoken_of(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_document(document, DIGEST)
    assert capsys.readouterr().err == ""


def test_a_changed_document_is_one_line_that_says_what_to_run(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_document(document, "0" * 64)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert str(document) in lines[0]
    assert "run 'peppy node sync'" in lines[0]


def test_a_directory_stands_for_the_document_in_it(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_document(document.parent, "0" * 64)
    assert "peppy node sync" in capsys.readouterr().err


def test_the_document_is_looked_for_above_the_working_directory(
    document: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    below = document.parent / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    compare_document(None, "0" * 64)
    assert str(document) in capsys.readouterr().err


def test_a_given_document_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoDocument, match="there is no node document at"):
        compare_document(tmp_path / "other.json5", DIGEST)


ROOT = b"{ peppy_schema: 'node_v1', manifest: {} }"
ROOT_DIGEST = hashlib.sha256(ROOT).hexdigest()


@pytest.fixture
def variant(tmp_path: Path) -> Path:
    """Return the document of a variant; its root's lies two directories above."""
    (tmp_path / "peppy.json5").write_bytes(ROOT)
    path = tmp_path / "variants/mock/peppy.json5"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    return path


def compared(path: Path | None, capsys: pytest.CaptureFixture[str]) -> list[str]:
    compare_document(path, DIGEST, ROOT_DIGEST)
    return capsys.readouterr().err.splitlines()


def test_an_unchanged_variant_of_an_unchanged_root_is_not_spoken_of(
    variant: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compared(variant, capsys) == []
    monkeypatch.chdir(variant.parent)
    assert compared(None, capsys) == []


def test_a_changed_root_is_one_line_that_names_it(
    variant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = variant.parent.parent.parent / "peppy.json5"
    root.write_bytes(ROOT + b" // more")
    (line,) = compared(variant, capsys)
    assert f"'{root}' has changed" in line
    assert "run 'peppy node sync'" in line


def test_each_of_two_changed_documents_is_named(
    variant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = variant.parent.parent.parent / "peppy.json5"
    root.write_bytes(ROOT + b" // more")
    variant.write_bytes(TEXT + b" // more")
    first, second = compared(variant, capsys)
    assert f"'{variant}'" in first
    assert f"'{root}'" in second


def test_another_variant_between_the_two_is_not_taken_for_the_root(
    variant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (variant.parent.parent / "peppy.json5").write_bytes(b"{ execution: {} }")
    assert compared(variant, capsys) == []


def test_a_variant_that_speaks_of_a_manifest_is_not_taken_for_the_root(
    variant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (variant.parent.parent / "peppy.json5").write_bytes(b"{ /* no manifest */ execution: {} }")
    assert compared(variant, capsys) == []


def test_a_variant_that_was_copied_away_from_its_root_does_not_start(
    variant: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("elsewhere") / "peppy.json5"
    copy.write_bytes(variant.read_bytes())
    with pytest.raises(NoRootAbove, match="its root was not found") as caught:
        compare_document(copy, DIGEST, ROOT_DIGEST)
    assert str(copy) in str(caught.value)
    assert "put the root's document back" in str(caught.value.hint)


@pytest.mark.parametrize("text", [TEXT, b"{ /* the manifest is the root's */ }"])
def test_neither_another_variant_above_nor_its_own_words_stand_for_a_root(
    text: bytes, tmp_path: Path
) -> None:
    (tmp_path / "peppy.json5").write_bytes(b"{ execution: {} }")
    path = tmp_path / "mock/peppy.json5"
    path.parent.mkdir()
    path.write_bytes(text)
    with pytest.raises(NoRootAbove):
        compare_document(path, hashlib.sha256(text).hexdigest(), ROOT_DIGEST)


def test_a_variant_started_from_its_roots_directory_is_not_said_to_have_changed(
    variant: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(variant.parent.parent.parent)
    assert compared(None, capsys) == []
