"""Expressions over a message's fields, for `--filter` and `--field`.

Python's own parser reads them; only what stands in `_Reader._meaning` means anything, and this
module carries it out itself, so an expression can do nothing but look at a message.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from peppy.cli.style import printable
from peppy.cli.wire.parts import Look, Part, Sort, Values, both, one, part_of, within
from peppy.schema.errors import PeppyError
from peppy.schema.formats import Field, MessageFormat
from peppy.schema.identifiers import identifier
from peppy.schema.wording import did_you_mean, quoted

LONGEST: Final = 1000
"""Characters."""

DEEPEST: Final = 64
"""Expressions inside one another; keeps every walk over them shallow."""


class BadExpression(PeppyError):
    """An expression that cannot be asked of messages of its format."""

    kind = "expression"

    def __init__(self, text: str, column: int, what: str, hint: str | None = None) -> None:
        self.column = column
        """1-based."""
        mark = " " * (column - 1) + "^"
        super().__init__(f"{what}\n  {text}\n  {mark}", hint=hint)


def compile_filter(text: str, message: MessageFormat) -> Callable[[Values], bool]:
    """Return what says whether a message fits `text`, as in `speed > 1.5 and not stopped`.

    A field that is absent is `null`: it equals nothing else, and is neither more nor less than
    anything. Raises `BadExpression`.
    """
    reader = _Reader(text, message)
    part = reader.read()
    if part.sort is not Sort.BOOL:
        hint = f"compare it, as in {quoted(f'{text} == ...')}" if part.path else None
        raise BadExpression(text, 1, f"the filter comes to {part.sort.value}", hint)
    return lambda values: bool(part.look(values))


def compile_field(text: str, message: MessageFormat) -> Look:
    """Return what takes one field out of a message, as in `header.points[0].x`.

    What is absent comes out as None. Raises `BadExpression`.
    """
    reader = _Reader(text, message)
    part = reader.read()
    if part.path is None:
        raise BadExpression(text, 1, "this is no field", "write a path, as in 'header.points[0].x'")
    return part.look


class _Reader:
    def __init__(self, text: str, message: MessageFormat) -> None:
        self._text = printable(text.replace("\n", " ")).strip()
        self._fields = message.fields
        self._depth = 0

    def read(self) -> Part:
        """Return what the whole text means."""
        return self._expression(self._parsed())

    def _parsed(self) -> ast.expr:
        if len(self._text) > LONGEST:
            raise PeppyError(f"an expression has at most {LONGEST} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self._text, mode="eval").body
        except SyntaxError as error:
            # Python has no place for an end that comes too early.
            column = min(error.offset or len(self._text) + 1, len(self._text) + 1)
            raise BadExpression(
                self._text,
                column,
                "this is not an expression",
                "write it as in: speed > 1.5 and not (name == 'left' or 'x' in name)",
            ) from None
        except (ValueError, RecursionError, MemoryError):
            raise PeppyError(f"{quoted(self._text)} is not an expression") from None

    def _expression(self, node: ast.expr) -> Part:
        if self._depth == DEEPEST:
            raise self._error(node, "this is nested too deeply")
        self._depth += 1
        part = self._meaning(node)
        self._depth -= 1
        return part

    def _meaning(self, node: ast.expr) -> Part:
        match node:
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=owner, attr=name):
                return self._member(node, self._expression(owner), name)
            case ast.Subscript(value=owner, slice=index):
                return self._item(node, self._expression(owner), index)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self._list(node, [self._expression(item) for item in items])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                look = self._condition(operand)
                return Part(Sort.BOOL, lambda values: not look(values))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                look = self._number(operand)
                return Part(Sort.NUMBER, one(operator.neg, look))
            case ast.BoolOp(op=connective, values=operands):
                looks = [self._condition(operand) for operand in operands]
                every = all if isinstance(connective, ast.And) else any
                return Part(Sort.BOOL, lambda values: every(look(values) for look in looks))
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(node, name, arguments)
            case _:
                raise self._error(node, "this is more than an expression over fields can do")

    def _error(self, node: ast.expr, what: str, hint: str | None = None) -> BadExpression:
        # Python counts bytes of UTF-8.
        column = len(self._text.encode()[: node.col_offset].decode(errors="replace")) + 1
        return BadExpression(self._text, column, what, hint)

    def _constant(self, node: ast.expr, value: object) -> Part:
        match value:
            case bool():
                sort = Sort.BOOL
            case int() | float():
                sort = Sort.NUMBER
            case str():
                sort = Sort.TEXT
            case bytes():
                sort = Sort.BYTES
            case None:
                sort = Sort.NOTHING
            case _:
                raise self._error(node, "this is no value that a message can have")
        return Part(sort, lambda _: value)

    def _name(self, node: ast.expr, name: str) -> Part:
        words: dict[str, object] = {"true": True, "false": False, "null": None}
        if name in words and not any(_named(field, name) for field in self._fields):
            return self._constant(node, words[name])
        field = self._find(node, name, self._fields, "")
        return part_of(field.type, field.name, lambda values: values.get(field.name))

    def _member(self, node: ast.expr, owner: Part, name: str) -> Part:
        if owner.path is None or owner.sort is not Sort.OBJECT:
            raise self._error(node, f"{_called(owner)} has no fields, it is {owner.sort.value}")
        field = self._find(node, name, owner.fields, owner.path)

        def look(values: Values) -> Any:
            inner = owner.look(values)
            return None if inner is None else inner.get(field.name)

        return part_of(field.type, f"{owner.path}.{field.name}", look)

    def _find(self, node: ast.expr, name: str, fields: Iterable[Field], owner: str) -> Field:
        known = list(fields)
        for field in known:
            if _named(field, name):
                return field
        names = [field.name for field in known]
        where = f"'{owner}'" if owner else "the message"
        hint = f"its fields are {', '.join(map(quoted, names))}" if names else "it has no fields"
        guess = did_you_mean(name, names)
        raise self._error(node, f"{where} has no field {quoted(name)}{guess}", hint)

    def _item(self, node: ast.expr, owner: Part, index: ast.expr) -> Part:
        if owner.path is None or owner.items is None:
            raise self._error(node, f"{_called(owner)} is {owner.sort.value}, not an array")
        place = _whole_number(index)
        if place is None:
            raise self._error(index, "an index is a whole number, as in '[0]'")

        def look(values: Values) -> Any:
            many = owner.look(values)
            if many is None or not -len(many) <= place < len(many):
                return None
            return many[place]

        return part_of(owner.items, f"{owner.path}[{place}]", look)

    def _list(self, node: ast.expr, parts: Sequence[Part]) -> Part:
        if any(part.path is not None for part in parts):
            raise self._error(node, "a list of values holds no fields")
        looks = [part.look for part in parts]
        constants = [look({}) for look in looks]
        return Part(Sort.LIST, lambda _: constants, constants=tuple(parts))

    def _condition(self, node: ast.expr) -> Look:
        part = self._expression(node)
        if part.sort is not Sort.BOOL:
            what = f"{_called(part)} is {part.sort.value}, not true or false"
            raise self._error(node, what, "compare it with something")
        return part.look

    def _number(self, node: ast.expr) -> Look:
        part = self._expression(node)
        if part.sort is not Sort.NUMBER:
            raise self._error(node, f"{_called(part)} is {part.sort.value}, not a number")
        return part.look

    def _comparison(self, node: ast.Compare) -> Part:
        operands = [node.left, *node.comparators]
        parts = [self._expression(operand) for operand in operands]
        checks = [
            self._check(operands[i + 1], parts[i], sign, parts[i + 1])
            for i, sign in enumerate(node.ops)
        ]
        return Part(Sort.BOOL, lambda values: all(check(values) for check in checks))

    def _check(self, node: ast.expr, left: Part, sign: ast.cmpop, right: Part) -> Look:
        match sign:
            case ast.In() | ast.NotIn():
                self._check_in(node, left, right)
                inside = within(left.look, right.look)
                if isinstance(sign, ast.In):
                    return inside
                return lambda values: not inside(values)
            case ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot():
                self._check_same(node, left, right)
                differ = isinstance(sign, ast.NotEq | ast.IsNot)
                return lambda values: (left.look(values) == right.look(values)) is not differ
            case _:
                self._check_same(node, left, right)
                if left.sort not in (Sort.NUMBER, Sort.TEXT):
                    what = f"{_called(left)} is {left.sort.value}, which has no order"
                    raise self._error(node, what)
                return both(_ORDERS[type(sign)], left.look, right.look)

    def _check_same(self, node: ast.expr, left: Part, right: Part) -> None:
        sorts = {left.sort, right.sort}
        if len(sorts) == 2 and Sort.NOTHING not in sorts:
            raise self._error(
                node,
                f"{_called(left)} is {left.sort.value} and {_called(right)} is {right.sort.value}",
            )

    def _check_in(self, node: ast.expr, left: Part, right: Part) -> None:
        if right.sort is Sort.LIST:
            members = right.constants
            if members is None and right.items is not None:
                members = (part_of(right.items, f"{right.path}[]", lambda _: None),)
            for member in members or ():
                self._check_same(node, left, member)
        elif left.sort is not Sort.TEXT or right.sort is not Sort.TEXT:
            what = f"{_called(left)} is {left.sort.value} and {_called(right)} {right.sort.value}"
            raise self._error(node, f"{what}: 'in' looks for text in text, or in a list")

    def _call(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> Part:
        parts = [self._expression(argument) for argument in arguments]
        sorts = [part.sort for part in parts]
        looks = [part.look for part in parts]
        match name, sorts:
            case "contains", [_, _]:
                self._check_in(node, parts[1], parts[0])
                return Part(Sort.BOOL, within(looks[1], looks[0]))
            case (("startswith" | "endswith"), [Sort.TEXT, Sort.TEXT]):
                begins = str.startswith if name == "startswith" else str.endswith
                return Part(Sort.BOOL, both(begins, looks[0], looks[1]))
            case "len", [Sort.TEXT | Sort.BYTES | Sort.LIST]:
                return Part(Sort.NUMBER, one(len, looks[0]))
            case "abs", [Sort.NUMBER]:
                return Part(Sort.NUMBER, one(abs, looks[0]))
            case _:
                raise self._error(node, f"there is no function {quoted(name)} of these", _FUNCTIONS)


_FUNCTIONS: Final = (
    "there are contains(text, part), startswith(text, part), endswith(text, part),"
    " len(text or list) and abs(number)"
)

_ORDERS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _named(field: Field, name: str) -> bool:
    """Say whether `name` means this field; `frame-id` is written `frame_id` here."""
    return name in (field.name, identifier(field.name))


def _called(part: Part) -> str:
    return f"'{part.path}'" if part.path is not None else "this"


def _whole_number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
        case _:
            return None
