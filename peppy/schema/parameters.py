"""Given parameters against their schema. Source: behaviour.md 4; seed 003, "Node parameters"."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from peppy.schema.errors import PeppyError
from peppy.schema.node import Group, Leaf
from peppy.schema.parameter_schema import parse_schema, read_parameters, schema_literal
from peppy.schema.parameter_values import Unfit, fitted, type_text
from peppy.schema.wording import described, did_you_mean, quoted

__all__ = [
    "ParameterError",
    "as_json",
    "complete",
    "leaves",
    "parameter_lines",
    "parse_schema",
    "read_parameters",
    "schema_literal",
]

_GUESSES: Final = 100
"""Unknown names for which the meant one is looked for; each search takes time."""


class ParameterError(PeppyError):
    """Parameters that do not fit their schema: all of the problems at once."""

    def __init__(
        self, missing: Sequence[str] = (), problems: Sequence[str] = (), *, hint: str | None = None
    ) -> None:
        self.missing = tuple(missing)
        """Dotted names of the leaves that are not given and have no default."""
        self.problems = tuple(problems)
        """A sentence for each value that is wrong."""
        sentences = list(self.problems)
        if self.missing:
            names = ", ".join(quoted(name) for name in self.missing)
            plural = "parameter is" if len(self.missing) == 1 else "parameters are"
            sentences.append(f"{len(self.missing)} {plural} missing: {names}")
        super().__init__("\n".join(sentences), hint=hint)


def complete(schema: Group, given: Mapping[str, object]) -> dict[str, object]:
    """Return the given parameters checked, converted and filled up with defaults.

    Every leaf of the schema is in the result, in the schema's order; see `fitted` for how values
    are held. Raises `ParameterError` with every unknown, unfit and missing parameter.
    """
    missing: list[str] = []
    problems: list[str] = []
    result = _complete(schema, given, "", missing, problems)
    if missing or problems:
        raise ParameterError(missing, problems)
    return result


def leaves(schema: Group, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield each leaf of the schema with its dotted name, in the schema's order."""
    for name, member in schema.members.items():
        if isinstance(member, Group):
            yield from leaves(member, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", member


def parameter_lines(schema: Group) -> tuple[str, ...]:
    """Return each leaf with its type, as in `video.frame_rate: u16 = 30`."""
    return tuple(
        f"{name}: {type_text(leaf.kind)}"
        + ("" if leaf.default is None else f" = {json.dumps(leaf.default, ensure_ascii=False)}")
        for name, leaf in leaves(schema)
    )


def as_json(values: Mapping[str, object]) -> dict[str, object]:
    """Return complete parameters as JSON can carry them; `complete` makes them whole again.

    `bytes` become text. Those that are not UTF-8 raise `ParameterError`: a document or a command
    line cannot have given them.
    """
    return {name: _plain(value, name) for name, value in values.items()}


def _complete(
    schema: Group,
    given: Mapping[str, object],
    prefix: str,
    missing: list[str],
    problems: list[str],
) -> dict[str, object]:
    for name in given:
        if name not in schema.members:
            guess = did_you_mean(str(name), schema.members) if len(problems) < _GUESSES else ""
            problems.append(f"{quoted(f'{prefix}{name}')} is not a parameter{guess}")
    result: dict[str, object] = {}
    for name, member in schema.members.items():
        dotted = f"{prefix}{name}"
        if isinstance(member, Group):
            inner = given.get(name, {})
            if isinstance(inner, Mapping):
                group = cast("Mapping[str, object]", inner)
                result[name] = _complete(member, group, f"{dotted}.", missing, problems)
            else:
                what = described(inner)
                problems.append(f"{quoted(dotted)} is a group of parameters, not {what}")
        elif name in given:
            try:
                result[name] = fitted(given[name], member.kind)
            except Unfit as unfit:
                problems.append(f"{quoted(dotted)} must be {unfit.expected}, not {unfit.received}")
        elif member.default is not None:
            default = member.default
            result[name] = list(default) if isinstance(default, list) else default
        else:
            missing.append(dotted)
    return result


def _plain(value: object, name: str) -> object:
    match value:
        case dict():
            return as_json(cast("dict[str, object]", value))
        case list():
            return [_plain(item, name) for item in cast("list[object]", value)]
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise ParameterError(problems=[f"{quoted(name)} is not UTF-8"]) from None
        case _:
            return value
