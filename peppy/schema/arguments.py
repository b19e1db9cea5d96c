"""Parameters from the command line: `key=value`, typed by their declarations.

Source: behaviour.md 4, "`key=value` arguments". A `string` parameter given `42` is the text "42":
the declaration decides, not the look of the value.
"""

import json
import re
from collections.abc import Sequence
from typing import Final, cast

from peppy.schema.formats import Kind
from peppy.schema.kinds import RANGES
from peppy.schema.node import Group, Leaf, ParameterArray
from peppy.schema.parameter_values import Unfit, expected, fitted
from peppy.schema.parameters import ParameterError
from peppy.schema.wording import did_you_mean, quoted

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,40}", re.ASCII)
_REAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_ITEM: Final = re.compile(r"""\s*("(?:[^"\\]++|\\.)*+"|'[^'\\]*+'|[^,\[\]"']*+)\s*(,|\Z)""")


def parse_arguments(texts: Sequence[str], schema: Group) -> dict[str, object]:
    """Return what the arguments say, nested as the schema is; nothing is filled in.

    Raises `ParameterError` with a sentence for each argument that is wrong.
    """
    result: dict[str, object] = {}
    problems: list[str] = []
    for text in texts:
        try:
            _put(result, text, schema)
        except _WrongArgument as wrong:
            problems.append(str(wrong))
    if problems:
        raise ParameterError(problems=problems)
    return result


class _WrongArgument(Exception):
    """One argument's sentence."""


def _put(result: dict[str, object], text: str, schema: Group) -> None:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise _WrongArgument(f"{quoted(text)} is not an argument: write key=value")
    leaf = _leaf(key, schema)
    try:
        typed = _typed(value, leaf.kind)
    except Unfit as unfit:
        raise _WrongArgument(
            f"{quoted(key)} must be {unfit.expected}, not {unfit.received}"
        ) from None
    *groups, name = key.split(".")
    target = result
    for group in groups:
        target = cast("dict[str, object]", target.setdefault(group, {}))
    if name in target:
        raise _WrongArgument(f"{quoted(key)} is given a second time")
    target[name] = typed


def _leaf(key: str, schema: Group) -> Leaf:
    member: Leaf | Group = schema
    walked = ""
    for part in key.split("."):
        if isinstance(member, Leaf):
            raise _WrongArgument(f"{quoted(walked)} is one parameter, it has no {quoted(part)}")
        if part not in member.members:
            name = f"{walked}.{part}" if walked else part
            guess = did_you_mean(part, member.members)
            raise _WrongArgument(f"{quoted(name)} is not a parameter{guess}")
        walked = f"{walked}.{part}" if walked else part
        member = member.members[part]
    if isinstance(member, Group):
        example = next(iter(member.members), "name")
        raise _WrongArgument(
            f"{quoted(key)} is a group of parameters: give its members, as in {key}.{example}=..."
        )
    return member


def _typed(text: str, kind: Kind | ParameterArray) -> object:
    if isinstance(kind, ParameterArray):
        return fitted([_typed(item, kind.items) for item in _items(text, kind)], kind)
    return fitted(_value(text, kind), kind)


def _value(text: str, kind: Kind) -> object:
    wrong = Unfit(expected(kind), quoted(text))
    if kind is Kind.BOOL:
        if text.lower() not in ("true", "false"):
            raise wrong
        return text.lower() == "true"
    if kind in RANGES:
        if _DECIMAL.fullmatch(text):
            return int(text)
        if _HEXADECIMAL.fullmatch(text):
            return int(text, 16)
        raise wrong
    if kind in (Kind.F32, Kind.F64):
        if not _REAL.fullmatch(text):
            raise wrong
        return float(text)
    if kind is Kind.TIME and _REAL.fullmatch(text):
        return float(text)
    return text


def _items(text: str, kind: ParameterArray) -> list[str]:
    wrong = Unfit(f"{expected(kind)}, as in [1, 2]", quoted(text))
    if not (text.startswith("[") and text.endswith("]")):
        raise wrong
    inner = text[1:-1].strip()
    items: list[str] = []
    offset = 0
    while offset < len(inner):
        found = _ITEM.match(inner, offset)
        if found is None or not found[1]:
            raise wrong
        items.append(_unquoted(found[1].rstrip(), wrong))
        offset = found.end()
    return items


def _unquoted(item: str, wrong: Unfit) -> str:
    if item.startswith("'"):
        return item[1:-1]
    if not item.startswith('"'):
        return item
    try:
        return str(json.loads(item))
    except ValueError:
        raise wrong from None
