"""What runs inside a node, and the transport that every process of ours speaks.

A node's own environment holds this package, `peppy.schema`, `peppylib` and the generated
`peppygen`, with msgspec, zenoh and anyio as the only requirements. The same code serves nodes
written for asyncio (the default) and for Trio, each on its own loop.

A node's life, from the outside in:

- `builder`: a process of its own. Reads `settings` (the daemon's file, or `standalone`), compares
  the `document` with the `binding`, routes `signals`, picks the loop that `setup` asks for.
- `lifecycle`: one node inside a running loop, with any transport: announce, answer, set up, be
  ready, wait for the `token`, clean up, tear down, close. Many of them fit into one process.
- `asyncio_life` and `trio_life`: the node's own code and tasks, each after its loop's customs.
- `hooks`: what a node has registered to be done before it is gone. `leaving` is its way out, step
  by step, and tells the daemon of each; the `watchdog` begins it when the daemon falls silent, and
  `process_end` sees to it that the process is gone after it.
- `runner`: what node code holds of all this.

A message's way, from the inside out:

- `topics`: what generated code declares. `outlet` and `inlet` are a topic's ends in one node;
  `credit` holds a sender back, and `beginning` finds from which message on a taker is sent all;
  `mismatches` names formats that do not fit.
- `services`: likewise, with `service_server` and `service_caller` as the ends.
- `actions`: likewise, with `action_server` and `action_client`; `rules.goal_life` decides what
  becomes of a goal. Both find out by `reach` and `action_reach` who is there.
- `datastore` and `core_info`: what a node asks of its daemon, by way of `core_client`.
- `codec`: a format over a dataclass (`shape`), compiled: the `quick` way out, the careful one
  (`encoding`), the way in (`decoding`); `primitives` and `packed` are what values become. `plain`
  is the same without generated classes, for tools, and `plain_ends` services and actions so.
- `messenger` and its kin for topics, services and actions: all of this for bytes, without a
  document; `router` is where those meet that are no nodes.
- `transport`: bytes and keys, requests and replies. `qos` says what a profile asks of it.
  `stamps` are the moments and numbers beside messages.

What went through an end is counted there, and asked for by the daemon through `instance_services`,
as are health, the end, formats and, for `peppy stack benchmark`, `instance_probes`.

`output`, `complaints` and `unfit` are how things are said when they go wrong: a node never ends
because of what others send, and never is silent about it. Odd ones out are `control_client`, the
client half of the daemon's socket, and `log_following`: for the command line and for tests.
"""
