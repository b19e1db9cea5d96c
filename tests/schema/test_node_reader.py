"""Node documents: what is read, and one test for each rule that a document can break."""

import copy
import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.formats import Array, Field, Kind, MessageFormat, Primitive
from peppy.schema.json5 import parse
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.node import (
    ActionService,
    Consumed,
    Container,
    Dependency,
    ExternalTopic,
    Group,
    Language,
    Leaf,
    LinkedTopic,
    Mount,
    NodeDocument,
    QosProfile,
    Variant,
)
from peppy.schema.node_reader import read_node_document, read_variant_document
from peppy.schema.reader import MOST_PROBLEMS
from peppy.schema.sources import GitSource, LocalSource

HEAD = "peppy_schema: 'node_v1', manifest: {name: 'camera', tag: 'v1'}"
RUN = "execution: {language: 'python', run_cmd: ['run']}"

ARM = """{
  // drives the arm
  schema_version: 1,
  manifest: {
    name: "arm", tag: "0.1.0", labels: ["actuator", "left side"],
    variants: [
      { name: "mock", source: { local: "../mock_arm" } },
      { name: "real", source: { repo: "https://example.com/arm.git", path: "arm", ref: "main" } },
    ],
    depends_on: { nodes: [
      { name: "brain", tag: "0.1.0", local_id: "brain" },
      { name: "camera", tag: "v2", link_id: " front " },
    ] },
  },
  interfaces: {
    topics: {
      emits: [{ name: "state", qos_profile: "sensor_data", message_format: {
        at: "time", joints: { $type: "array", $items: "f64", $length: 6 },
      } }, { name: "bare" }],
      consumes: [
        { local_node_id: "brain", name: "goals" },
        { link_id: "front", name: "image" },
        { name: "stop", message_format: { hard: "bool" } },
      ],
    },
    services: {
      exposes: [{ name: "home", response_message_format: { ok: "bool" } }],
      consumes: [{ local_node_id: "brain", name: "plan" }],
    },
    actions: {
      exposes: [{
        name: "move",
        goal_service: { request_message_format: { x: "u16" } },
        feedback_topic: { qos_profile: "critical", name: "progress", type: "any" },
        result_service: { qos_profile: "standard" },
      }],
      consumes: [{ local_node_id: "brain", name: "think" }],
    },
  },
  execution: {
    language: "rust",
    parameters: { port: "string", limits: { speed: { $type: "f32", $default: 1 } } },
    build_cmd: ["cargo build --release"],
    run_cmd: ["./target/release/arm", ""],
  },
}"""

CONTAINER = """{
  peppy_schema: "node_v1",
  manifest: { name: "uvc", tag: "v1" },
  interfaces: {},
  execution: {
    language: "python",
    parameters: { device: "string", video: { path: "str" } },
    container: {
      def_file: "apptainer.def",
      mount_paths: ["/data:/opt/data:ro", "${parameters:device}:/dev/video0:rw",
        "/tmp/${parameters:video.path}", "/tmp/mine"],
      apptainer_build_extra_args: ["--a"], apptainer_run_extra_args: ["--b"],
      lima_shell_extra_args: ["--c"],
    },
  },
}"""

OTHERS = [
    "{HEAD, interfaces: {}, RUN}",
    "{HEAD, RUN}",
    "{HEAD, interfaces: {topics: {}, services: {}, actions: {exposes: []}}, RUN}",
    "{peppy_schema: 'node_v1', manifest: {name: 'a', tag: 'v1', variants: [{name: 'default', "
    "source: {local: './variants/default'}}]}, interfaces: {}}",
    "{schema_version: 1, manifest: {name: '1x', tag: 'donut', depends_on: {nodes: []}}, RUN}",
    "{HEAD, execution: {language: 'rust', container: {def_file: 'a.def'}, build_cmd: ['make']}}",
    "{HEAD, interfaces: {actions: {exposes: [{name: 'calibrate'}]}}, RUN}",
    "{HEAD, interfaces: {topics: {emits: [{name: 'f', message_format: {h: {$type: 'object', "
    "stamp: 'time'}, d: {$type: 'array', $items: 'u8'}}}]}}, RUN}",
    "{HEAD, interfaces: {services: {exposes: [{name: 's', response_message_format: {e: "
    "{$type: 'string', $optional: true}}}]}}, RUN}",
]


def filled(text: str) -> bytes:
    return text.replace("HEAD", HEAD).replace("RUN", RUN).encode()


