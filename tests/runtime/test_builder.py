"""What the builder settles before it connects to anything."""

import builtins
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from peppy.runtime.builder import NoBindings, NodeBuilder
from peppy.runtime.document import NoDocument
from peppy.runtime.runner import NodeRunner
from peppy.runtime.setup import NoTrio, wants_nursery
from peppy.runtime.standalone import StandaloneConfig
from tests.runtime.memory_nodes import BINDING, Parameters


class CameraBuilder(NodeBuilder[Parameters]):
    binding = BINDING


async def setup(params: Parameters, node_runner: NodeRunner) -> None:
    raise AssertionError("this node must not come so far")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be in a directory without a document, in an environment without a daemon."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PEPPY_RUNTIME_CONFIG", raising=False)


def test_missing_parameters_are_told_before_anything_is_opened() -> None:
    with pytest.raises(RuntimeError, match=r"missing required parameter\(s\) .*: rate\. Provide"):
        CameraBuilder().run(setup)


def test_a_document_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoDocument):
        CameraBuilder().with_config_path(tmp_path / "other.json5").run(setup)


def test_the_methods_are_chained() -> None:
    builder = CameraBuilder()
    assert builder.standalone(StandaloneConfig()).with_config_path("peppy.json5") is builder


def test_without_bindings_the_sentence_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "peppygen", None)
    with pytest.raises(NoBindings) as caught:
        NodeBuilder[Parameters]().run(setup)
    assert caught.value.hint is not None
    assert "peppy node sync" in caught.value.hint


def test_a_builder_without_a_binding_finds_the_generated_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peppygen: Any = ModuleType("peppygen")
    peppygen.NodeBuilder = CameraBuilder
    monkeypatch.setitem(sys.modules, "peppygen", peppygen)
    with pytest.raises(RuntimeError, match="missing required parameter"):
        NodeBuilder[Parameters]().run(setup)


def test_trio_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_trio(name: str, *rest: Any, **more: Any) -> Any:
        if name == "trio":
            raise ModuleNotFoundError("No module named 'trio'", name="trio")
        return real_import(name, *rest, **more)

    async def nursed(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        raise AssertionError("this node must not come so far")

    monkeypatch.delitem(sys.modules, "peppy.runtime.trio_life", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_trio)
    with pytest.raises(NoTrio, match="runs on Trio, which is not installed"):
        CameraBuilder().run(nursed)


def test_only_a_third_parameter_without_a_default_asks_for_trio() -> None:
    def three(params: object, runner: object, nursery: object) -> None: ...
    def default(params: object, runner: object, verbose: bool = False) -> None: ...
    def keyword(params: object, runner: object, *, verbose: bool) -> None: ...
    def many(*everything: object) -> None: ...

    class Setup:
        def __call__(self, params: object, runner: object, nursery: object) -> None: ...

        def method(self, params: object, runner: object) -> None: ...

    assert wants_nursery(three)
    assert wants_nursery(Setup())
    others: list[Any] = [setup, default, keyword, many, Setup().method, print]
    assert [other for other in others if wants_nursery(other)] == []
