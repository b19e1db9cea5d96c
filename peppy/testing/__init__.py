"""A node inside a test: its real `setup`, with everybody that it talks to played by the test.

This much comes with every node's bindings: no daemon, no wire, no waiting in real time.

- `booting`: one node from its `setup` to its end, in the test's own event loop. The generated
  `peppygen.testing` adds what its document names: a mock of each interface that the node consumes,
  a probe of each that it offers.
- `mocks` and `probes`: those, over `peers` that stand in for other nodes on an in-memory network.
- `virtual_time`: loops whose clock jumps to the next moment at which something is due.
- `trace`: all that was seen, in one order; `sentences` say what it has to show.
- `plugin`: what pytest sees of all this.

`peppy.testing.stack` is the same for a whole robot; it needs all of peppy.
"""