def read(text: str) -> NodeDocument:
    return read_node_document(filled(text), "camera/peppy.json5")


def problems(text: str) -> list[tuple[int, int, str, str]]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.source == "camera/peppy.json5"
    return [(p.line, p.column, p.path, p.what) for p in caught.value.problems]


def of_interfaces(text: str) -> list[tuple[str, str]]:
    wrong = problems("{HEAD, interfaces: {<text>}, RUN}".replace("<text>", text))
    return [(path.removeprefix("interfaces."), what) for _, _, path, what in wrong]


def of_execution(text: str) -> list[tuple[str, str]]:
    return [
        (path, what)
        for _, _, path, what in problems("{HEAD, execution: {<text>}}".replace("<text>", text))
    ]


def of_manifest(text: str) -> list[tuple[str, str]]:
    document = "{peppy_schema: 'node_v1', manifest: {name: 'camera', tag: 'v1', %s}, RUN}"
    wrong = problems(document % text)
    return [(path.removeprefix("manifest."), what) for _, _, path, what in wrong]


def test_a_whole_document_of_the_older_generation_is_read() -> None:
    arm = read(ARM)
    assert arm.manifest.id == NodeId(Name("arm"), Tag("0.1.0"))
    assert arm.manifest.labels == ("actuator", "left side")
    assert arm.manifest.variants == (
        Variant(Name("mock"), LocalSource("../mock_arm")),
        Variant(Name("real"), GitSource("https://example.com/arm.git", "arm", "main")),
    )
    assert arm.manifest.depends_on == (
        Dependency(NodeId(Name("brain"), Tag("0.1.0")), "brain"),
        Dependency(NodeId(Name("camera"), Tag("v2")), "front"),
    )
    assert arm.execution is not None
    assert arm.execution.language is Language.RUST
    assert arm.execution.build_cmd == ("cargo build --release",)
    assert arm.execution.run_cmd == ("./target/release/arm", "")
    assert arm.execution.parameters == Group(
        {"port": Leaf(Kind.STRING), "limits": Group({"speed": Leaf(Kind.F32, 1.0)})}
    )


def test_the_interfaces_of_a_document_are_read() -> None:
    interfaces = read(ARM).interfaces
    state, bare = interfaces.emits
    assert state.qos is QosProfile.SENSOR_DATA
    joints = Array(Primitive(Kind.F64), 6)
    assert state.format == MessageFormat(
        (Field("at", Primitive(Kind.TIME)), Field("joints", joints))
    )
    assert (bare.qos, bare.format) == (QosProfile.STANDARD, None)
    assert interfaces.consumes == (
        LinkedTopic("brain", Name("goals")),
        LinkedTopic("front", Name("image")),
        ExternalTopic(Name("stop"), MessageFormat((Field("hard", Primitive(Kind.BOOL)),))),
    )
    (home,) = interfaces.exposed_services
    assert home.request is None
    assert home.response is not None
    assert interfaces.consumed_services == (Consumed("brain", Name("plan")),)
    assert interfaces.consumed_actions == (Consumed("brain", Name("think")),)
    (move,) = interfaces.exposed_actions
    assert move.goal is not None
    assert move.goal.qos is QosProfile.RELIABLE
    assert move.feedback is not None
    assert move.feedback.qos is QosProfile.CRITICAL
    assert move.result == ActionService(qos=QosProfile.STANDARD)


def test_a_container_is_read() -> None:
    execution = read(CONTAINER).execution
    assert execution is not None
    assert execution.run_cmd == ()
    assert execution.container == Container(
        "apptainer.def",
        (
            Mount("/data:/opt/data:ro"),
            Mount("${parameters:device}:/dev/video0:rw"),
            Mount("/tmp/${parameters:video.path}"),
            Mount("/tmp/mine"),
        ),
        ("--a",),
        ("--b",),
        ("--c",),
    )


@pytest.mark.parametrize("text", OTHERS)
def test_documents_of_every_shape_are_read(text: str) -> None:
    assert read(text).manifest.name


def test_the_digest_is_that_of_the_raw_bytes() -> None:
    assert read(ARM).sha256 == hashlib.sha256(ARM.encode()).hexdigest()


def test_the_execution_may_come_from_a_default_variant() -> None:
    assert read(OTHERS[3]).execution is None


