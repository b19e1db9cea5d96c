"""Pieces of source: nothing gets out of its quotes, and the formatter has nothing to do."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.codegen.bindings import generate
from peppy.codegen.parameters import parameters_module
from peppy.codegen.python_text import WIDTH, docstring, laid_out, literal, text_literal, unique
from peppy.codegen.topics import emitted_module
from peppy.schema.format_reader import parse_format
from peppy.schema.names import parse_node_id
from peppy.schema.node import NodeDocument, QosProfile
from peppy.schema.parameters import parse_schema
from tests.codegen.codegen_documents import BRAIN, CAMERA, samples, stack, written

TRICKS = ['"', "'", "\\", '"\'\n\\"""', "\udc80\u202e\x00", "ä", "", "{}", "%s"]

PLAIN = st.recursive(
    st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def formatted(directory: Path, *options: str) -> str:
    """Return what the formatter would change below a directory."""
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--no-cache", *options, "."]
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    return done.stdout + ("" if done.returncode in (0, 1) else done.stderr)


@pytest.mark.parametrize("text", TRICKS)
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    assert ast.literal_eval(text_literal(text)) == text
    assert ast.literal_eval(docstring(f"a {text}.")) == f"a {text}."


@given(PLAIN)
def test_a_literal_is_the_value_that_it_was_made_of(value: Any) -> None:
    assert ast.literal_eval(laid_out(literal(value))) == value


@given(st.lists(st.dictionaries(st.text(max_size=12), PLAIN, max_size=3), min_size=3, max_size=20))
def test_a_line_is_too_long_only_where_nothing_can_be_broken(values: list[Any]) -> None:
    for line in laid_out(literal(values, "x = ")).splitlines():
        parsed = line.strip().rstrip(",")
        assert len(line) <= WIDTH or not parsed.endswith(("]", "}")) or parsed[-2:] in ("[]", "{}")


@given(st.lists(st.sampled_from(["a", "a_1", "a_1_1", "class", "b"]), max_size=12))
def test_names_that_were_taken_are_never_given_again(wanted: list[str]) -> None:
    taken: set[str] = set()
    given_out = [unique(name, taken) for name in wanted]
    assert len(set(given_out)) == len(wanted)
    assert "class" not in given_out


@pytest.mark.parametrize("options", [(), ("--isolated",)], ids=["own width", "default width"])
@pytest.mark.parametrize("node", samples(), ids=lambda node: node.manifest.name)
def test_the_formatter_leaves_generated_modules_alone(
    node: NodeDocument, options: tuple[str, ...], tmp_path: Path
) -> None:
    texts = generate(node, stack(CAMERA, BRAIN))
    kept = {p: t for p, t in texts.items() if p == "pyproject.toml" or p.startswith("peppygen/")}
    assert formatted(written(tmp_path, kept), *options) == ""


def long_names(length: int) -> Mapping[str, str]:
    """Return modules in which each name has this length."""
    first, second, third = ("abc"[i] * length for i in range(3))
    numbers = {"$type": "array", "$items": "f64", "$length": 3, "$optional": True}
    message = parse_format(
        {
            first: {second: "string", third: {"$type": "array", "$items": {first: "u8"}}},
            second: {"$type": "string", "$optional": True},
            third: numbers,
        }
    )
    values = {first: {second: {third: "u8"}, third: "f64"}, second: "string"}
    schema = parse_schema(values)
    return {
        f"topic_{length}.py": emitted_module(first, QosProfile.RELIABLE, message),
        f"parameters_{length}.py": parameters_module(parse_node_id(f"{first}:v1"), schema),
    }


def test_the_formatter_leaves_names_of_every_length_alone(tmp_path: Path) -> None:
    for length in range(1, 128):
        modules = long_names(length)
        for text in modules.values():
            compile(text, "module", "exec")
        written(tmp_path, modules)
    assert formatted(tmp_path, "--isolated") == ""
    assert formatted(tmp_path, "--isolated", "--line-length", "100") == ""
    assert "# fmt: off" not in (tmp_path / "topic_20.py").read_text()
