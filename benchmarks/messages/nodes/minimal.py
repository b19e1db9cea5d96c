"""The smallest node: it runs, and holds nothing but its own runtime."""

from benchmarks.messages.answering import say_ready
from benchmarks.messages.nodes.running import run
from peppylib import NodeRunner


async def ready(node_runner: NodeRunner) -> None:
    say_ready()


if __name__ == "__main__":
    run(ready)
