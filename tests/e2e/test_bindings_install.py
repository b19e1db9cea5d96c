"""Real installers on real bindings: nothing is fetched but what the runtime requires."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from uv import find_uv_bin

from peppy.codegen.bindings import generate
from peppy.codegen.templates import node_template
from peppy.schema.node_reader import read_node_document
from tests.codegen.codegen_documents import CAMERA, document, written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

REQUIREMENTS = ("anyio>=4.6", "eclipse-zenoh>=1.9", "msgspec>=0.19")

LOOK = """
import peppy, peppygen, peppylib
from peppygen.emitted_topics import video_stream
print(peppygen.NodeBuilder.binding, video_stream._TOPIC.name, peppylib.__version__ == peppy.VERSION)
"""
SEEN = "<Binding of camera:v1> video-stream True\n"

COMMANDS = """
from importlib.metadata import entry_points
print([(each.name, each.value) for each in entry_points(group="console_scripts")])
"""

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"VIRTUAL_ENV", "PYTHONPATH", "UV_OFFLINE"}
}


def run(directory: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=directory, env=ENVIRONMENT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv(directory: Path, *words: str) -> str:
    # Not `python -m uv`: that one works on the environment of the Python that runs it.
    return run(directory, find_uv_bin(), *words)


def python(environment: Path) -> str:
    return str(environment / "bin/python")


def install(environment: Path, *words: str) -> None:
    """Have uv install into this environment what it finds without the network."""
    uv(environment, "pip", "install", "--offline", "--python", python(environment), *words)


@pytest.fixture
def bindings(tmp_path: Path) -> Path:
    return written(tmp_path / "peppygen", generate(document(CAMERA), {}))


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """Return an empty environment, after the requirements have been in uv's cache once."""
    for name in ("full", "empty"):
        uv(tmp_path, "venv", "--python", sys.executable, name)
    full = python(tmp_path / "full")
    uv(tmp_path, "pip", "install", "--python", full, *REQUIREMENTS)
    return tmp_path / "empty"


@pytest.mark.parametrize("how", [(), ("-e",)], ids=["copied", "editable"])
def test_uv_installs_bindings_offline(bindings: Path, cached: Path, how: tuple[str, ...]) -> None:
    install(cached, *how, str(bindings))
    assert run(cached, python(cached), "-c", LOOK) == SEEN


def test_uv_builds_and_installs_a_source_archive_offline(bindings: Path, cached: Path) -> None:
    uv(cached, "build", "--offline", "--sdist", "--out-dir", "out", str(bindings))
    (archive,) = (cached / "out").glob("*.tar.gz")
    install(cached, str(archive))
    assert run(cached, python(cached), "-c", LOOK) == SEEN


def test_uv_installs_bindings_anew_when_they_were_generated_anew(
    bindings: Path, cached: Path
) -> None:
    install(cached, str(bindings))
    renamed = CAMERA.replace('"video-stream"', '"other-stream"')
    written(bindings, generate(document(renamed), {}))
    install(cached, str(bindings))
    look = "from peppygen.emitted_topics import other_stream as o; print(o._TOPIC.name)"
    assert run(cached, python(cached), "-c", look) == "other-stream\n"


def test_pip_installs_bindings_without_an_index(bindings: Path, tmp_path: Path) -> None:
    wheels, environment = tmp_path / "wheels", tmp_path / "by_pip"
    run(tmp_path, sys.executable, "-m", "pip", "download", "-q", "-d", str(wheels), *REQUIREMENTS)
    venv.create(environment, with_pip=True)
    pip = (python(environment), "-m", "pip")
    run(tmp_path, *pip, "install", "--no-index", "--find-links", str(wheels), str(bindings))
    assert run(tmp_path, python(environment), "-c", LOOK) == SEEN
    run(tmp_path, *pip, "check")


def fresh_node(place: Path, name: str) -> Path:
    """Return the directory of a node as `node init` makes it."""
    node = written(place / name, node_template(name, "uv", container=False))
    text = (node / "peppy.json5").read_bytes()
    written(node / ".peppy/libs/peppygen", generate(read_node_document(text, "peppy.json5"), {}))
    return node


@pytest.mark.parametrize("name", ["hello_world", "My-Node_", "class", "a-1"])
def test_after_one_node_was_built_others_are_built_offline(name: str, tmp_path: Path) -> None:
    # For a lock file uv looks at every platform's requirements, which `pip install` does not.
    uv(fresh_node(tmp_path, "first"), "sync", "--python", sys.executable)
    node = fresh_node(tmp_path, name)
    uv(node, "sync", "--offline", "--python", sys.executable)
    (package,) = (path.name for path in (node / "src").iterdir() if path.is_dir())
    command = f"('{name}', '{package}.__main__:main')"
    assert command in run(node, python(node / ".venv"), "-c", COMMANDS)
    assert os.access(node / ".venv/bin" / name, os.X_OK)
