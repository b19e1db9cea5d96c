"""Small nodes that depend on one another, and a launch file for all of them."""

from pathlib import Path

from peppy.codegen.templates import node_template

DOCUMENT = """{{
  peppy_schema: "node_v1",
  manifest: {{ name: "{name}", tag: "v1", depends_on: {{ nodes: [{needed}] }} }},
  interfaces: {{ topics: {{
    emits: [{{ name: "beat", message_format: {{ count: "u32" }} }}],
    consumes: [{consumed}],
  }} }},
  execution: {{ language: "python", build_cmd: ["uv", "sync"], run_cmd: ["uv", "run", "{name}"] }},
}}
"""

NEEDED = '{{ name: "{name}", tag: "v1", local_id: "above" }}'
CONSUMED = '{ local_node_id: "above", name: "beat" }'

DEPLOYMENT = '{{ source: {{ local: "./{name}" }}, instances: [{{ instance_id: "one_{name}" }}] }}'


def name_of(number: int) -> str:
    return f"part_{number}"


def above(number: int) -> int | None:
    """Return the node that a node depends on."""
    return (number - 1) // 2 if number else None


def write(directory: Path, count: int) -> Path:
    """Write so many nodes and their launch file below a directory; return the file."""
    for number in range(count):
        name = name_of(number)
        needed = above(number)
        texts = node_template(name, "uv", container=False)
        texts["peppy.json5"] = DOCUMENT.format(
            name=name,
            needed="" if needed is None else NEEDED.format(name=name_of(needed)),
            consumed="" if needed is None else CONSUMED,
        )
        for path, text in texts.items():
            file = directory / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    launcher = directory / "peppy_launcher.json5"
    deployments = ", ".join(DEPLOYMENT.format(name=name_of(n)) for n in range(count))
    launcher.write_text(f'{{ peppy_schema: "launcher_v1", deployments: [{deployments}] }}\n')
    return launcher


def change(directory: Path, number: int, line: str) -> None:
    """Add a line to the program of one node."""
    program = directory / name_of(number) / "src" / name_of(number) / "__main__.py"
    with program.open("a") as file:
        file.write(f"{line}\n")
