"""A wire as a daemon would describe it."""

from peppy.schema.names import InstanceId, Name, parse_node_id
from peppy.schema.wire import ActionView, ServiceView, TopicConsumer, TopicView, WireView

CAMERA = parse_node_id("camera:v1")
VIEWER = parse_node_id("viewer:v1")

FRAMES = TopicView(
    name=Name("frames"),
    node=CAMERA,
    qos="sensor_data",
    format={
        "header": {"$type": "object", "at": "time"},
        "data": {"$type": "array", "$items": "u8"},
        "points": {"$type": "array", "$items": {"x": "f64"}, "$optional": True},
        "matrix": {"$type": "array", "$items": "f64", "$length": 9},
        "note": {"$type": "string", "$optional": True},
    },
    emitters=(InstanceId("front"), InstanceId("rear")),
    consumers=(TopicConsumer(node=VIEWER),),
)

JOINTS = TopicView(
    name=Name("joints"),
    node=None,
    qos="standard",
    format=None,
    consumers=(TopicConsumer(node=VIEWER, external=True),),
)

ENABLE = ServiceView(
    name=Name("enable"),
    node=CAMERA,
    request={"on": "bool"},
    response=None,
    servers=(InstanceId("front"),),
)

PAN = ActionView(
    name=Name("pan"),
    node=CAMERA,
    goal_request={"angle": "f64"},
    goal_response=None,
    feedback={"left": "f64"},
    feedback_qos="standard",
    result_response={"angle": "f64", "note": "string"},
    servers=(InstanceId("front"),),
    consumers=(VIEWER,),
)

WIRE = WireView(
    core_node="core-node-funny-chatterjee-6386",
    messaging_host="127.0.0.1",
    messaging_port=1,
    topics=(FRAMES, JOINTS),
    services=(ENABLE,),
    actions=(PAN,),
)
