"""A node inside a test: its real `setup`, with everybody that it talks to played by the test.

This much comes with every node's bindings: no daemon, no wire, no waiting in real time.

- `booting`: one node from its `setup` to its end, in the test's own event loop. The generated
  `peppygen.testing` adds what its document names: a mock of each interface that the node consumes,
  a probe of each that it offers.
  `node_life` is what happens to it, `played_daemon` what it has of a daemon: signs of life, and a
  datastore (`played_datastore`).
- `mocks` and `probes`: those, over `peers` that stand in for other nodes on an in-memory network;
  `action_mock` and `played_goal` for actions. `failures` says how a test fails by them.
- `virtual_time`: loops whose clock jumps to the next moment at which something is due; the
  `jumping_clock` is Trio's.
- `trace`: all that was seen, in one order; `sentences` say what it has to show. `node_names` are
  those of which it can show anything.
- `giving_up`: how a test ends whose node has a task that does not.
- `plugin`: what pytest sees of all this. `case` runs a test that is a coroutine function, `seeding`
  has chance come from one number, `forgotten_awaits` hears of them, and `present` is what a test
  leaves for its report.

`peppy.testing.stack` is the same for a whole robot; it needs all of peppy.
"""
