"""The package `peppygen.testing`: the node in a test, with everybody that it talks to.

For each interface that the node consumes there is a mock, for each that it offers a probe, under
the name of the interface's own module and typed by the classes in it. What they do is
`peppy.testing`'s; a node that runs imports neither.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from peppy.codegen.python_text import (
    WIDTH,
    Brackets,
    attribute,
    camel,
    docstring,
    laid_out,
    lines,
    module,
    unique,
)
from peppy.schema.names import NodeId
from peppy.schema.node import ExposedAction, ExposedService


class Interface(msgspec.Struct, frozen=True):
    """One interface of a node, and the module through which the node's code uses it."""

    package: str
    """Such as `emitted_topics`."""
    module: str
    """Its name in there."""
    text: str
    declared: ExposedService | ExposedAction | None = None
    """What says which messages there are; of a topic there is always one."""

    @property
    def path(self) -> str:
        """Where the module stands in the project."""
        return f"peppygen/{self.package}/{self.module}.py"


class _Kind(msgspec.Struct, frozen=True):
    """What a test has for the interfaces of one package."""

    counterpart: str
    place: str
    """The module of `peppy.testing` that has it."""
    constant: str
    """What a generated module calls the value that stands for its interface."""
    what: str
    types: tuple[str, ...] = ()
    """Classes of the messages as generated modules call them, in the counterpart's order."""


_KINDS: Final[Mapping[str, _Kind]] = {
    "consumed_topics": _Kind(
        "TopicMock", "mocks", "_TOPIC", "The topics that the node hears: the test publishes."
    ),
    "consumed_services": _Kind(
        "ServiceMock",
        "mocks",
        "_SERVICE",
        "The services that the node calls: the test answers.",
        ("Request", "ResponseData"),
    ),
    "consumed_actions": _Kind(
        "ActionMock",
        "mocks",
        "_ACTION",
        "The actions that the node starts: the test carries them out.",
        ("GoalRequest", "GoalResponseData", "FeedbackMessage", "ResultResponseData"),
    ),
    "emitted_topics": _Kind(
        "TopicProbe", "probes", "_TOPIC", "The topics that the node emits: the test hears them."
    ),
    "exposed_services": _Kind(
        "ServiceProbe",
        "probes",
        "_SERVICE",
        "The services that the node answers: the test calls.",
        ("RequestData", "Response"),
    ),
    "exposed_actions": _Kind(
        "ActionProbe",
        "probes",
        "_ACTION",
        "The actions that the node carries out: the test fires goals.",
        ("GoalRequestData", "GoalResponse", "Feedback", "ResultResponse"),
    ),
}

_PRIVATE: Final = "# pyright: reportPrivateUsage=false"
"""What stands for an interface is no business of node code, and the bindings' own."""

_PEERS: Final = "from peppy.testing.peers import Peers"

_INDENT: Final = "    "

_DEPTH: Final = 2
"""Levels that the statements of `__init__` are deep."""

_NODE: Final = """\
class Node(NodeUnderTest[Parameters]):
    {what}

    def __init__(
        self,
        setup: Setup,
        parameters: Parameters | Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(BINDING, setup, parameters, **options)
{attributes}

class Boot:
    \"\"\"Boots the node: the type of the fixture `boot`.\"\"\"

    def __call__(
        self,
        setup: Setup,
        parameters: Parameters | Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Node:
        \"\"\"Return the node that `setup` makes, for `async with`; it starts there.

        Parameters that are left out have their defaults.
        \"\"\"
        return Node(setup, parameters, **options)
"""


def testing_files(node: NodeId, interfaces: Sequence[Interface]) -> dict[str, str]:
    """Return the modules of `peppygen.testing` by their path in the project."""
    grouped = {
        package: [each for each in interfaces if each.package == package] for package in _KINDS
    }
    there = {package: members for package, members in grouped.items() if members}
    return {
        "peppygen/testing/__init__.py": _root(node, there),
        **{
            f"peppygen/testing/{package}.py": _counterparts(package, _KINDS[package], members)
            for package, members in there.items()
        },
    }


