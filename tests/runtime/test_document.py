"""A document that changed after its bindings were generated is noticed, once, without harm."""

import hashlib
from pathlib import Path

import pytest

from peppy.runtime.document import NoDocument, compare_document

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
