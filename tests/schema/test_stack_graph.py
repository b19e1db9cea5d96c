"""The stack's graph, and the languages in which it is drawn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.control import (
    Edge,
    Health,
    InstanceState,
    InstanceView,
    NodeView,
    StackView,
    Stage,
)
from peppy.schema.dot_graph import dot_graph, labelled_dot_graph
from peppy.schema.mermaid_graph import mermaid_graph
from peppy.schema.names import InstanceId, Name, NodeId, Tag, parse_node_id
from peppy.schema.stack_graph import Link, StackGraph, Taken, graph_of
from peppy.schema.wire import ActionView, ServiceView, TopicConsumer, TopicView, WireView
from tests.schema.graph_languages import read_dot, read_mermaid

CAMERA, BRAIN, ARM, LOGGER, GONE = (
    parse_node_id(f"{name}:v1") for name in ("camera", "brain", "arm", "logger", "gone")
)


def instance(
    node: NodeId, state: InstanceState = InstanceState.RUNNING, health: Health | None = None
) -> InstanceView:
    return InstanceView(
        instance_id=InstanceId("front"),
        node=node,
        state=state,
        pid=1,
        log="/log",
        started_at=1.0,
        health=health,
    )


def row(node: NodeId, *instances: InstanceView) -> NodeView:
    return NodeView(node=node, stage=Stage.READY, variant="default", path="/x", instances=instances)


def emitted(name: str, node: NodeId | None, *consumers: TopicConsumer) -> TopicView:
    return TopicView(name=Name(name), node=node, qos="standard", format=None, consumers=consumers)


STACK = StackView(
    core_node="core",
    nodes=(row(CAMERA, instance(CAMERA)), row(BRAIN), row(ARM), row(LOGGER)),
    dependencies=(Edge(BRAIN, CAMERA), Edge(LOGGER, BRAIN)),
    missing=(Edge(BRAIN, GONE),),
)
WIRE = WireView(
    core_node="core",
    messaging_host="127.0.0.1",
    messaging_port=1,
    topics=(
        emitted("frames", CAMERA, TopicConsumer(BRAIN), TopicConsumer(LOGGER, external=True)),
        emitted("joints", None, TopicConsumer(ARM, external=True)),
        emitted("late", CAMERA, TopicConsumer(parse_node_id("newcomer:v1"))),
    ),
    services=(
        ServiceView(
            name=Name("zoom"), node=CAMERA, request=None, response=None, consumers=(BRAIN,)
        ),
    ),
    actions=(
        ActionView(
            name=Name("pan"),
            node=CAMERA,
            goal_request=None,
            goal_response=None,
            feedback=None,
            feedback_qos="standard",
            result_response=None,
            consumers=(BRAIN,),
        ),
    ),
)
GRAPH = graph_of(STACK, WIRE)


def test_a_link_holds_all_that_a_node_takes_from_another_in_one_way() -> None:
    assert GRAPH.links == (
        Link(dependent=ARM, dependency=None, external=True, takes=(Taken("topic", "joints"),)),
        Link(
            dependent=BRAIN,
            dependency=CAMERA,
            takes=(Taken("action", "pan"), Taken("service", "zoom"), Taken("topic", "frames")),
        ),
        Link(dependent=BRAIN, dependency=GONE, missing=True),
        Link(dependent=LOGGER, dependency=BRAIN),
        Link(dependent=LOGGER, dependency=CAMERA, external=True, takes=(Taken("topic", "frames"),)),
    )


def test_graphviz_gets_labelled_arrows_and_dashed_ones_for_topics_from_any_node() -> None:
    drawn = read_dot(labelled_dot_graph(GRAPH))
    assert drawn.boxes == {
        "camera:v1": {"label": "camera:v1\nReady\n1 running"},
        "brain:v1": {"label": "brain:v1\nReady\n0 running"},
        "arm:v1": {"label": "arm:v1\nReady\n0 running"},
        "logger:v1": {"label": "logger:v1\nReady\n0 running"},
        "gone:v1": {"label": "gone:v1\nnot in the stack", "style": "dashed"},
        "topic joints": {"label": "topic joints", "shape": "ellipse", "style": "dashed"},
    }
    assert drawn.arrows == [
        ("arm:v1", "topic joints", {"style": "dashed"}),
        ("brain:v1", "camera:v1", {"label": "action pan\nservice zoom\ntopic frames"}),
        ("brain:v1", "gone:v1", {}),
        ("logger:v1", "brain:v1", {}),
        ("logger:v1", "camera:v1", {"style": "dashed", "label": "topic frames"}),
    ]


def test_mermaid_gets_labelled_arrows_and_dotted_ones_for_topics_from_any_node() -> None:
    drawn = read_mermaid(mermaid_graph(GRAPH))
    assert drawn.boxes == {
        "n0": "camera:v1\nReady\n1 running",
        "n1": "brain:v1\nReady\n0 running",
        "n2": "arm:v1\nReady\n0 running",
        "n3": "logger:v1\nReady\n0 running",
        "n4": "gone:v1\nnot in the stack",
        "t0": "topic joints",
    }
    assert drawn.arrows == [
        ("n2", "-.->", "", "t0"),
        ("n1", "-->", "action pan\nservice zoom\ntopic frames", "n0"),
        ("n1", "-->", "", "n4"),
        ("n3", "-->", "", "n1"),
        ("n3", "-.->", "topic frames", "n0"),
    ]
    assert drawn.classes == {}


def test_the_plain_graph_has_the_declared_dependencies_only() -> None:
    drawn = read_dot(dot_graph(STACK))
    assert drawn.boxes["camera:v1"] == {"label": "camera:v1\n1 running"}
    assert drawn.arrows == [("brain:v1", "camera:v1", {}), ("logger:v1", "brain:v1", {})]


@pytest.mark.parametrize(
    ("ill", "red"),
    [
        (instance(CAMERA), False),
        (instance(CAMERA, health=Health.HEALTHY), False),
        (instance(CAMERA, health=Health.UNHEALTHY), True),
        (instance(CAMERA, InstanceState.FAILED), True),
        (instance(CAMERA, InstanceState.FINISHED), False),
    ],
)
def test_nodes_that_are_not_well_are_red(ill: InstanceView, red: bool) -> None:
    graph = StackGraph(core_node="core", nodes=(row(BRAIN), row(CAMERA, ill)), links=())
    assert (read_dot(labelled_dot_graph(graph)).boxes["camera:v1"].get("color") == "red") is red
    assert read_mermaid(mermaid_graph(graph)).classes == ({"n1": "unwell"} if red else {})


HOSTILE = st.text('a"\\\n<>#&`;|[]{}->' + "'é", min_size=1, max_size=6)


@settings(max_examples=50)
@given(st.lists(HOSTILE, min_size=2, max_size=4, unique=True), HOSTILE)
def test_no_name_can_say_anything_in_either_language(names: list[str], topic: str) -> None:
    nodes = [NodeId(Name(name), Tag("t")) for name in names]
    graph = StackGraph(
        core_node="core",
        nodes=tuple(map(row, nodes)),
        links=(
            Link(dependent=nodes[0], dependency=nodes[1], takes=(Taken("topic", topic),)),
            Link(dependent=nodes[1], dependency=None, external=True, takes=(Taken("x", topic),)),
        ),
    )
    dot = read_dot(labelled_dot_graph(graph))
    assert list(dot.boxes) == [*map(str, nodes), f"x {topic}"]
    assert dot.arrows[0] == (str(nodes[0]), str(nodes[1]), {"label": f"topic {topic}"})
    mermaid = read_mermaid(mermaid_graph(graph))
    assert mermaid.boxes["n0"] == f"{nodes[0]}\nReady\n0 running"
    assert mermaid.arrows[0] == ("n0", "-->", f"topic {topic}", "n1")
