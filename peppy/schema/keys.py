"""Where things are on the wire: the keys of topics, services and announcements.

A topic's key names its sender last, so that a consumer filters by pattern: by the emitting node
when it is linked, by nothing but the topic when it is external (behaviour.md 11.3). Names hold
only characters that mean nothing to the wire, so they stand in keys as they are.
"""

from typing import Final, Literal

import msgspec

from peppy.schema.names import InstanceId, Name

ROOT: Final = "peppy"

ANY: Final = "*"
"""In place of one part of a pattern."""

ALL: Final = "+"
"""In an announcement, which cannot be a pattern, in place of any name; no name contains it."""


ActionPart = Literal["goal", "cancel", "result", "leave"]
"""What may be asked of an action; `leave` says that a client wants its goal no more."""


class Address(msgspec.Struct, frozen=True):
    """Who is speaking: an instance of a node under a core node."""

    core_node: str
    node: Name
    instance_id: InstanceId


def topic(sender: Address, name: str) -> str:
    """Return the key under which `sender` publishes the topic `name`."""
    return f"{ROOT}/topic/{name}/{sender.node}/{sender.core_node}/{sender.instance_id}"


def topic_pattern(
    name: str,
    node: str | None = None,
    core_node: str | None = None,
    instance_id: str | None = None,
) -> str:
    """Return the pattern that matches the topic `name` of these senders; None matches any."""
    return f"{ROOT}/topic/{name}/{node or ANY}/{core_node or ANY}/{instance_id or ANY}"


def taker(
    name: str,
    node: str | None,
    core_node: str | None,
    instance_id: str | None,
    taker_id: str,
) -> str:
    """Return the announcement of who takes the topic `name` of these senders and gives credit."""
    return f"{ROOT}/taker/{name}/{node or ALL}/{core_node or ALL}/{instance_id or ALL}/{taker_id}"


def takers_pattern(name: str) -> str:
    """Return the pattern of all who give credit for the topic `name`."""
    return f"{ROOT}/taker/{name}/{ANY}/{ANY}/{ANY}/{ANY}"


def taker_in(key: str, sender: Address) -> str | None:
    """Return the taker id in an announcement, or None if it does not take from `sender`."""
    *_, node, core_node, instance_id, taker_id = key.split("/")
    senders = (sender.node, sender.core_node, sender.instance_id)
    wanted = zip((node, core_node, instance_id), senders, strict=True)
    return taker_id if all(want in (ALL, have) for want, have in wanted) else None


def credit(publisher: int) -> str:
    """Return the key on which the takers of one publisher tell what they have taken."""
    return f"{ROOT}/credit/{publisher:016x}"


def beginning(taker_id: str) -> str:
    """Return the key on which a taker is told from which message on it is sent all of them."""
    return f"{ROOT}/beginning/{taker_id}"


def action(part: ActionPart, name: str, server: Address) -> str:
    """Return the key on which `server` takes one kind of request for its action `name`."""
    return f"{ROOT}/action/{part}/{name}/{server.node}/{server.core_node}/{server.instance_id}"


def action_pattern(
    part: ActionPart,
    name: str,
    node: str,
    core_node: str | None = None,
    instance_id: str | None = None,
) -> str:
    """Return the pattern that matches the action `name` of these servers; None matches any."""
    return f"{ROOT}/action/{part}/{name}/{node}/{core_node or ANY}/{instance_id or ANY}"


def action_server(key: str) -> Address:
    """Return who serves an action, from one of its keys."""
    node, core_node, instance_id = key.split("/")[-3:]
    return Address(core_node, Name(node), InstanceId(instance_id))


def feedback(client: str, name: str, server: Address) -> str:
    """Return the key on which `server` tells a client, by its identity, of its goals of `name`."""
    return f"{ROOT}/feedback/{client}/{name}/{server.node}/{server.core_node}/{server.instance_id}"


