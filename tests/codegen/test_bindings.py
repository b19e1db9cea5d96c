"""The bindings: which files, which names, and what is refused."""

import asyncio
import importlib
import re
import subprocess
import sys

import msgspec
import pytest

from peppy.codegen.bindings import generate
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.runtime.transport.port import Sample
from peppy.schema.dependency_errors import (
    MissingDependency,
    MissingFormat,
    MissingInterface,
    UnknownLabel,
)
from peppy.schema.errors import DocumentError
from peppy.schema.languages import NotPython
from tests.codegen.codegen_documents import CAMERA, HELLO, document, hostile, stack, viewer
from tests.codegen.conftest import Importing
from tests.runtime.memory_nodes import runner_on


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


def test_the_bindings_of_a_variant_carry_the_digests_of_two_documents() -> None:
    whole = msgspec.structs.replace(document(CAMERA), sha256="1" * 64, root_sha256="2" * 64)
    texts = generate(whole, {})
    assert texts["peppy.json5.sha256"] == "1" * 64 + "\n"
    assert texts["root.json5.sha256"] == "2" * 64 + "\n"
    assert f'root_sha256="{"2" * 64}"' in texts["peppygen/__init__.py"]
    assert "root.json5.sha256" not in generate(document(CAMERA), {})


def test_generating_imports_neither_the_runtime_nor_the_wire() -> None:
    code = (
        "import sys\n"
        "from peppy.codegen.project import project_files\n"
        "project_files()\n"
        "sys.exit(any(m in sys.modules for m in ('peppylib', 'peppy.runtime', 'zenoh')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_message_passes_from_the_emitters_module_to_the_topic(
    peppygen: Importing,
) -> None:
    module = peppygen(document(CAMERA), "peppygen.emitted_topics.video_stream")
    sent: list[Sample] = []

    async def one_message() -> None:
        runner = runner_on(MemoryNetwork())
        runner.transport.listen("peppy/topic/video-stream/**", sent.append)
        header = module.MessageHeader(1.5, "left")
        frames = [module.MessageFramesItem(b"abc")]
        await module.emit(runner, header, None, frames, [2, 3])
        publisher = await module.declare_publisher(runner)
        await publisher.emit(header, None, frames, [2, 3], note="again")
        assert publisher.traffic().messages == 2
        await runner.transport.close()

    asyncio.run(one_message())
    first, second = (msgspec.msgpack.decode(sample.payload) for sample in sent)
    assert first["header"] == {"stamp": 1_500_000_000, "frame_id": "left"}
    assert (first["frames"], first["size"]) == ([{"data": b"abc"}], [2, 3])
    assert second == first | {"note": "again"}


def test_parameters_are_nested_dataclasses(peppygen: Importing) -> None:
    root = peppygen(document(CAMERA), "peppygen")
    given = {"video": {"frame_rate": 30, "resolution": {"width": 640, "height": 480}}}
    binding = root.NodeBuilder.binding
    params = root.Parameters.from_dict(binding.completed(given))
    assert params.video.resolution.width == 640
    assert params.device == "/dev/\"video'0\\"
    assert binding.completed(binding.as_mapping(params)) == binding.completed(given)
    assert (binding.name, binding.tag) == ("camera", "v1")


def test_names_that_the_modules_use_themselves_work_as_fields(peppygen: Importing) -> None:
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
            assert module._TOPIC.codec.fingerprint > 0
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
    assert refused.value.sentence == (
        f"`viewer:v1` expects {what} '{wanted}' from `camera:v1`, which does not expose it"
    )
    assert refused.value.hint == f"did you mean '{guess}'?"


@pytest.mark.parametrize("looking", [False, True])
def test_a_topic_without_a_format_is_named(looking: bool) -> None:
    silent = CAMERA.replace(", message_format: {} }", " }")
    node = document(viewer(topic="beat") if looking else silent)
    with pytest.raises(MissingFormat) as refused:
        generate(node, stack(silent))
    assert refused.value.sentence == "`camera:v1` emits topic 'beat' without a 'message_format'"
    assert refused.value.hint is not None


def test_a_label_that_no_dependency_has_is_named_with_what_was_meant() -> None:
    mistaken = viewer().replace('local_node_id: "Front Camera"', 'local_node_id: "Front Camra"')
    with pytest.raises((UnknownLabel, DocumentError), match="Front Camra"):
        generate(document(mistaken), stack(CAMERA))


def test_an_offer_of_nothing_is_said_to_be_that() -> None:
    bare = CAMERA.replace('services: { exposes: [{ name: "zoom" }] },', "")
    with pytest.raises(MissingInterface) as refused:
        generate(document(viewer()), stack(bare))
    assert refused.value.hint == "it exposes no service at all"


def test_topics_whose_names_become_the_same_get_numbers() -> None:
    names = ("a-b", "a_b", "A_B")
    topics = ", ".join(f'{{ name: "{name}", message_format: {{}} }}' for name in names)
    twins = HELLO.replace("emits: [", f"emits: [ {topics},")
    paths = [path for path in generate(document(twins), {}) if "/a_b" in path]
    assert [path.rpartition("/")[2] for path in paths] == ["a_b.py", "a_b_1.py", "a_b_2.py"]


def test_parameters_stand_in_alphabetical_order_whatever_the_document_says() -> None:
    shuffled = HELLO.replace(
        'run_cmd: ["hello"]', 'parameters: { zeta: "u8", alpha: "u8", mid: "u8" }, run_cmd: ["x"]'
    )
    text = generate(document(shuffled), {})["peppygen/parameters/__init__.py"]
    assert 'return cls(values["alpha"], values["mid"], values["zeta"])' in text


def test_a_rust_document_is_refused() -> None:
    with pytest.raises(NotPython, match="written in 'rust'"):
        generate(document(CAMERA.replace('"python"', '"rust"')), {})
