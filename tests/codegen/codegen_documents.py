"""Documents for the generator's tests."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import read_node_document

HELLO = """{
  peppy_schema: "node_v1",
  manifest: { name: "hello", tag: "v1" },
  interfaces: { topics: { emits: [
    { name: "greetings", qos_profile: "reliable", message_format: { message: "string" } },
  ] } },
  execution: { language: "python", run_cmd: ["hello"] },
}"""

CAMERA = """{
  peppy_schema: "node_v1",
  manifest: { name: "camera", tag: "v1" },
  interfaces: {
    topics: { emits: [
      {
        name: "video-stream",
        qos_profile: "sensor_data",
        message_format: {
          header: { stamp: "time", frame_id: "string" },
          encoding: { $type: "string", $optional: true },
          frames: { $type: "array", $items: { data: { $type: "array", $items: "u8" } } },
          size: { $type: "array", $items: "u32", $length: 2 },
          note: { $type: "string", $optional: true },
        },
      },
      { name: "beat", message_format: {} },
    ] },
    services: { exposes: [{ name: "zoom" }] },
    actions: { exposes: [{ name: "pan" }] },
  },
  execution: {
    language: "python",
    parameters: {
      device: { $type: "string", $default: "/dev/\\"video'0\\\\" },
      gains: { $type: "array", $items: "f64", $default: [1, 0.5] },
      video: { frame_rate: "u16", resolution: { width: "u16", height: "u16" } },
    },
    run_cmd: ["camera"],
  },
}"""

VIEWER = """{
  peppy_schema: "node_v1",
  manifest: {
    name: "viewer", tag: "v1",
    depends_on: { nodes: [{ name: "camera", tag: "v1", local_id: "Front Camera" }] },
  },
  interfaces: {
    topics: { consumes: [
      { local_node_id: "Front Camera", name: "TOPIC" },
      { name: "light", message_format: { level: "f32" } },
    ] },
    services: { consumes: [{ local_node_id: "Front Camera", name: "SERVICE" }] },
    actions: { consumes: [{ local_node_id: "Front Camera", name: "ACTION" }] },
  },
  execution: { language: "python", run_cmd: ["viewer"] },
}"""

BRAIN = """{
  peppy_schema: "node_v1",
  manifest: { name: "brain", tag: "v1" },
  interfaces: { actions: { exposes: [
    {
      name: "move-arm",
      goal_service: {
        request_message_format: {
          arm_id: "u16",
          desired_position: { $type: "array", $items: "i32", $length: 3 },
          grip: { force: "f32" },
        },
        response_message_format: { accepted: "bool" },
      },
      feedback_topic: {
        qos_profile: "sensor_data",
        message_format: {
          new_position: { $type: "array", $items: "i32", $length: 3 },
          note: { $type: "string", $optional: true },
        },
      },
      result_service: {
        response_message_format: {
          success: "bool",
          error_msg: { $type: "string", $optional: true },
          final_position: { $type: "array", $items: "i32", $length: 3 },
        },
      },
    },
    { name: "calibrate", goal_service: { response_message_format: { accepted: "bool" } } },
  ] } },
  execution: { language: "python", run_cmd: ["brain"] },
}"""

CONTROLLER = """{
  peppy_schema: "node_v1",
  manifest: {
    name: "controller", tag: "v1",
    depends_on: { nodes: [{ name: "brain", tag: "v1", local_id: "brain" }] },
  },
  interfaces: { actions: { consumes: [
    { local_node_id: "brain", name: "move-arm" },
    { local_node_id: "brain", name: "calibrate" },
  ] } },
  execution: { language: "python", run_cmd: ["controller"] },
}"""

RELAY = """{
  peppy_schema: "node_v1",
  manifest: {
    name: "relay", tag: "v1",
    depends_on: { nodes: [
      { name: "camera", tag: "v1", local_id: "eye" },
      { name: "brain", tag: "v1", local_id: "brain" },
    ] },
  },
  interfaces: {
    topics: {
      emits: [{ name: "seen", message_format: { count: "u32" } }],
      consumes: [{ local_node_id: "eye", name: "video-stream" }],
    },
    services: {
      exposes: [{
        name: "count",
        request_message_format: { since: "time" },
        response_message_format: { count: "u32" },
      }],
      consumes: [{ local_node_id: "eye", name: "zoom" }],
    },
    actions: {
      exposes: [{ name: "wave", feedback_topic: { message_format: { done: "f32" } } }],
      consumes: [{ local_node_id: "brain", name: "move-arm" }],
    },
  },
  execution: { language: "python", parameters: { rate: "f64" }, run_cmd: ["relay"] },
}"""

USED_NAMES = (
    "bytes", "list", "str", "int", "float", "bool", "dict", "tuple", "classmethod", "dataclass",
    "Message", "NodeRunner", "node_runner", "node_runner_1", "class", "None", "match", "self",
    "cls", "values", "emit", "from_dict", "builtins", "_TOPIC", "__slots__", "__init__", "1st",
    "__secret", "_", "Any", "object", "type", "hash", "id", "await", "target_instance_id",
)  # fmt: skip
"""Names that generated modules, dataclasses or Python use themselves."""


def written(directory: Path, texts: Mapping[str, str]) -> Path:
    """Write texts below a directory; return it."""
    for path, text in texts.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return directory


def document(text: str) -> NodeDocument:
    return read_node_document(text.encode(), "peppy.json5")


def viewer(*, topic: str = "video-stream", service: str = "zoom", action: str = "pan") -> str:
    return VIEWER.replace("TOPIC", topic).replace("SERVICE", service).replace("ACTION", action)


def stack(*texts: str) -> Mapping[NodeId, NodeDocument]:
    documents = [document(text) for text in texts]
    return {each.manifest.id: each for each in documents}


def hostile(names: Iterable[str] = USED_NAMES) -> NodeDocument:
    """Return a node in which everything has one of these names."""
    kinds = [
        '"bytes"', '"string"', '"time"', '{ $type: "array", $items: "f32" }', '{ inner: "bool" }',
        '{ $type: "array", $items: { id: "u8" } }',
    ]  # fmt: skip
    listed = list(names)
    fields = ", ".join(f'"{name}": {kinds[i % 6]}' for i, name in enumerate(listed))
    optional = ", ".join(f'"{n}": {{ $type: "bytes", $optional: true }}' for n in listed)
    plain = [kind if "inner" in kind or "{" not in kind else '"u8"' for kind in kinds]
    group = ", ".join(f'"{name}": {plain[i % 6]}' for i, name in enumerate(listed))
    groups = ", ".join(f'"{name}": {{ {group} }}' for name in listed[:14])
    topics = ", ".join(f'{{ name: "{name}", message_format: {{ {fields} }} }}' for name in listed)
    return document(
        f"""{{
        peppy_schema: "node_v1", manifest: {{ name: "hostile", tag: "v1" }},
        interfaces: {{ topics: {{
          emits: [{topics}],
          consumes: [{{ name: "all", message_format: {{ {optional} }} }}],
        }} }},
        execution: {{
          language: "python", run_cmd: ["x"],
          parameters: {{ parameters: {{ {groups} }}, {group} }},
        }} }}"""
    )


def hostile_actions(names: Iterable[str] = USED_NAMES) -> NodeDocument:
    """Return a node whose actions have formats in which everything has one of these names."""
    listed = list(names)
    kinds = ['"u8"', '{ inner: "bool" }', '"string"', '{ $type: "array", $items: "f32" }']
    fields = ", ".join(f'"{name}": {kinds[i % 4]}' for i, name in enumerate(listed))
    one = f"message_format: {{ {fields} }}"
    parts = (
        f"goal_service: {{ request_{one}, response_{one} }}, feedback_topic: {{ {one} }},"
        f" result_service: {{ response_{one} }}"
    )
    exposed = ", ".join(f'{{ name: "{name}", {parts} }}' for name in ("class", "list", "self"))
    return document(
        f"""{{
        peppy_schema: "node_v1", manifest: {{ name: "hostile_actions", tag: "v1" }},
        interfaces: {{ actions: {{ exposes: [{exposed}] }} }},
        execution: {{ language: "python", run_cmd: ["x"] }} }}"""
    )


def samples() -> list[NodeDocument]:
    """Return a plain node, one with everything, those that consume, and those with bad names."""
    plain = [document(text) for text in (HELLO, CAMERA, viewer(), BRAIN, CONTROLLER)]
    return [*plain, hostile(), hostile_actions()]
