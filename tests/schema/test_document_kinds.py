"""A document where another one is wanted."""

import pytest

from peppy.schema.errors import DocumentError, Problem
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.lock_reader import read_lock
from peppy.schema.node_reader import read_node_document, read_variant_document

NODE = "{peppy_schema: 'node_v1', manifest: {name: 'a', tag: 'b'}}"
LAUNCHER = "{deployments: [{source: {local: 'a'}, instances: [{}]}]}"
LOCK = "{peppy_schema: 'lock_v1', locked: []}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (NODE, "this is a node's document, 'peppy node add' takes its directory"),
        ("{execution: {}}", "this is a node's document, 'peppy node add' takes its directory"),
        (LOCK, "this is a lock file, which lies beside the launch file that it belongs to"),
    ],
)
def test_another_document_is_told_what_takes_it(text: str, what: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_launcher(text.encode(), "robot.json5", "/")
    (problem,) = caught.value.problems
    assert problem == Problem(1, 1, "", what)


def test_a_launch_file_in_place_of_a_node_is_told_what_takes_it() -> None:
    for reader in (read_node_document, read_variant_document):
        with pytest.raises(DocumentError) as caught:
            reader(LAUNCHER.encode(), "peppy.json5")
        (problem,) = caught.value.problems
        assert problem.what == "this is a launch file, 'peppy stack launch' takes it"


@pytest.mark.parametrize("text", [NODE, LAUNCHER])
def test_no_other_document_is_taken_for_a_lock_file(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_lock(text.encode(), "robot.lock.json5")
    (problem,) = caught.value.problems
    assert problem.what.startswith("this is a")


def test_a_document_with_a_key_of_its_own_kind_is_read_as_that() -> None:
    with pytest.raises(DocumentError) as caught:
        read_launcher(b"{manifest: {}, deployments: []}", "robot.json5", "/")
    assert [problem.path for problem in caught.value.problems] == ["manifest", "deployments"]
