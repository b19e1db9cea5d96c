"""Strict readers of the two languages in which the stack is drawn, as much of them as we write."""

import re
from typing import NamedTuple

Attributes = dict[str, str]

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\["\\n])*")|([A-Za-z]+)|(->|[\[\]{};,=]))')


class Dot(NamedTuple):
    """A graph in Graphviz' language; texts have their line ends."""

    boxes: dict[str, Attributes]
    arrows: list[tuple[str, str, Attributes]]


def read_dot(text: str) -> Dot:
    """Return what a text in Graphviz' language says; raise `ValueError` if it is none."""
    reader = _Dot(text)
    return reader.graph()


class _Dot:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"no token: {text[place : place + 40]!r}")
            self._tokens.append(found[0].strip())
            place = found.end()

    def graph(self) -> Dot:
        for word in ("digraph", "stack", "{"):
            self._take(word)
        boxes: dict[str, Attributes] = {}
        arrows: list[tuple[str, str, Attributes]] = []
        while self._tokens[0] != "}":
            if self._tokens[0] == "node":
                self._take("node")
                self._attributes()
            else:
                name = self._text()
                if self._tokens[0] == "->":
                    self._take("->")
                    arrows.append((name, self._text(), self._attributes()))
                elif name in boxes:
                    raise ValueError(f"{name!r} is there twice")
                else:
                    boxes[name] = self._attributes()
            self._take(";")
        self._take("}")
        if self._tokens:
            raise ValueError(f"more after the end: {self._tokens}")
        return Dot(boxes, arrows)

    def _take(self, expected: str) -> None:
        found = self._tokens.pop(0)
        if found != expected:
            raise ValueError(f"{found!r} stands where {expected!r} should be")

    def _text(self) -> str:
        token = self._tokens.pop(0)
        if not token.startswith('"'):
            raise ValueError(f"{token!r} is no quoted text")
        return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), token[1:-1], flags=re.S)

    def _attributes(self) -> Attributes:
        found: Attributes = {}
        if self._tokens[0] != "[":
            return found
        end = self._tokens.pop(0)
        while end != "]":
            name = self._tokens.pop(0)
            self._take("=")
            found[name] = self._text() if self._tokens[0][0] == '"' else self._tokens.pop(0)
            end = self._tokens.pop(0)
            if end not in {",", "]"}:
                raise ValueError(f"{end!r} stands between attributes")
        return found


class Mermaid(NamedTuple):
    """A flow chart; texts have their line ends."""

    boxes: dict[str, str]
    arrows: list[tuple[str, str, str, str]]
    """From, the kind of line, its label, to."""
    classes: dict[str, str]


_LABEL = r'"((?:[^"<>#&`\\]|<br/>|#\d+;)*)"'
_BOX = re.compile(rf"  (\w+)(?:\[{_LABEL}\]|\(\[{_LABEL}\]\))")
_ARROW = re.compile(rf"  (\w+) (-->|-\.->)(?:\|{_LABEL}\|)? (\w+)")


def read_mermaid(text: str) -> Mermaid:
    """Return what a flow chart says; raise `ValueError` if it is none."""
    first, *rest = text.split("\n")
    if first != "flowchart LR" or rest.pop() != "":
        raise ValueError("it begins or ends otherwise")
    found = Mermaid({}, [], {})
    for line in rest:
        if box := _BOX.fullmatch(line):
            found.boxes[box[1]] = _plain(box[2] if box[2] is not None else box[3])
        elif arrow := _ARROW.fullmatch(line):
            if not {arrow[1], arrow[4]} <= found.boxes.keys():
                raise ValueError(f"{line!r} leads to or from nothing")
            found.arrows.append((arrow[1], arrow[2], _plain(arrow[3] or ""), arrow[4]))
        elif line.startswith("  class "):
            _, _, _, which, what = line.split(" ")
            found.classes.update(dict.fromkeys(which.split(","), what))
        elif line != "  classDef unwell stroke:red":
            raise ValueError(f"{line!r} is no statement")
    return found


def _plain(text: str) -> str:
    lines = text.split("<br/>")
    return "\n".join(re.sub(r"#(\d+);", lambda m: chr(int(m[1])), line) for line in lines)
