"""What runs inside a node, and the transport that every process of ours speaks.

A node's own environment holds this package, `peppy.schema`, `peppylib` and the generated
`peppygen`, with msgspec, zenoh and anyio as the only requirements. The same code serves nodes
written for asyncio (the default) and for Trio, each on its own loop.
"""
