"""`peppy node info`."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.node_info import node_info as draw
from peppy.cli.options import Json, NodeReference, node_id
from peppy.cli.terminal import Terminal
from peppy.schema.control import DescribeNode


def node_info(node: NodeReference, /, *, json: Json = False) -> None:
    """Show all that is known of a node: its stage, instances, logs, interfaces and their traffic.

    Example: peppy node info hello_world:v1
    """
    terminal = Terminal(json=json)
    view = ask(DescribeNode(node=node_id(node), traffic=True), terminal, timeout=QUESTION_TIMEOUT)
    terminal.result(view, draw(view))
