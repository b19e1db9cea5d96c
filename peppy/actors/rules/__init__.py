"""What the daemon decides: pure functions from a state and an event to a state and actions.

No Trio, no clock, no files, no randomness: every interleaving of events can be tried in
microseconds. The actors in `peppy.actors.stack` feed events in and carry actions out.

- `instance_life`: one instance, from its artifact to its end.
- `node_stage`: one node, from its snapshot to its artifact.
- `graph`: which nodes need which, and what may not be taken away.
- `notices`: how much of what a node says unasked is listened to.
- `benchmark`: what is measured, and how it compares with the last time.
"""
