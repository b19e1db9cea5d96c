"""What the generator knows of a node: `peppygen` carries it, the builder runs with it."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeVar

from peppy.schema.identifiers import identifier
from peppy.schema.node import Group
from peppy.schema.parameters import complete, parse_schema


class Parameters(Protocol):
    """What a generated `Parameters` can do."""

    @classmethod
    def from_dict(cls, values: dict[str, Any], /) -> Self:
        """Return the parameters that complete `values`, keyed by the document's names, hold."""
        ...


P = TypeVar("P", bound=Parameters)


class Binding(Generic[P]):
    """One node's identity, parameters and document, as they were when its code was generated."""

    def __init__(
        self,
        name: str,
        tag: str,
        parameters: type[P],
        schema: Mapping[str, Any],
        config_sha256: str,
        root_sha256: str | None = None,
    ) -> None:
        """`root_sha256` is that of the root's document, where `config_sha256` is a variant's."""
        self.name = name
        self.tag = tag
        self.parameters = parameters
        self.config_sha256 = config_sha256
        self.root_sha256 = root_sha256
        self._literal = schema

    @cached_property
    def schema(self) -> Group:
        """The parameters that the document declares."""
        return parse_schema(self._literal)

    def completed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return `given` checked and with defaults filled in, or raise `ParameterError`."""
        return complete(self.schema, given)

    def as_mapping(self, given: object) -> Mapping[str, Any]:
        """Return parameters given as a mapping or a dataclass, keyed by the document's names."""
        if isinstance(given, Mapping):
            return given  # pyright: ignore[reportUnknownVariableType]
        if dataclasses.is_dataclass(given) and not isinstance(given, type):
            return _from_dataclass(self.schema, given)
        kind = type(given).__qualname__
        raise TypeError(f"parameters are a dict or a dataclass, not a value of type '{kind}'")

    def __repr__(self) -> str:
        return f"<Binding of {self.name}:{self.tag}>"


def _from_dataclass(group: Group, given: object) -> dict[str, Any]:
    """Return a dataclass as a map under the document's names; what it lacks stays away."""
    found: dict[str, Any] = {}
    for name, member in group.members.items():
        attribute = identifier(name)
        if not hasattr(given, attribute):
            continue
        value = getattr(given, attribute)
        if isinstance(member, Group) and dataclasses.is_dataclass(value):
            found[name] = _from_dataclass(member, value)
        else:
            found[name] = value
    return found
