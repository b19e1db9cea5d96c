"""The modules of services, used as a node uses them, and under the formatter and type checkers."""

import json
import os
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.codegen.bindings import generate
from peppy.codegen.services import consumed_service_module, exposed_service_module
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.schema import keys
from peppy.schema.format_reader import parse_format
from peppy.schema.names import Name
from peppy.schema.node import ExposedService
from tests.codegen.codegen_documents import CAMERA, USED_NAMES, document, stack, viewer, written
from tests.codegen.test_generated_code import FORMATS, GOLDEN, NODE, UPDATE, executed
from tests.runtime.memory_nodes import BACKENDS, runner_on

BOOL: Final = parse_format({"enable": "bool", "header": {"stamp": "time"}})
TEXT: Final = parse_format({"enabled": "bool", "error_msg": {"$type": "string", "$optional": True}})
HOSTILE: Final = parse_format(
    {name: {"id": "u8"} for name in USED_NAMES} | {"x": {"$type": "array", "$items": {"y": "u8"}}}
)

ROOT: Final = Path(__file__).resolve().parent.parent.parent

SERVICES: Final = (
    ExposedService(Name("enable-camera"), BOOL, TEXT),
    ExposedService(Name("get_info"), None, TEXT),
    ExposedService(Name("set_mode"), BOOL, None),
    ExposedService(Name("reset"), None, None),
    ExposedService(Name("empty"), parse_format({}), parse_format({})),
    ExposedService(Name("hostile"), HOSTILE, HOSTILE),
)


def test_a_document_brings_a_module_for_each_service() -> None:
    exposed = generate(document(CAMERA), {})
    assert 'SERVICE_NAME = "zoom"' in exposed["peppygen/exposed_services/zoom.py"]
    consumed = generate(document(viewer()), stack(CAMERA))
    text = consumed["peppygen/consumed_services/front_camera_zoom.py"]
    assert 'NODE_NAME = "camera"\nSERVICE_NAME = "zoom"' in text


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_goes_from_module_to_module_and_its_answer_comes_back(backend: str) -> None:
    exposed = executed(exposed_service_module(SERVICES[0]))
    consumed = executed(consumed_service_module(NODE, "label", SERVICES[0]))

    def handler(request: Any) -> Any:
        assert request == exposed["Request"](
            "pilot",
            server.bound_core_node(),
            exposed["RequestData"](True, exposed["RequestDataHeader"](1.5)),
        )
        return exposed["Response"](request.data.enable)

    network = MemoryNetwork()
    server, client = runner_on(network, "left", NODE.name), runner_on(network, "pilot", "viewer")

    async def main() -> None:
        server.transport.announce(keys.alive(server.address))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exposed["handle_requests"], server, handler, 2)
            request = consumed["Request"](True, consumed["RequestHeader"](1.5))
            answer = await consumed["poll"](client, request, 5.0, None, "left")
            data = consumed["ResponseData"](True, None)
            assert answer == consumed["Response"](server.bound_core_node(), "left", data)
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)


def test_what_has_no_format_has_no_parameter_and_no_class() -> None:
    first = ["node_runner", "timeout", "target_core_node", "target_instance_id"]
    names = executed(consumed_service_module(NODE, "label", SERVICES[3]))
    assert list(signature(names["poll"]).parameters) == first
    assert not {"Request", "Response", "ResponseData"} & set(names)
    names = executed(consumed_service_module(NODE, "label", SERVICES[0]))
    assert list(signature(names["poll"]).parameters) == [first[0], "request", *first[1:]]
    names = executed(exposed_service_module(SERVICES[3]))
    assert list(names["Request"].__dataclass_fields__) == ["instance_id", "core_node"]
    assert not {"RequestData", "Response"} & set(names)


@given(FORMATS | st.none(), FORMATS | st.none())
def test_the_classes_of_every_format_fit_it(
    request: dict[str, Any] | None, response: dict[str, Any] | None
) -> None:
    formats = [None if each is None else parse_format(each) for each in (request, response)]
    service = ExposedService(Name("s"), *formats)
    expected = tuple(0 if each is None else each.fingerprint() for each in formats)
    for text in (exposed_service_module(service), consumed_service_module(NODE, "label", service)):
        # The codec pairs classes and fields, down to the last, and refuses those that do not fit.
        assert executed(text)["_SERVICE"].formats.fingerprints == expected


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the modules of all services."""
    texts: dict[str, str] = {}
    for service in SERVICES:
        name = service.name.replace("-", "_")
        texts[f"generated/exposed_{name}.py"] = exposed_service_module(service)
        texts[f"generated/consumed_{name}.py"] = consumed_service_module(NODE, "label", service)
    texts["generated/__init__.py"] = ""
    settings = {"typeCheckingMode": "strict", "include": ["generated"], "extraPaths": [str(ROOT)]}
    texts["pyrightconfig.json"] = json.dumps(settings)
    return written(tmp_path_factory.mktemp("services"), texts)


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--isolated", "--diff", "generated"),
        ("ruff", "check", "--isolated", "--select", "E,F,I,UP", "--ignore", "E501", "generated"),
        (
            "mypy",
            "--strict",
            "--cache-dir",
            "cache",
            "--follow-imports",
            "silent",
            "-p",
            "generated",
        ),
        ("pyright", "--pythonpath", sys.executable),
    ],
    ids=["format", "lint", "mypy", "pyright"],
)
def test_the_modules_of_services_please_the_tools(modules: Path, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=modules,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_modules_of_services_are_those_that_a_person_has_read(modules: Path) -> None:
    files = sorted((modules / "generated").glob("*sed_*.py"))
    plain = [file for file in files if "hostile" not in file.name]
    text = "\n".join(f"==> {file.name}\n{file.read_text()}" for file in plain)
    golden = GOLDEN / "services.txt"
    if os.environ.get(UPDATE):
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text