def test_all_problems_come_at_once_in_the_order_of_their_places() -> None:
    text = """{
    peppy_schema: "node_v1",
    manifest: { name: "camera" },
    interfaces: { topics: { emits: [
        { name: "image", message_format: { width: "u33" } },
    ] } },
    execution: {
        language: "pyton",
    },
}"""
    assert problems(text) == [
        (3, 5, "manifest", "'tag' is missing"),
        (
            5,
            51,
            "interfaces.topics.emits[0].message_format.width",
            "'u33' is not a type; did you mean 'u32'?",
        ),
        (7, 5, "execution", "'run_cmd' or 'container' is missing"),
        (8, 19, "execution.language", "'pyton' is not known here; did you mean 'python'?"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", [(1, 1, "", "must be an object, not a list")]),
        (
            "{manifest: {name: 'a', tag: 'b'}, RUN}",
            [(1, 1, "", "'peppy_schema' is missing: write peppy_schema: \"node_v1\"")],
        ),
        (
            "{HEAD, schema_version: 1, RUN}",
            [
                (
                    1,
                    66,
                    "schema_version",
                    "has both 'peppy_schema' and 'schema_version': write 'peppy_schema' only",
                )
            ],
        ),
        (
            "{schema_version: '1', manifest: {name: 'a', tag: 'b'}, RUN}",
            [(1, 18, "schema_version", "must be a whole number, not a string")],
        ),
        (
            "{schema_version: 65536, manifest: {name: 'a', tag: 'b'}, RUN}",
            [(1, 18, "schema_version", "must be from 0 to 65535, not '65536'")],
        ),
        (
            "{HEAD, manifst: 1, RUN}",
            [(1, 66, "manifst", "'manifst' is not known here; did you mean 'manifest'?")],
        ),
        ("{peppy_schema: 'node_v1', RUN}", [(1, 1, "", "'manifest' is missing")]),
        (
            "{HEAD}",
            [
                (
                    1,
                    1,
                    "",
                    "'execution' is missing, only a variant named 'default' may supply it",
                )
            ],
        ),
    ],
)
def test_a_wrong_root_is_a_problem(text: str, expected: list[object]) -> None:
    assert problems(text) == expected


def test_another_schema_is_told_what_is_expected_and_its_siblings() -> None:
    ((line, column, path, what),) = problems(
        "{peppy_schema: 'launcher_v1', manifest: {name: 'a', tag: 'b'}, RUN}"
    )
    assert (line, column, path) == (1, 16, "peppy_schema")
    assert what == (
        "'launcher_v1' is not the schema of a node, which is 'node_v1' "
        "(its siblings are 'launcher_v1' of a launcher, 'interface_v1' of an interface)"
    )


def test_the_oldest_generation_is_told_how_to_rewrite_it() -> None:
    text = """{
schema_version: 1,
manifest: { name: "arm", tag: "0.1.0", language: "python" },
interfaces: {},
process: { add_cmd: ["uv", "sync"], start_cmd: ["uv", "run", "arm"] },
}"""
    assert problems(text) == [
        (
            3,
            40,
            "manifest.language",
            "'language' is from an older generation: write 'language' into 'execution'",
        ),
        (
            5,
            1,
            "process",
            "'process' is from an older generation: "
            "write 'execution' with 'language', 'parameters', 'build_cmd' and 'run_cmd'",
        ),
    ]


@pytest.mark.parametrize("key", ["process", "runtime"])
def test_what_an_execution_was_called_before_is_all_that_a_document_is_told(key: str) -> None:
    text = f'{{ schema_version: 1, manifest: {{ name: "arm", tag: "v1" }}, {key}: {{}} }}'
    assert [path for _, _, path, _ in problems(text)] == [key]


