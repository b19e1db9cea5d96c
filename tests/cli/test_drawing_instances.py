"""How instances are: health, restarts, ends and last words, in lists and in `node info`."""

import pytest
from msgspec.structs import replace

from peppy.cli.drawing.instance import instance_lines
from peppy.cli.drawing.node_info import node_info
from peppy.cli.drawing.stack import instances_cell
from peppy.schema.control import Health, InstanceState, InstanceView
from peppy.schema.names import InstanceId
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.cli.sample_views import NODE_INFO, instance, row

WELL = replace(instance("front"), health=Health.HEALTHY)
UNWELL = replace(instance("rear"), health=Health.UNHEALTHY)
ENDED = instance("left", InstanceState.FAILED, "signal SIGSEGV")


@pytest.mark.parametrize(
    ("instances", "cell"),
    [
        ([WELL], "1 running"),
        ([UNWELL], "1 running (unhealthy)"),
        ([UNWELL, UNWELL], "2 running (unhealthy)"),
        ([WELL, UNWELL, WELL], "3 running (1 unhealthy)"),
        ([WELL, UNWELL, ENDED], "3 (2 running (1 unhealthy), 1 failed)"),
    ],
)
def test_a_list_tells_of_those_that_are_not_well(instances: list[InstanceView], cell: str) -> None:
    assert instances_cell(instances) == cell


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        (WELL, ["- front [running] (healthy)"]),
        (UNWELL, ["- rear [running] (unhealthy)"]),
        (ENDED, ["- left [failed] (signal SIGSEGV)"]),
        (
            instance("left", InstanceState.FAILED, "no \x1b[2Jprogram"),
            ["- left [failed] (no program)"],
        ),
        (
            replace(
                instance("arm", InstanceState.STOPPING),
                doing="hook 'park_arm' blocks, 4.2 s of 5 s",
            ),
            ["- arm [stopping] (hook 'park_arm' blocks, 4.2 s of 5 s)"],
        ),
        (
            replace(
                WELL,
                restart=RestartPolicy(mode=RestartMode.ON_FAILURE, limit=1, hung_after=20),
                restarts=1,
            ),
            [
                "- front [running] (healthy)",
                "    restart: on_failure, up to once in 600 s, also when hung for 20 s;"
                " restarts so far: 1",
            ],
        ),
        (
            replace(
                ENDED,
                restart=RestartPolicy(mode=RestartMode.ALWAYS, window=90.5),
                last_lines=("Traceback:", "  \x1b[2Jboom"),
            ),
            [
                "- left [failed] (signal SIGSEGV)",
                "    restart: always, up to 5 times in 90.5 s; restarts so far: 0",
                "    last lines:",
                "      Traceback:",
                "        boom",
            ],
        ),
        (
            replace(WELL, bindings={"left": InstanceId("a"), "right": InstanceId("b")}),
            ["- front [running] (healthy)", "    bound: left to a, right to b"],
        ),
        (
            replace(instance("one", InstanceState.FINISHED, "exit code 0"), last_lines=("bye",)),
            ["- one [finished] (exit code 0)"],
        ),
    ],
)
def test_an_instance_is_a_line_with_what_there_is_to_say_of_it(
    shown: InstanceView, lines: list[str]
) -> None:
    assert list(instance_lines(shown)) == lines


def test_node_info_has_the_lines_of_each_instance_in_their_order() -> None:
    text = node_info(replace(NODE_INFO, row=row(UNWELL, replace(ENDED, last_lines=("boom",)))))
    expected = [
        "Instances: 2 tracked",
        "- rear [running] (unhealthy)",
        "- left [failed] (signal SIGSEGV)",
        "    last lines:",
        "      boom",
        "",
    ]
    assert "\n".join(expected) in text
