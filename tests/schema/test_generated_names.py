"""Names that nobody chose."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.generated_names import (
    ADJECTIVES,
    SURNAMES,
    core_node_name,
    generate_instance_id,
)
from peppy.schema.names import is_name


def test_an_instance_id_has_an_adjective_a_surname_and_four_digits() -> None:
    for seed in range(50):
        made = generate_instance_id(random.Random(seed))
        assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]{4}", made)
        assert is_name(made)


def test_the_word_lists_are_long_and_without_repetition() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES) >= 60
    assert len(set(SURNAMES)) == len(SURNAMES) >= 80


@given(st.text())
def test_the_core_node_keeps_its_name_on_the_same_machine(machine: str) -> None:
    assert core_node_name(machine) == core_node_name(machine)
    assert re.fullmatch(r"core-node-[a-z]+-[a-z]+-[0-9]{4}", core_node_name(machine))


def test_the_core_nodes_name_never_changes_between_versions() -> None:
    assert core_node_name("machine") == "core-node-bright-archimedes-1158"


def test_two_machines_have_two_names() -> None:
    assert len({core_node_name(f"machine {i}") for i in range(200)}) == 200
