"""A whole robot inside a test: the daemon's real actors, the nodes' real code, one Trio loop.

`embedded_stack` launches a launch file in this process; `real_stack` does it with a daemon and
processes of their own. What both yield is a `LaunchedStack`, so that one test runs in both worlds.

- `launched`: what a test holds of a stack; `instances`, `topics`, `services`, `actions` its parts.
- `world`: what differs between the worlds. `embedded` is the one, `real` the other.
- `inhabitants`: node instances that live in this process: `entry_points` finds their code,
  `importing` keeps the modules of one apart from those of another, `asyncio_loop` is an asyncio
  loop that Trio drives.
- `network`: the in-memory network with latency, loss, duplicates, disorder and partitions.
- `mortal`: a machine whose daemon can be killed before or after any durable step.
- `faults`: what can be done to all of them, by name. `seeds`: the order of everything from a number.
"""
