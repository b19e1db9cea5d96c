"""A whole robot inside a test: the daemon's real actors, the nodes' real code, one Trio loop.

`embedded_stack` launches a launch file in this process; `real_stack` does it with a daemon and
processes of their own. What both yield is a `LaunchedStack`, so that one test runs in both worlds.

- `launched`: what a test holds of a stack; `nodes`, `instances`, `topics`, `services`, `actions`
  its parts. `contact` is the test's own end of the wire, `reading` makes sense of what is on it.
- `world`: what differs between the worlds. `embedded` is the one, `real` the other, with a daemon
  (`real_daemon`) whose stack is watched from outside (`real_trace`).
- `inhabitants`: node instances that live in this process: `entry_points` finds their code,
  `importing` keeps the modules of one apart from those of another, `asyncio_loop` is an asyncio
  loop that Trio drives; the `loop_scheduler` runs all of them, and `alarms` wake them.
  `environments` has each have an `os.environ` of its own.
- `network`: the in-memory network with latency, loss, duplicates, disorder and partitions. `seats`
  are its transports, `links` what lies between any two under their `conditions`; the `carrier`
  brings what is under way.
- `embedded_world`: what `embedded` gives a face to. Its `machine` outlives its daemons
  (`embedded_daemon`), each of which is `mortal`: killed before or after any durable step.
  `embedded_disk` has what the real disk has, and keeps all changes in memory; `embedded_launcher`
  reads the launch file.
- `mixed`: a world of both kinds, on the machine as it is (`mixed_machine`): those that are `chosen`
  are processes, all others live here, the daemon (`mixed_daemon`) among them.
- `names`: what there is in a stack; what is said about anything else is refused.
- `janitor`: a program that ends real processes whose test was killed.
- `faults`: what can be done to all of them, by name; `real_faults` the same to processes.
- `seeds`: the order of everything from a number.
- `explore`: thousands of seeds, each a launch with faults and requests (`schedules`, `asking`) and
  a look at what holds afterwards (`exploring`, `invariants`, `accounts`).
"""

from peppy.testing.stack.conditions import CALM, Conditions
from peppy.testing.stack.embedded import EmbeddedStack, embedded_stack
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.real import real_stack
from peppy.testing.stack.seeds import run_seeded

__all__ = [
    "CALM",
    "Conditions",
    "EmbeddedStack",
    "LaunchedStack",
    "embedded_stack",
    "real_stack",
    "run_seeded",
]