def test_the_oldest_commands_are_told_their_new_names() -> None:
    assert of_execution("language: 'python', add_cmd: ['a'], start_cmd: ['b']") == [
        ("execution.add_cmd", "'add_cmd' is from an older generation: write 'build_cmd'"),
        ("execution.start_cmd", "'start_cmd' is from an older generation: write 'run_cmd'"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("labels: [1]", "labels[0]", "must be a string, not a whole number"),
        ("labels: 'a'", "labels", "must be a list, not a string"),
        ("variants: [{name: 'a b', source: {local: 'x'}}]", "variants[0].name", "'a b' is not"),
        ("variants: [{name: 'a'}]", "variants[0]", "'source' is missing"),
        (
            "variants: [{name: 'a', source: {local: 'x'}}, {name: 'a', source: {local: 'y'}}]",
            "variants[1]",
            "the variant 'a' stands here a second time",
        ),
        ("depends_on: {}", "depends_on", "'nodes' is missing"),
        (
            "depends_on: {nodes: [{name: 'a', tag: 'v1'}]}",
            "depends_on.nodes[0]",
            "'local_id' is missing",
        ),
        (
            "depends_on: {nodes: [{name: 'a', tag: 'v1', local_id: 'a', link_id: 'a'}]}",
            "depends_on.nodes[0]",
            "has both 'local_id' and 'link_id': write one of them",
        ),
        (
            "depends_on: {nodes: [{name: 'a', tag: 'v1', local_id: '--'}]}",
            "depends_on.nodes[0].local_id",
            "'--' has no letter and no digit",
        ),
        (
            "depends_on: {nodes: [{name: 'a', tag: 'v1', local_id: 'x'}, "
            "{name: 'b', tag: 'v1', local_id: 'x'}]}",
            "depends_on.nodes[1]",
            "the label 'x' stands here a second time",
        ),
        (
            "depends_on: {nodes: [{name: 'camera', tag: 'v1', local_id: 'x'}]}",
            "depends_on",
            "'camera:v1' depends on itself: camera:v1 -> camera:v1",
        ),
        (
            "depends_on: {nodes: [{name: 'b', tag: '.1', local_id: 'x'}]}",
            "depends_on.nodes[0].tag",
            "'.1' is not a tag",
        ),
    ],
)
def test_a_wrong_manifest_is_a_problem(text: str, path: str, what: str) -> None:
    ((found, sentence),) = of_manifest(text)
    assert found == path
    assert sentence.startswith(what)


@pytest.mark.parametrize(("name", "what"), [("''", "is empty"), ("' '", "is empty"), ("7", "must")])
def test_a_node_has_a_real_name(name: str, what: str) -> None:
    text = "{peppy_schema: 'node_v1', manifest: {name: <name>, tag: 'v1'}, RUN}".replace(
        "<name>", name
    )
    ((_, _, path, sentence),) = problems(text)
    assert path == "manifest.name"
    assert sentence.startswith(what)


def test_a_default_variant_excludes_an_execution_of_the_root() -> None:
    (wrong,) = problems(
        "{peppy_schema: 'node_v1', manifest: {name: 'a', tag: 'b', "
        "variants: [{name: 'default', source: {local: 'x'}}]},\n RUN}"
    )
    assert wrong[:3] == (2, 2, "execution")
    assert "the variant 'default' supplies the execution" in wrong[3]


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("topics: {emit: []}", "topics.emit", "'emit' is not known here; did you mean 'emits'?"),
        ("topics: {emits: {}}", "topics.emits", "must be a list, not an object"),
        ("topics: {emits: [{}]}", "topics.emits[0]", "'name' is missing"),
        ("topics: {emits: [{name: ''}]}", "topics.emits[0].name", "is empty"),
        ("topics: {emits: [{name: 'a/b'}]}", "topics.emits[0].name", "'a/b' is not a name"),
        (
            "topics: {emits: [{name: 'a'}, {name: 'a'}]}",
            "topics.emits[1]",
            "the name 'a' stands here a second time",
        ),
        (
            "topics: {emits: [{name: 'a', qos_profile: 'best'}]}",
            "topics.emits[0].qos_profile",
            "'best' is not known here; write 'sensor_data', 'standard', 'reliable' or 'critical'",
        ),
        (
            "topics: {emits: [{name: 'a', message_format: null}]}",
            "topics.emits[0].message_format",
            "must be an object, not null",
        ),
        (
            "topics: {consumes: [{name: 'a'}]}",
            "topics.consumes[0]",
            "'local_node_id' is missing, or 'message_format' to take the topic from any node",
        ),
        (
            "services: {consumes: [{name: 'a'}]}",
            "services.consumes[0]",
            "'local_node_id' is missing",
        ),
        (
            "services: {consumes: [{name: 'a', local_node_id: 'brain'}]}",
            "services.consumes[0].local_node_id",
            "'brain' labels no dependency of this node: declare it in 'manifest.depends_on.nodes'",
        ),
        (
            "actions: {consumes: [{name: 'a', link_id: 'brain'}]}",
            "actions.consumes[0].link_id",
            "'brain' labels no dependency of this node",
        ),
        (
            "services: {exposes: [{name: 'a', request_message_format: {x: 'i9'}}]}",
            "services.exposes[0].request_message_format.x",
            "'i9' is not a type; did you mean 'i",
        ),
        (
            "actions: {exposes: [{name: 'a', goal_service: {message_format: {}}}]}",
            "actions.exposes[0].goal_service.message_format",
            "'message_format' is not known here; did you mean",
        ),
        (
            "actions: {exposes: [{name: 'a', feedback_topic: {qos_profile: 1}}]}",
            "actions.exposes[0].feedback_topic.qos_profile",
            "must be 'sensor_data', 'standard', 'reliable' or 'critical', not a whole number",
        ),
        ("conforms_to: []", "conforms_to", "'conforms_to' is not known here"),
    ],
)
def test_a_wrong_interface_is_a_problem(text: str, path: str, what: str) -> None:
    ((found, sentence),) = of_interfaces(text)
    assert found == path
    assert sentence.startswith(what)


