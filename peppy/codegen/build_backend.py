"""Builds the package that lies beside this file: PEP 517 with the standard library alone.

`peppy` copies it into every `.peppy/libs/peppygen`; so uv, pip and poetry install the bindings
without fetching a build system first.
"""

import base64
import gzip
import hashlib
import io
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parent
_PACKAGES: Final = ("peppygen", "peppylib", "peppy")
_WHEEL: Final = (
    "Wheel-Version: 1.0\nGenerator: peppygen\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)

_Settings = Mapping[str, Any] | None


def build_wheel(
    wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel of all the packages; return its file name."""
    return _write_wheel(wheel_directory, _sources())


def build_editable(
    wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None
) -> str:
    """Write a wheel that only points at this directory; return its file name."""
    return _write_wheel(wheel_directory, iter([("peppygen.pth", f"{_ROOT}\n".encode())]))


def build_sdist(sdist_directory: str, config_settings: _Settings = None) -> str:
    """Write an archive of this directory; return its file name."""
    stem = _stem()
    own = ("pyproject.toml", Path(__file__).name)
    files = [*((name, (_ROOT / name).read_bytes()) for name in own), *_sources()]
    target = Path(sdist_directory, f"{stem}.tar.gz")
    with (
        # A fixed date makes equal sources equal archives.
        gzip.GzipFile(target, "wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in [("PKG-INFO", _metadata().encode()), *files]:
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.name


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: _Settings = None
) -> str:
    """Write the wheel's metadata; return the name of their directory."""
    directory = Path(metadata_directory, f"{_stem()}.dist-info")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in _information().items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory.name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def _write_wheel(wheel_directory: str, files: Iterator[tuple[str, bytes]]) -> str:
    info = f"{_stem()}.dist-info"
    target = Path(wheel_directory, f"{_stem()}-py3-none-any.whl")
    metadata = [(f"{info}/{name}", text.encode()) for name, text in _information().items()]
    record = ""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in [*files, *metadata]:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record += f"{name},sha256={digest.decode()},{len(content)}\n"
            wheel.writestr(_entry(name), content)
        wheel.writestr(_entry(f"{info}/RECORD"), f"{record}{info}/RECORD,,\n")
    return target.name


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed date makes equal sources equal wheels.
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _sources() -> Iterator[tuple[str, bytes]]:
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("*")):
            if file.suffix == ".py" or file.name == "py.typed":
                yield file.relative_to(_ROOT).as_posix(), file.read_bytes()


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return project


def _stem() -> str:
    project = _project()
    return f"{project['name']}-{project['version']}"


def _information() -> dict[str, str]:
    return {
        "METADATA": _metadata(),
        "WHEEL": _WHEEL,
        "entry_points.txt": _entry_points(),
    }


def _entry_points() -> str:
    groups: dict[str, dict[str, str]] = _project()["entry-points"]
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in entries.items())
        for group, entries in groups.items()
    )


def _metadata() -> str:
    project = _project()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project["dependencies"]),
    ]
    return "\n".join(lines) + "\n"
