"""The build backend of the bindings: its wheels hold what they say."""

import base64
import csv
import hashlib
import importlib.util
import tarfile
import zipfile
from importlib.metadata import Distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from peppy.codegen.bindings import generate
from tests.codegen.codegen_documents import CAMERA, document


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in generate(document(CAMERA), {}).items():
        file = tmp_path / "peppygen_project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "peppygen_project"


@pytest.fixture
def backend(project: Path) -> Any:
    spec = importlib.util.spec_from_file_location("peppygen_build", project / "peppygen_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_wheel_holds_every_package_and_a_true_record(backend: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / backend.build_wheel(str(tmp_path))) as wheel:
        names = wheel.namelist()
        (record_name,) = [name for name in names if name.endswith("RECORD")]
        record = list(csv.reader(wheel.read(record_name).decode().splitlines()))
        for name, digest, size in record[:-1]:
            content = wheel.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
            assert digest == f"sha256={expected.rstrip(b'=').decode()}"
            assert int(size) == len(content)
        metadata = wheel.read(record_name.replace("RECORD", "METADATA")).decode()
    assert [row[0] for row in record] == names
    for name in ("peppygen/__init__.py", "peppylib/py.typed", "peppy/runtime/builder.py"):
        assert name in names
    assert "Requires-Python: >=3.11" in metadata
    assert "Requires-Dist: eclipse-zenoh" in metadata
    assert "pytest" not in metadata


@pytest.mark.parametrize("build", ["build_wheel", "build_editable"])
def test_pytest_finds_the_fixtures_by_the_wheels_entry_point(
    backend: Any, build: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / getattr(backend, build)(str(tmp_path))) as wheel:
        (path,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        unpacked = Path(wheel.extract(path, tmp_path))
    (found,) = Distribution.at(unpacked.parent).entry_points
    assert (found.group, found.name, found.value) == ("pytest11", "peppy", "peppy.testing.plugin")
    assert find_spec(found.value) is not None


def test_equal_sources_make_equal_wheels(backend: Any, tmp_path: Path) -> None:
    wheel = backend.build_wheel(str(tmp_path))
    first = (tmp_path / wheel).read_bytes()
    assert backend.build_wheel(str(tmp_path)) == wheel
    assert (tmp_path / wheel).read_bytes() == first


def test_an_editable_wheel_points_at_the_project(
    backend: Any, project: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / backend.build_editable(str(tmp_path))) as wheel:
        assert wheel.read("peppygen.pth").decode() == f"{project}\n"
        assert "peppygen/__init__.py" not in wheel.namelist()


def test_the_metadata_ahead_of_a_wheel_are_those_in_it(backend: Any, tmp_path: Path) -> None:
    directory = tmp_path / backend.prepare_metadata_for_build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / backend.build_wheel(str(tmp_path))) as wheel:
        for file in directory.iterdir():
            assert wheel.read(f"{directory.name}/{file.name}") == file.read_bytes()


def test_a_source_archive_builds_again(backend: Any, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / backend.build_sdist(str(tmp_path))) as archive:
        names = [member.name.partition("/")[2] for member in archive]
    assert {"PKG-INFO", "pyproject.toml", "peppygen_build.py", "peppygen/__init__.py"} <= set(names)
