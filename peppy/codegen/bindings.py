"""A node's bindings: the project `.peppy/libs/peppygen`. Source: behaviour.md 7.2 and 8.1."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from peppy.codegen.actions import consumed_action_module, exposed_action_module
from peppy.codegen.parameters import parameters_module
from peppy.codegen.project import project_files
from peppy.codegen.python_text import Brackets, docstring, laid_out, lines, literal, module_name
from peppy.codegen.services import consumed_service_module, exposed_service_module
from peppy.codegen.testing import Interface, testing_files
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

{binding}


class NodeBuilder(BaseNodeBuilder[Parameters]):
    {class_docstring}

    binding = BINDING
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
    interfaces = list(_interfaces(document, _Links(document, dependencies)))
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
        **{each.path: each.text for each in interfaces},
        **testing_files(node, interfaces),
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

    def service(self, service: Consumed) -> tuple[ExposedService, str]:
        """Return a service of a dependency, and its module."""
        target = self._documents[service.local_id]
        offered = target.interfaces.exposed_services
        found = next(each for each in offered if each.name == service.name)
        return found, consumed_service_module(target.manifest.id, service.local_id, found)

    def action(self, action: Consumed) -> tuple[ExposedAction, str]:
        """Return an action of a dependency, and its module."""
        target = self._documents[action.local_id]
        offered = target.interfaces.exposed_actions
        found = next(each for each in offered if each.name == action.name)
        return found, consumed_action_module(target.manifest.id, action.local_id, found)


def _interfaces(document: NodeDocument, links: _Links) -> Iterator[Interface]:
    its = document.interfaces
    yield from _emitted(document)
    yield from _consumed(document, links)
    yield from _exposed("exposed_services", its.exposed_services, exposed_service_module)
    yield from _of_others("consumed_services", its.consumed_services, links.service)
    yield from _exposed("exposed_actions", its.exposed_actions, exposed_action_module)
    yield from _of_others("consumed_actions", its.consumed_actions, links.action)


def _emitted(document: NodeDocument) -> Iterator[Interface]:
    taken = set(_MODULES_TAKEN)
    for topic in document.interfaces.emits:
        assert topic.format is not None  # noqa: S101  # it would be a shortfall
        text = emitted_module(topic.name, topic.qos, topic.format)
        yield Interface("emitted_topics", module_name(identifier(topic.name), taken), text)


def _consumed(document: NodeDocument, links: _Links) -> Iterator[Interface]:
    taken = set(_MODULES_TAKEN)
    for topic in document.interfaces.consumes:
        name = identifier(topic.name)
        if isinstance(topic, ExternalTopic):
            text = external_module(topic)
        else:
            name, text = f"{identifier(topic.local_id)}_{name}", links.topic_module(topic)
        yield Interface("consumed_topics", module_name(name, taken), text)


def _exposed(package: str, items: Iterable[X], module: Callable[[X], str]) -> Iterator[Interface]:
    """Yield the services or actions that the node itself has."""
    taken = set(_MODULES_TAKEN)
    for each in items:
        yield Interface(package, module_name(identifier(each.name), taken), module(each), each)


def _of_others(
    package: str, items: Iterable[Consumed], linked: Callable[[Consumed], tuple[X, str]]
) -> Iterator[Interface]:
    """Yield the services or actions of its dependencies."""
    taken = set(_MODULES_TAKEN)
    for each in items:
        name = f"{identifier(each.local_id)}_{identifier(each.name)}"
        declared, text = linked(each)
        yield Interface(package, module_name(name, taken), text, declared)


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
    binding = laid_out(Brackets("BINDING = Binding(", arguments, ")"))
    return _ROOT_MODULE.format(
        module_docstring=docstring(f"The bindings of `{manifest.id}`, made from its document."),
        class_docstring=docstring(f"Runs the node `{manifest.id}`."),
        binding=binding,
    )
