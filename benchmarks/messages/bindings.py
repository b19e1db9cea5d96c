"""Real documents, and the bindings that real code generation makes of them."""

from pathlib import Path
from typing import Final

from peppy.codegen.bindings import generate
from peppy.schema.node_reader import read_node_document

SMALL: Final = (
    '{ seq: "u64", stamp: "f64", name: "string",'
    ' positions: { $type: "array", $items: "f64", $length: 6 } }'
)
"""Some 64 bytes of values."""

PICTURE: Final = '{ seq: "u64", stamp: "f64", width: "u32", height: "u32", data: "bytes" }'

WATCHED: Final = 10
"""Topics to which the idle node subscribes."""

ACTIVE: Final = f"""{{
  peppy_schema: "node_v1",
  manifest: {{ name: "active", tag: "v1" }},
  interfaces: {{
    topics: {{
      emits: [
        {{ name: "ping", qos_profile: "reliable", message_format: {SMALL} }},
        {{ name: "flood", qos_profile: "reliable", message_format: {SMALL} }},
        {{ name: "frame", qos_profile: "reliable", message_format: {PICTURE} }},
        {{ name: "frames", qos_profile: "reliable", message_format: {PICTURE} }},
      ],
      consumes: [
        {{ name: "pong", message_format: {SMALL} }},
        {{ name: "frame_back", message_format: {PICTURE} }},
      ],
    }},
    services: {{ exposes: [
      {{ name: "work", request_message_format: {SMALL}, response_message_format: {SMALL} }},
    ] }},
  }},
  execution: {{ language: "python", run_cmd: ["active"] }},
}}"""

PASSIVE: Final = f"""{{
  peppy_schema: "node_v1",
  manifest: {{
    name: "passive", tag: "v1",
    depends_on: {{ nodes: [{{ name: "active", tag: "v1", local_id: "active" }}] }},
  }},
  interfaces: {{
    topics: {{
      emits: [
        {{ name: "pong", qos_profile: "reliable", message_format: {SMALL} }},
        {{ name: "frame_back", qos_profile: "reliable", message_format: {PICTURE} }},
      ],
      consumes: [
        {{ local_node_id: "active", name: "ping" }},
        {{ local_node_id: "active", name: "flood" }},
        {{ local_node_id: "active", name: "frame" }},
        {{ local_node_id: "active", name: "frames" }},
      ],
    }},
    services: {{ consumes: [{{ local_node_id: "active", name: "work" }}] }},
  }},
  execution: {{ language: "python", run_cmd: ["passive"] }},
}}"""

IDLE: Final = f"""{{
  peppy_schema: "node_v1",
  manifest: {{ name: "idle", tag: "v1" }},
  interfaces: {{ topics: {{ consumes: [
    {", ".join(f'{{ name: "watched_{i}", message_format: {SMALL} }}' for i in range(WATCHED))}
  ] }} }},
  execution: {{ language: "python", run_cmd: ["idle"] }},
}}"""


def write_bindings(root: Path) -> None:
    """Write below `root` a directory for each node, with its document and all of its bindings."""
    documents = {
        name: read_node_document(text.encode(), f"{name}/peppy.json5")
        for name, text in {"active": ACTIVE, "passive": PASSIVE, "idle": IDLE}.items()
    }
    known = {document.manifest.id: document for document in documents.values()}
    for name, document in documents.items():
        for path, text in generate(document, known).items():
            file = root / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
