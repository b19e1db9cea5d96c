"""A node that waits on all of its topics, on which nobody ever speaks."""

import pkgutil
from functools import partial

from benchmarks.messages.answering import say_ready
from benchmarks.messages.nodes.running import generated, run
from peppylib import NodeRunner


async def wait(name: str, node_runner: NodeRunner) -> None:
    await generated(f"consumed_topics.{name}").on_next_message_received(node_runner)


async def ready(node_runner: NodeRunner) -> None:
    say_ready()


if __name__ == "__main__":
    topics = pkgutil.iter_modules(generated("consumed_topics").__path__)
    run(*(partial(wait, topic.name) for topic in topics), ready)
