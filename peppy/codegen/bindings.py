"""A node's bindings: the project `.peppy/libs/peppygen`. Source: behaviour.md 7.2 and 8.1."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from peppy.codegen.actions import consumed_action_module, exposed_action_module
from peppy.codegen.parameters import parameters_module
from peppy.codegen.project import project_files
from peppy.codegen.python_text import Brackets, docstring, laid_out, lines, literal, module_name
from peppy.codegen.services import consumed_service_module, exposed_service_module
from peppy.codegen.topics import emitted_module, external_module, linked_module
from peppy.schema.consumption import Documents, consumed, shortfalls
from peppy.schema.expectations import DEPENDENCIES_FILE, expectations_text
from peppy.schema.identifiers import identifier
from peppy.schema.languages import check_language
from peppy.schema.node import (
    Consumed,
    ExposedAction,
    ExposedService,
    ExternalTopic,
    Group,
    LinkedTopic,
    NodeDocument,
)
from peppy.schema.parameters import schema_literal

X = TypeVar("X", ExposedService, ExposedAction)

_PACKAGES: Final = {
    "emitted_topics": "The topics that this node emits, a module each.",
    "consumed_topics": "The topics that this node consumes, a module each.",
    "exposed_services": "The services that this node answers, a module each.",
    "consumed_services": "The services of others that this node calls, a module each.",
    "exposed_actions": "The actions that this node carries out, a module each.",
    "consumed_actions": "The actions of others that this node starts, a module each.",
}

_ROOT_MODULE: Final = """\
{module_docstring}

from peppylib import NodeRunner, QoSProfile, StandaloneConfig
from peppylib.bindings import Binding
from peppylib.bindings import NodeBuilder as BaseNodeBuilder

from peppygen.parameters import Parameters

__all__ = ["NodeBuilder", "NodeRunner", "QoSProfile", "StandaloneConfig"]


class NodeBuilder(BaseNodeBuilder[Parameters]):
    {class_docstring}

    {binding}
"""

_MODULES_TAKEN: Final = frozenset({"__init__", "__main__", "__pycache__"})
"""File names that mean something else in a package."""


def generate(document: NodeDocument, dependencies: Documents) -> dict[str, str]:
    """Return the texts of a node's bindings by their path in the project.

    `dependencies` are the documents of the nodes in the stack; more than the needed ones may be
    there. Raises the first `DependencyProblem`, and `NotPython` for a node in another language.
    """
    node = document.manifest.id
    execution = document.execution
    check_language(document)
    for shortfall in shortfalls(document, dependencies):
        raise shortfall
    links = _Links(document, dependencies)
    its = document.interfaces
    schema = Group() if execution is None else execution.parameters
    return {
        **project_files(),
        **_fingerprints(document),
        DEPENDENCIES_FILE: expectations_text(consumed(document, dependencies)),
        "peppygen/__init__.py": _root_module(document, schema),
        "peppygen/py.typed": "",
        "peppygen/parameters/__init__.py": parameters_module(node, schema),
        **{
            f"peppygen/{name}/__init__.py": lines(docstring(what))
            for name, what in _PACKAGES.items()
        },
        **_emitted(document),
        **_consumed(document, links),
        **_exposed("exposed_services", its.exposed_services, exposed_service_module),
        **_consumed_of_others("consumed_services", its.consumed_services, links.service_module),
        **_exposed("exposed_actions", its.exposed_actions, exposed_action_module),
        **_consumed_of_others("consumed_actions", its.consumed_actions, links.action_module),
    }


def _fingerprints(document: NodeDocument) -> dict[str, str]:
    own = {"peppy.json5.sha256": f"{document.sha256}\n"}
    if document.root_sha256 is None:
        return own
    return own | {"root.json5.sha256": f"{document.root_sha256}\n"}


class _Links:
    """What a node's labels stand for: the documents of its dependencies, which lack nothing."""

    def __init__(self, document: NodeDocument, known: Documents) -> None:
        depends_on = document.manifest.depends_on
        self._documents = {needed.local_id: known[needed.node] for needed in depends_on}

    def topic_module(self, topic: LinkedTopic) -> str:
        """Return the module of a topic of a dependency."""
        target = self._documents[topic.local_id]
        found = next(each for each in target.interfaces.emits if each.name == topic.name)
        assert found.format is not None  # noqa: S101  # it would be a shortfall
        node = target.manifest.id
        return linked_module(node, topic.local_id, found.name, found.qos, found.format)

    def service_module(self, service: Consumed) -> str:
        """Return the module of a service of a dependency."""
        target = self._documents[service.local_id]
        offered = target.interfaces.exposed_services
        found = next(each for each in offered if each.name == service.name)
        return consumed_service_module(target.manifest.id, service.local_id, found)

    def action_module(self, action: Consumed) -> str:
        """Return the module of an action of a dependency."""
        target = self._documents[action.local_id]
        offered = target.interfaces.exposed_actions
        found = next(each for each in offered if each.name == action.name)
        return consumed_action_module(target.manifest.id, action.local_id, found)


def _emitted(document: NodeDocument) -> dict[str, str]:
    taken = set(_MODULES_TAKEN)
    modules: dict[str, str] = {}
    for topic in document.interfaces.emits:
        assert topic.format is not None  # noqa: S101  # it would be a shortfall
        path = _path("emitted_topics", identifier(topic.name), taken)
        modules[path] = emitted_module(topic.name, topic.qos, topic.format)
    return modules


def _consumed(document: NodeDocument, links: _Links) -> dict[str, str]:
    taken = set(_MODULES_TAKEN)
    modules: dict[str, str] = {}
    for topic in document.interfaces.consumes:
        name = identifier(topic.name)
        if isinstance(topic, ExternalTopic):
            modules[_path("consumed_topics", name, taken)] = external_module(topic)
        else:
            linked = f"{identifier(topic.local_id)}_{name}"
            modules[_path("consumed_topics", linked, taken)] = links.topic_module(topic)
    return modules


def _exposed(package: str, items: Iterable[X], module: Callable[[X], str]) -> dict[str, str]:
    """Return the modules of services or actions that the node itself has."""
    taken = set(_MODULES_TAKEN)
    return {_path(package, identifier(each.name), taken): module(each) for each in items}


def _consumed_of_others(
    package: str, items: Iterable[Consumed], module: Callable[[Consumed], str]
) -> dict[str, str]:
    """Return the modules of services or actions of its dependencies."""
    taken = set(_MODULES_TAKEN)
    modules: dict[str, str] = {}
    for each in items:
        name = f"{identifier(each.local_id)}_{identifier(each.name)}"
        modules[_path(package, name, taken)] = module(each)
    return modules


def _path(package: str, name: str, taken: set[str]) -> str:
    return f"peppygen/{package}/{module_name(name, taken)}.py"


def _root_module(document: NodeDocument, schema: Group) -> str:
    manifest = document.manifest
    root = document.root_sha256
    arguments = (
        literal(manifest.name, "name="),
        literal(manifest.tag, "tag="),
        "parameters=Parameters",
        literal(schema_literal(schema), "schema="),
        literal(document.sha256, "config_sha256="),
        *(() if root is None else (literal(root, "root_sha256="),)),
    )
    binding = laid_out(Brackets("binding = Binding(", arguments, ")"), 1)
    return _ROOT_MODULE.format(
        module_docstring=docstring(f"The bindings of `{manifest.id}`, made from its document."),
        class_docstring=docstring(f"Runs the node `{manifest.id}`."),
        binding=binding,
    )
