"""The module `parameters`: one dataclass per group. Source: behaviour.md 4 and 8.2.

The fields of each stand in alphabetical order, which is the order of positional arguments.
"""

from collections.abc import Iterator
from typing import Final

from peppy.codegen.dataclasses_text import TIME_UNIT, Attribute, class_text, python_type
from peppy.codegen.python_text import (
    Brackets,
    Builtins,
    attribute,
    class_name,
    docstring,
    laid_out,
    lines,
    module,
    text_literal,
)
from peppy.schema.formats import Kind
from peppy.schema.identifiers import identifier
from peppy.schema.names import NodeId
from peppy.schema.node import Group, Leaf, ParameterArray
from peppy.schema.parameter_values import type_text

_ROOT: Final = "Parameters"


def parameters_module(node: NodeId, schema: Group) -> str:
    """Return the module with the class `Parameters`, after those of the groups in it."""
    builtins = Builtins(set(_names(schema)))
    writer = _Writer(builtins)
    writer.write(_ROOT, "", schema, f"The parameters of `{node}`.")
    head = lines(docstring(f"The parameters of `{node}`, as its document declares them."), "")
    head += lines(*builtins.imports(), "from dataclasses import dataclass")
    head += lines("from typing import Any, Self")
    return module(f"{head}\n\n" + "\n\n".join(writer.classes))


class _Writer:
    def __init__(self, builtins: Builtins) -> None:
        self.classes: list[str] = []
        self._builtins = builtins
        self._taken = {"Any", "Self", _ROOT}

    def write(self, name: str, prefix: str, group: Group, description: str) -> None:
        """Add the class `name` of a group, and before it those of the groups in it.

        `prefix` stands before the names of those; the root's groups have none.
        """
        names = {"from_dict"}
        attributes: list[Attribute] = []
        values: list[str] = []
        for member_name, member in sorted(group.members.items()):
            key = f"values[{text_literal(member_name)}]"
            if isinstance(member, Group):
                kind = class_name(prefix, member_name, self._taken)
                self.write(kind, kind, member, f"The parameters in `{member_name}`.")
                what, value = "group", f"{kind}.from_dict({key})"
            else:
                kind, what, value = self._type(member), _declared(member), key
            named = attribute(member_name, names)
            attributes.append(Attribute(named, kind, "", f"`{member_name}`: {what}."))
            values.append(value)
        self.classes.append(
            class_text(name, description, tuple(attributes), self._from_dict(values))
        )

    def _from_dict(self, values: list[str]) -> str:
        mapping = f"{self._builtins('dict')}[{self._builtins('str')}, Any]"
        return lines(
            f"@{self._builtins('classmethod')}",
            f"def from_dict(cls, values: {mapping}) -> Self:",
            depth=1,
        ) + lines(
            docstring("Return what complete `values` hold, keyed by the document's names."),
            laid_out(Brackets("return cls(", tuple(values), ")"), 2),
            depth=2,
        )

    def _type(self, leaf: Leaf) -> str:
        if isinstance(leaf.kind, ParameterArray):
            return f"{self._builtins('list')}[{self._builtins(python_type(leaf.kind.items))}]"
        return self._builtins(python_type(leaf.kind))


def _names(group: Group) -> Iterator[str]:
    for name, member in group.members.items():
        yield identifier(name)
        if isinstance(member, Group):
            yield from _names(member)


def _declared(leaf: Leaf) -> str:
    items = leaf.kind.items if isinstance(leaf.kind, ParameterArray) else leaf.kind
    return f"{type_text(leaf.kind)}{f', {TIME_UNIT}' if items is Kind.TIME else ''}"
