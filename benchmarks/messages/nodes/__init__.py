"""Nodes as users write them, but for the commands that they obey.

Run as `python -m benchmarks.messages.nodes.NAME asyncio|trio`, with the node's bindings first on
the path. What is generated is imported by name, since it exists only when a benchmark runs.
"""
