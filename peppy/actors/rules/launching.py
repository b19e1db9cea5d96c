"""What is wrong with a launch, and in which order its nodes start; pure. Source: behaviour.md 6."""

from collections.abc import Iterator, Sequence

import msgspec

from peppy.actors.rules import binding, dependencies
from peppy.schema.dependency_errors import MissingDependency
from peppy.schema.errors import Problem
from peppy.schema.languages import NotPython, check_language
from peppy.schema.launcher import Deployment, LaunchedInstance, Place
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.parameters import ParameterError, complete
from peppy.schema.wording import quoted


class Candidate(msgspec.Struct, frozen=True):
    """A deployment, and the document that its source comes to."""

    deployment: Deployment
    document: NodeDocument

    @property
    def node(self) -> NodeId:
        """The node's name and tag."""
        return self.document.manifest.id


def problems(
    candidates: Sequence[Candidate], core_node: str, *, whole: bool = True
) -> list[Problem]:
    """Return what is wrong with these nodes together, in the order of the file.

    Where they are not the `whole` launch, a node that is missing may be one of the others.
    """
    found = [
        *_nodes(candidates),
        *_dependencies(candidates, whole=whole),
        *_instances(candidates, core_node),
        *_bindings(candidates),
    ]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def documents_of(candidates: Sequence[Candidate]) -> dict[NodeId, NodeDocument]:
    """Return the documents of the nodes, the first where one is there twice."""
    documents: dict[NodeId, NodeDocument] = {}
    for each in candidates:
        documents.setdefault(each.node, each.document)
    return documents


def _dependencies(candidates: Sequence[Candidate], *, whole: bool) -> Iterator[Problem]:
    documents = documents_of(candidates)
    places = {each.node: each.deployment.place for each in reversed(candidates)}
    for error in dependencies.problems(documents, documents):
        hint = error.hint
        if isinstance(error, MissingDependency):
            if not whole:
                continue
            hint = hint if error.guess is not None else "launch it as well"
        yield places[error.node].problem(error.sentence + ("" if hint is None else f"; {hint}"))


def _nodes(candidates: Sequence[Candidate]) -> Iterator[Problem]:
    first: dict[NodeId, Place] = {}
    for each in candidates:
        place = each.deployment.place
        if each.node in first:
            other = first[each.node].path
            yield place.problem(
                f"node '{each.node}' is launched by {other} already:"
                " give that one more instances instead"
            )
        else:
            first[each.node] = place
        execution = each.document.execution
        if execution is not None and execution.container is not None:
            yield place.problem(
                f"node '{each.node}' runs in a container, and this version of peppy runs"
                " processes only"
            )
        try:
            check_language(each.document)
        except NotPython as error:
            yield place.problem(f"{error.sentence}; {error.hint}")


def _instances(candidates: Sequence[Candidate], core_node: str) -> Iterator[Problem]:
    first: dict[InstanceId, Place] = {}
    for each in candidates:
        for instance in each.deployment.instances:
            name = instance.instance_id
            if name is None:
                pass
            elif name == core_node:
                yield instance.place.problem(f"{quoted(name)} is the core node's name")
            elif name in first:
                other = first[name].path
                yield instance.place.problem(f"{quoted(name)} is the name of {other} already")
            else:
                first[name] = instance.place
            yield from _arguments(each, instance)


def _arguments(candidate: Candidate, instance: LaunchedInstance) -> Iterator[Problem]:
    execution = candidate.document.execution
    if execution is None:
        return
    try:
        complete(execution.parameters, instance.arguments)
    except ParameterError as error:
        for sentence in error.sentence.splitlines():
            yield instance.place.problem(f"node '{candidate.node}': {sentence}")


def _bindings(candidates: Sequence[Candidate]) -> Iterator[Problem]:
    """Check which instance of a dependency each label stands for."""
    owners = {
        instance.instance_id: each.node
        for each in candidates
        for instance in each.deployment.instances
        if instance.instance_id is not None
    }
    for each in candidates:
        labels = binding.labels_of(each.document)
        for instance in each.deployment.instances:
            for label, target in instance.bindings.items():
                if label not in labels:
                    sentence = binding.unknown_label(label, each.node, labels)
                    yield instance.place.problem(sentence)
                elif owners.get(target) != labels[label]:
                    yield instance.place.problem(
                        f"{quoted(label)} needs an instance of node '{labels[label]}', and"
                        f" {quoted(target)} is none that is launched"
                    )
