"""What runs inside a node, and the transport that every process of ours speaks.

A node's own environment holds this package, `peppy.schema`, `peppylib` and the generated
`peppygen`, with msgspec, zenoh and anyio as the only requirements. The same code serves nodes
written for asyncio (the default) and for Trio, each on its own loop.

A node's life, from the outside in:

- `builder`: a process of its own. Reads `settings` (the daemon's file, or `standalone`), compares
  the `document` with the `binding`, routes `signals`, picks the loop that `setup` asks for.
- `lifecycle`: one node inside a running loop, with any transport: announce, answer, set up, be
  ready, wait for the `token`, tear down, close. Many of them fit into one process.
- `asyncio_life` and `trio_life`: the node's own code and tasks, each after its loop's customs.
- `runner`: what node code holds of all this.

A message's way, from the inside out:

- `topics`: what generated code declares. `outlet` and `inlet` are a topic's ends in one node.
- `codec`: a format over a dataclass (`shape`), compiled (`encoding`, `decoding`, `primitives`).
- `transport`: bytes and keys. `qos` says what a profile asks of it.

`output`, `complaints` and `unfit` are how things are said when they go wrong: a node never ends
because of what others send, and never is silent about it. `control_client` is the odd one out:
the client half of the daemon's socket, for the command line.
"""