def feedback_pattern(client: str) -> str:
    """Return the pattern of all that a client is told of its goals."""
    return f"{ROOT}/feedback/{client}/{ANY}/{ANY}/{ANY}/{ANY}"


def last(key: str) -> str:
    """Return the last part of a key."""
    return key.rpartition("/")[2]


def sender_of(key: str) -> str:
    """Return the instance id in a topic's key."""
    return last(key)


def service(server: Address, name: str) -> str:
    """Return the key under which `server` answers requests of the service `name`."""
    return f"{ROOT}/service/{name}/{server.node}/{server.core_node}/{server.instance_id}"


def service_pattern(name: str, node: str, core_node: str | None, instance_id: str | None) -> str:
    """Return the pattern that asks these instances for the service `name`; None asks any."""
    return f"{ROOT}/service/{name}/{node}/{core_node or ANY}/{instance_id or ANY}"


def serving_pattern(name: str, node: str, core_node: str | None, instance_id: str | None) -> str:
    """Return the pattern of what these servers announce: their keys, and who serves them."""
    return f"{service_pattern(name, node, core_node, instance_id)}/{ANY}"


def server_in(key: str) -> tuple[str, str]:
    """Return the core node and the instance id in a service's key."""
    *_, core_node, instance_id = key.split("/")
    return core_node, instance_id


def notice(address: Address) -> str:
    """Return the key under which an instance tells its daemon what a person should see."""
    return f"{ROOT}/notice/{address.core_node}/{address.instance_id}"


def leaving(address: Address) -> str:
    """Return the key under which an instance that ends tells its daemon how far it has come."""
    return f"{ROOT}/leaving/{address.core_node}/{address.instance_id}"


def heartbeat(core_node: str) -> str:
    """Return the key under which a daemon gives its nodes signs of life."""
    return f"{ROOT}/heartbeat/{core_node}"


def core_service(core_node: str, service: str) -> str:
    """Return the key on which a daemon answers its nodes: datastore, info, stack list."""
    return f"{ROOT}/core/{core_node}/{service}"


def instance_service(address: Address, service: str) -> str:
    """Return the key on which an instance answers its own daemon: health, shutdown."""
    return f"{ROOT}/instance/{address.core_node}/{address.instance_id}/{service}"


def alive(address: Address) -> str:
    """Return the announcement of an instance whose process is connected."""
    return f"{ROOT}/alive/{address.core_node}/{address.node}/{address.instance_id}"


def alive_pattern(
    core_node: str | None = None, node: str | None = None, instance_id: str | None = None
) -> str:
    """Return the pattern of these live instances; None matches any."""
    return f"{ROOT}/alive/{core_node or ANY}/{node or ANY}/{instance_id or ANY}"


def alive_in(key: str) -> tuple[str, str, str]:
    """Return the core node, the node and the instance id of an announced instance."""
    *_, core_node, node, instance_id = key.split("/")
    return core_node, node, instance_id


def ready(address: Address) -> str:
    """Return the announcement of an instance whose `setup` has returned."""
    return f"{ROOT}/ready/{address.core_node}/{address.node}/{address.instance_id}"


def ready_pattern(core_node: str) -> str:
    """Return the pattern of all the ready instances of one core node."""
    return f"{ROOT}/ready/{core_node}/{ANY}/{ANY}"


HEALTH_SERVICE: Final = "node_health"
READY_SERVICE: Final = "node_ready"
SHUTDOWN_SERVICE: Final = "shutdown"
"""Names that `peppylib.config` publishes (behaviour.md 8.1)."""

TRAFFIC_SERVICE: Final = "traffic"
"""Answers what went through an instance's interfaces: a `peppy.schema.traffic.TrafficView`."""
FORMATS_SERVICE: Final = "formats"
"""Answers which format has the fingerprint that is asked for, as a document would write it."""
PROBE_SERVICE: Final = "probe"
"""Asks another instance again and again, and answers how long that takes."""
DELIVERY_SERVICE: Final = "delivery"
"""Watches how late the messages are that the instance takes anyway."""