def test_a_topic_is_either_linked_or_external() -> None:
    text = "topics: {consumes: [{name: 'a', local_node_id: 'b', message_format: {}}]}"
    ((path, sentence),) = of_interfaces(text)
    assert path == "topics.consumes[0].message_format"
    assert "linked topic" in sentence


def test_the_same_name_from_two_dependencies_is_no_duplicate() -> None:
    node = "{name: '%s', tag: 'v1', local_id: '%s'}"
    nodes = ", ".join([node % ("a", "a"), node % ("b", "b")])
    manifest = "manifest: {name: 'c', tag: 'v1', depends_on: {nodes: [<nodes>]}}".replace(
        "<nodes>", nodes
    )
    item = "{local_node_id: '%s', name: 'x'}"
    topics = "interfaces: {topics: {consumes: [%s]}}"
    text = "{schema_version: 1, %s, %s, RUN}"
    both = topics % ", ".join([item % "a", item % "b"])
    assert len(read(text % (manifest, both)).interfaces.consumes) == 2
    twice = topics % ", ".join([item % "a", item % "a"])
    ((_, _, path, _),) = problems(text % (manifest, twice))
    assert path == "interfaces.topics.consumes[1]"


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("run_cmd: ['a']", "", "'language' is missing"),
        ("language: 'go', run_cmd: ['a']", ".language", "'go' is not known here; write"),
        ("language: 'rust'", "", "'run_cmd' or 'container' is missing"),
        ("language: 'rust', run_cmd: []", ".run_cmd", "is empty: it names no program"),
        ("language: 'rust', run_cmd: ['']", ".run_cmd[0]", "is empty"),
        ("language: 'rust', run_cmd: 'a'", ".run_cmd", "must be a list, not a string"),
        ("language: 'rust', run_cmd: ['a', 1]", ".run_cmd[1]", "must be a string"),
        (r"language: 'rust', run_cmd: ['a\0']", ".run_cmd[0]", "holds a NUL character"),
        (
            "language: 'rust', run_cmd: ['a'], container: {def_file: 'a'}",
            "",
            "has both 'run_cmd' and 'container': a node runs as a process or in a container",
        ),
        ("language: 'rust', container: {}", ".container", "'def_file' is missing"),
        (
            "language: 'rust', container: {def_file: '../a'}",
            ".container.def_file",
            "'../a' must be a file in the node's directory",
        ),
        (
            "language: 'rust', run_cmd: ['a'], parameters: {a: 'u9'}",
            ".parameters.a",
            "'u9' is not a type; did you mean 'u8'?",
        ),
    ],
)
def test_a_wrong_execution_is_a_problem(text: str, path: str, what: str) -> None:
    ((found, sentence),) = of_execution(text)
    assert found == f"execution{path}"
    assert sentence.startswith(what)


@pytest.mark.parametrize(
    ("mount", "what"),
    [
        ("/", "'/' may not be mounted"),
        ("/tmp", "'/tmp' may not be mounted"),
        ("/tmp/../etc/:/x", "'/tmp/../etc/' may not be mounted"),
        ("//var", "'//var' may not be mounted"),
        ("/private/tmp:/x:ro", "'/private/tmp' may not be mounted"),
        ("a:b:c:d", "'a:b:c:d' is not a mount"),
        ("/data:", "'/data:' is not a mount"),
        ("", "is empty"),
        ("${parameters:rat}:/x", "'rat' is not a parameter of this node; did you mean 'rate'?"),
        ("${parameters:rate}:/x", "the parameter 'rate' must be of type 'string'"),
        ("${parameters:video}:/x", "'video' is not a parameter of this node"),
        ("/x:${parameters:video.rate}", "the parameter 'video.rate' must be of type 'string'"),
        ("${HOME}:/x", "'${HOME}:/x' has a '${' that is no reference"),
        ("${parameters:a", "'${parameters:a' has a '${' that is no reference"),
    ],
)
def test_a_wrong_mount_is_a_problem(mount: str, what: str) -> None:
    parameters = "parameters: {rate: 'u8', video: {rate: 'f32'}}"
    container = "container: {def_file: 'a', mount_paths: ['/ok', '<mount>']}".replace(
        "<mount>", mount
    )
    ((path, sentence),) = of_execution(f"language: 'rust', {parameters}, {container}")
    assert path == "execution.container.mount_paths[1]"
    assert sentence.startswith(what)