def _root(node: NodeId, packages: Iterable[str]) -> str:
    listed = sorted(packages)
    imports = lines(
        docstring(f"`{node}` in a test, with everybody that it talks to."),
        "",
        "from collections.abc import Mapping",
        "from typing import Any, Unpack",
        "",
        "from peppy.testing.booting import NodeUnderTest, Options, Setup",
        "",
        "from peppygen import BINDING",
        "from peppygen.parameters import Parameters",
        *(f"from peppygen.testing.{package} import {camel(package)}" for package in listed),
        "",
        '__all__ = ["Boot", "Node"]',
        "",
        "",
    )
    attributes = lines(*(f"self.{each} = {camel(each)}(self.peers)" for each in listed), depth=2)
    what = docstring(f"A node `{node}` that runs in the test's own event loop.")
    return module(imports + _NODE.format(what=what, attributes=attributes))


def _counterparts(package: str, kind: _Kind, members: Sequence[Interface]) -> str:
    modules = sorted((each.module for each in members), key=_natural)
    taken = set(modules)
    # In a class, a name that begins with `__` would be that of something private to it.
    aliases = {name: unique(f"field{name}", taken) for name in modules if name.startswith("__")}
    # The parameters give way to modules of such names; a receiver is one that begins like `_self`.
    receiver = unique("_self" if "self" in taken else "self", taken)
    peers = unique("peers", taken)
    names: set[str] = set()
    assigned = (
        _assigned(
            kind,
            f"{receiver}.{attribute(each.module, names)}",
            peers,
            aliases.get(each.module, each.module),
            each,
        )
        for each in members
    )
    played = f"from peppy.testing.{kind.place} import {kind.counterpart}"
    renamed = lines("", *(f"{alias} = {name}" for name, alias in aliases.items()))
    return module(
        lines(docstring(kind.what), _PRIVATE, "", *sorted((played, _PEERS)), "")
        + lines(_import(package, modules))
        + (renamed if aliases else "")
        + lines("", "", f"class {camel(package)}:")
        + lines(docstring(kind.what), depth=1)
        + lines("")
        + lines(f"def __init__({receiver}, {peers}: Peers) -> None:", depth=1)
        + lines(*assigned, depth=_DEPTH)
    )


def _import(package: str, modules: list[str]) -> str:
    flat = f"from peppygen.{package} import {', '.join(modules)}"
    if len(flat) <= WIDTH:
        return flat
    return laid_out(Brackets(f"from peppygen.{package} import (", tuple(modules), ")"))


def _natural(name: str) -> list[tuple[int, str]]:
    # Imports stand as tools sort them: numbers in names by their value.
    return [(int(part), part) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _assigned(kind: _Kind, name: str, peers: str, found: str, interface: Interface) -> str:
    """Return the statement that makes the counterpart of an interface, under this name.

    By the name `found` its module is found.
    """
    made = f"{name} = {kind.counterpart}"
    arguments = (peers, f"{found}.{kind.constant}")
    types = tuple(
        f"{found}.{each}" if there else "None"
        for each, there in zip(kind.types, _there(interface), strict=True)
    )
    if not types:
        return laid_out(Brackets(f"{made}(", arguments, ")"), _DEPTH)
    flat = f"{made}[{', '.join(types)}]({', '.join(arguments)})"
    if len(_INDENT * _DEPTH + flat) <= WIDTH:
        return flat
    # What is in rows in both brackets stays so at every width.
    return f"{made}[\n{_rows(types)}](\n{_rows(arguments)})"


def _rows(items: tuple[str, ...]) -> str:
    return lines(*(f"{each}," for each in items), depth=_DEPTH + 1) + _INDENT * _DEPTH


def _there(interface: Interface) -> tuple[bool, ...]:
    """Say of each message of an interface whether there is a class for it."""
    match interface.declared:
        case None:
            return ()
        case ExposedService(request=request, response=response):
            return (request is not None, response is not None)
        case ExposedAction(goal=goal, feedback=feedback, result=result):
            return (
                goal is not None and goal.request is not None,
                goal is not None and goal.response is not None,
                feedback is not None and feedback.format is not None,
                result is not None and result.response is not None,
            )
