"""What is said of what a node has nothing to do with is refused."""

import pytest

from peppy.schema.errors import PeppyError
from peppy.testing.failures import NoSuchField, NoSuchInterface, NoSuchSubject, NotTraced
from peppy.testing.sentences import Sentence, event, fault, line, message
from peppy.testing.virtual_time import run_virtually
from tests.testing.one_node import Rover, idle, setup_of

WRONG: list[tuple[Sentence, type[PeppyError], str]] = [
    (message("imges"), NoSuchInterface, "nothing to do with 'imges'; did you mean 'images'"),
    (message("steps", nmber=1), NoSuchField, "no field 'nmber'; did you mean 'number'"),
    (message("mvoe goal"), NoSuchInterface, "did you mean 'move'"),
    (event("failed") | message("imges"), NoSuchInterface, "'imges'"),
    (event("failed", "rover"), NoSuchSubject, "no event is of 'rover': all are of .* 'under_test'"),
    (line("broken"), NotTraced, "a line containing 'broken'"),
    (fault("crash"), NotTraced, "a fault 'crash'"),
]

RIGHT = [
    message("images", number=3), message("weather"), message("steps", sender="anybody"),
    message("repeat request"), message("move goal response"), message("move result"),
    message("repeat response") | event("failed", "under_test"), message("speed") | line("broken"),
]  # fmt: skip


def test_claims_about_what_is_not_the_nodes_are_refused() -> None:
    async def main() -> None:
        async with Rover(setup_of("asyncio", idle)) as node:
            for sentence, error, says in WRONG:
                with pytest.raises(error, match=says):
                    node.trace.never_shows(sentence)
            for sentence in RIGHT:
                node.trace.never_shows(sentence)

    run_virtually("asyncio", main)
