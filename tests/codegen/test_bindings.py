"""The bindings: which files, which names, and what is refused."""

import ast
import asyncio
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from peppy.codegen.bindings import generate
from peppy.codegen.errors import MissingDependency, MissingInterface, NotPython
from peppy.codegen.python_text import docstring, text_literal
from peppy.schema.node import NodeDocument
from tests.codegen.codegen_documents import CAMERA, document, hostile, stack, viewer


def written(directory: Path, texts: dict[str, str]) -> Path:
    for path, text in texts.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return directory


def all_documents() -> list[NodeDocument]:
    return [document(CAMERA), document(viewer()), hostile()]


@pytest.fixture
def peppygen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what imports a module of a document's bindings."""

    def imported(node: NodeDocument, name: str) -> ModuleType:
        only_ours = {
            path: text
            for path, text in generate(node, stack(CAMERA)).items()
            if path.startswith("peppygen/")
        }
        written(tmp_path, only_ours)
        for module in [each for each in sys.modules if each.partition(".")[0] == "peppygen"]:
            monkeypatch.delitem(sys.modules, module)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield imported
    for module in [each for each in sys.modules if each.partition(".")[0] == "peppygen"]:
        del sys.modules[module]


def test_the_project_holds_the_modules_that_the_document_asks_for() -> None:
    camera = generate(document(CAMERA), {})
    assert {
        "pyproject.toml",
        "peppygen_build.py",
        "peppygen/__init__.py",
        "peppygen/py.typed",
        "peppygen/parameters/__init__.py",
        "peppygen/emitted_topics/video_stream.py",
        "peppygen/emitted_topics/beat.py",
        "peppygen/consumed_actions/__init__.py",
        "peppylib/__init__.py",
        "peppylib/py.typed",
        "peppy/__init__.py",
        "peppy/schema/node.py",
        "peppy/runtime/transport/port.py",
    } <= set(camera)
    assert not [path for path in camera if path.startswith(("peppy/codegen", "peppy/actors"))]
    assert camera["peppy.json5.sha256"] == f"{document(CAMERA).sha256}\n"

    looking = set(generate(document(viewer()), stack(CAMERA)))
    assert "peppygen/consumed_topics/front_camera_video_stream.py" in looking
    assert "peppygen/consumed_topics/light.py" in looking


def test_generating_imports_neither_the_runtime_nor_the_wire() -> None:
    code = (
        "import sys\n"
        "from peppy.codegen.project import project_files\n"
        "project_files()\n"
        "sys.exit(any(m in sys.modules for m in ('peppylib', 'peppy.runtime', 'zenoh')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_message_passes_from_the_emitters_module_to_the_topic(peppygen: Any) -> None:
    module = peppygen(document(CAMERA), "peppygen.emitted_topics.video_stream")
    sent: list[Any] = []

    class Topic:
        async def emit(self, _runner: object, message: object) -> None:
            sent.append(message)

    module._TOPIC = Topic()
    header = module.MessageHeader(1.5, "left")
    frames = [module.MessageFramesItem(b"abc")]
    asyncio.run(module.emit(object(), header, None, frames, [2, 3]))
    assert sent == [module.Message(header, None, frames, [2, 3], None)]


def test_parameters_are_nested_dataclasses(peppygen: Any) -> None:
    root = peppygen(document(CAMERA), "peppygen")
    given = {"video": {"frame_rate": 30, "resolution": {"width": 640, "height": 480}}}
    binding = root.NodeBuilder.binding
    params = root.Parameters.from_dict(binding.completed(given))
    assert params.video.resolution.width == 640
    assert params.device == "/dev/\"video'0\\"
    assert binding.completed(binding.as_mapping(params)) == binding.completed(given)
    assert (binding.name, binding.tag) == ("camera", "v1")


def test_names_that_the_modules_use_themselves_work_as_fields(peppygen: Any) -> None:
    node = hostile()
    root = peppygen(node, "peppygen")
    assert root.NodeBuilder.binding.schema == (
        node.execution.parameters if node.execution is not None else None
    )
    paths = [path for path in generate(node, {}) if path.startswith("peppygen/emitted_topics/")]
    for path in paths:
        module = importlib.import_module(re.sub(r"(/__init__)?\.py$", "", path).replace("/", "."))
        if hasattr(module, "_TOPIC"):
            # The codec pairs the dataclass with its format; it complains if they do not fit.
            assert module._TOPIC._codec.fingerprint > 0
    assert len(paths) == len(node.interfaces.emits) + 1


def test_a_missing_dependency_is_named() -> None:
    with pytest.raises(MissingDependency) as refused:
        generate(document(viewer()), {})
    assert refused.value.sentence == (
        "`viewer:v1` depends on `camera:v1`, but it does not exist in the stack"
    )


@pytest.mark.parametrize(
    ("what", "wanted", "guess"),
    [
        ("topic", "video-steam", "video-stream"),
        ("service", "zom", "zoom"),
        ("action", "pam", "pan"),
    ],
)
def test_a_missing_interface_is_named_with_what_was_meant(
    what: str, wanted: str, guess: str
) -> None:
    with pytest.raises(MissingInterface) as refused:
        generate(document(viewer(**{what: wanted})), stack(CAMERA))
    assert f"the {what} '{wanted}' of `camera:v1`" in refused.value.sentence
    assert refused.value.hint == f"did you mean '{guess}'?"


def test_a_rust_document_is_refused() -> None:
    with pytest.raises(NotPython, match="written in 'rust'"):
        generate(document(CAMERA.replace('"python"', '"rust"')), {})


@pytest.mark.parametrize("node", all_documents(), ids=lambda node: node.manifest.name)
def test_the_formatter_leaves_generated_modules_alone(node: NodeDocument, tmp_path: Path) -> None:
    project = written(tmp_path, generate(node, stack(CAMERA)))
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--no-cache", "peppygen"]
    done = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize("node", all_documents(), ids=lambda node: node.manifest.name)
def test_generated_modules_pass_the_strict_type_checker(node: NodeDocument, tmp_path: Path) -> None:
    project = written(tmp_path, generate(node, stack(CAMERA)))
    settings = '{ "typeCheckingMode": "strict", "include": ["peppygen"] }'
    (project / "pyrightconfig.json").write_text(settings)
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", ['"', "'", "\\", '"\'\n\\"""', "\udc80\u202e\x00", "ä", ""])
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    assert ast.literal_eval(text_literal(text)) == text
    assert ast.literal_eval(docstring(f"a {text}.")) == f"a {text}."