def test_a_variant_needs_no_more_than_its_execution() -> None:
    text = b"{schema_version: 1, execution: {language: 'rust', run_cmd: ['./mock']}}"
    variant = read_variant_document(text, "mock/peppy.json5")
    assert variant.interfaces is None
    assert variant.execution.run_cmd == ("./mock",)
    assert variant.sha256 == hashlib.sha256(text).hexdigest()


def test_a_variants_own_manifest_does_not_count() -> None:
    text = "{peppy_schema: 'node_v1', manifest: {any: 'thing'}, RUN}"
    assert read_variant_document(filled(text), "a").execution.run_cmd == ("run",)


def test_a_variants_interfaces_are_read_to_be_compared() -> None:
    topics = "topics: {emits: [{name: 'a'}], consumes: [{local_node_id: 'x', name: 'b'}]}"
    text = "{peppy_schema: 'node_v1', interfaces: {<topics>}, RUN}".replace("<topics>", topics)
    interfaces = read_variant_document(filled(text), "a").interfaces
    assert interfaces is not None
    assert interfaces.consumes == (LinkedTopic("x", Name("b")),)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{peppy_schema: 'node_v1'}", ["'execution' is missing"]),
        ("{RUN}", ["'peppy_schema' is missing: write peppy_schema: \"node_v1\""]),
    ],
)
def test_a_variant_without_schema_or_execution_is_a_problem(text: str, what: list[str]) -> None:
    with pytest.raises(DocumentError) as caught:
        read_variant_document(filled(text), "a")
    assert [problem.what for problem in caught.value.problems] == what


def test_a_document_with_hundreds_of_problems_lists_the_first_ones_in_little_time() -> None:
    items = ",".join(f"{{name: 'x{i}', local_node_id: 'abx{i}'}}" for i in range(3000))
    nodes = ",".join(f"{{name: 'a', tag: 'v', local_id: 'abc{i}'}}" for i in range(3000))
    manifest = "manifest: {name: 'b', tag: 'v1', depends_on: {nodes: [" + nodes + "]}}"
    topics = "interfaces: {topics: {consumes: [" + items + "]}}"
    started = time.process_time()
    found = problems("{schema_version: 1, " + manifest + "," + topics + ", RUN}")
    assert time.process_time() - started < 5
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1] == (
        0,
        0,
        "",
        "there are more problems, they are listed when these are solved",
    )


def cut(text: str) -> st.SearchStrategy[str]:
    return st.tuples(
        st.integers(0, len(text)), st.integers(0, 12), st.sampled_from(["", "1", "{}", "'x'", ","])
    ).map(lambda at: text[: at[0]] + at[2] + text[at[0] + at[1] :])


@given(st.sampled_from([ARM, CONTAINER]).flatmap(cut) | st.text() | st.binary())
@settings(max_examples=400, deadline=None)
def test_no_document_raises_anything_but_problems(text: str | bytes) -> None:
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    for reader in (read_node_document, read_variant_document):
        try:
            assert reader(data, "a").sha256
        except PeppyError as error:
            described = str(error)
        else:
            continue
        assert "problem" in described


TREES: list[object] = [parse(text, "a").value for text in (ARM, CONTAINER)]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_value_in_any_place_raises_anything_but_problems(data: st.DataObject) -> None:
    tree: Any = data.draw(st.sampled_from(TREES).map(copy.deepcopy))
    place = tree
    while True:
        keys: list[Any] = [*place] if hasattr(place, "keys") else [*range(len(place))]
        key = data.draw(st.sampled_from(keys))
        if place[key] and not isinstance(place[key], str | int) and data.draw(st.integers(0, 3)):
            place = place[key]
        else:
            place[key] = data.draw(VALUES)
            break
    try:
        document = read(json.dumps(tree))
    except DocumentError as error:
        first = error.problems[0]
    else:
        assert document.manifest.name
        return
    assert first.line >= 1
