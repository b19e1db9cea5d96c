"""How a node is built and run, as a process or in a container. Source: behaviour.md 2.5."""

from typing import Final

from peppy.schema.formats import Kind
from peppy.schema.mounts import has_stray_reference, is_blocked, mount_parts, references
from peppy.schema.node import Container, Execution, Group, Language, Leaf, Mount
from peppy.schema.parameter_schema import read_parameters
from peppy.schema.parameters import leaves
from peppy.schema.reader import Cursor
from peppy.schema.wording import did_you_mean, quoted

NO_EXECUTION: Final = Execution(Language.PYTHON)
"""Stands where a problem was noted; nobody sees it."""

_KEYS: Final = ("parameters", "build_cmd", "run_cmd", "container")
_EXTRA_ARGS: Final = (
    "apptainer_build_extra_args",
    "apptainer_run_extra_args",
    "lima_shell_extra_args",
)
_RETIRED: Final = {
    "add_cmd": "write 'build_cmd'",
    "start_cmd": "write 'run_cmd'",
}


def read_execution(cursor: Cursor) -> Execution:
    """Return the execution that stands at `cursor`; problems go to its report."""
    fields = cursor.fields(["language"], _KEYS, _RETIRED)
    parameters = fields.read("parameters", read_parameters, Group())
    execution = Execution(
        fields.read("language", lambda given: given.choice(Language), Language.PYTHON),
        parameters,
        fields.read("build_cmd", _command, ()),
        fields.read("run_cmd", _command, ()),
        fields.read("container", lambda given: _container(given, parameters), None),
    )
    if "run_cmd" in fields and "container" in fields:
        cursor.key_problem(
            "has both 'run_cmd' and 'container': a node runs as a process or in a container"
        )
    elif cursor.is_object and not any(
        cursor.has(key) for key in ("run_cmd", "container", "start_cmd")
    ):
        cursor.key_problem("'run_cmd' or 'container' is missing")
    return execution


def _command(cursor: Cursor) -> tuple[str, ...]:
    items = cursor.items()
    if cursor.value == []:
        cursor.problem("is empty: it names no program")
    return tuple(item.text() if index == 0 else item.any_text() for index, item in enumerate(items))


def _container(cursor: Cursor, parameters: Group) -> Container:
    fields = cursor.fields(["def_file"], ["mount_paths", *_EXTRA_ARGS])
    known = dict(leaves(parameters))
    none: tuple[str, ...] = ()
    build, run, lima = (
        fields.read(key, lambda given: given.read_all(Cursor.text), none) for key in _EXTRA_ARGS
    )
    return Container(
        fields.read("def_file", _inner_file, ""),
        fields.read("mount_paths", lambda c: c.read_all(lambda item: _mount(item, known)), ()),
        build,
        run,
        lima,
    )


def _inner_file(cursor: Cursor) -> str:
    text = cursor.text()
    if text.startswith("/") or ".." in text.split("/"):
        cursor.problem(f"{quoted(text)} must be a file in the node's directory")
    return text


def _mount(cursor: Cursor, known: dict[str, Leaf]) -> Mount:
    text = cursor.text()
    if not text.strip() or "\0" in text:
        return Mount(text)
    if has_stray_reference(text):
        cursor.problem(f"{quoted(text)} has a '${{' that is no reference: ${{parameters:a.b}}")
        return Mount(text)
    parts = mount_parts(text)
    if parts is None:
        cursor.problem(f"{quoted(text)} is not a mount: write host[:container[:options]]")
        return Mount(text)
    # What a reference makes of the path is known only when an instance starts.
    if not references(parts.host) and is_blocked(parts.host):
        cursor.problem(
            f"{quoted(parts.host)} may not be mounted: it is a system directory, "
            "name a directory inside it"
        )
    for name in references(text):
        _check_reference(cursor, name, known)
    return Mount(text)


def _check_reference(cursor: Cursor, name: str, known: dict[str, Leaf]) -> None:
    leaf = known.get(name)
    if leaf is None:
        cursor.problem(f"{quoted(name)} is not a parameter of this node{did_you_mean(name, known)}")
    elif leaf.kind is not Kind.STRING:
        cursor.problem(f"the parameter {quoted(name)} must be of type 'string' to name a path")
