"""What the daemon decides: pure functions from a state and an event to a state and actions.

No Trio, no clock, no files, no randomness: every interleaving of events can be tried in
microseconds. The actors in `peppy.actors.stack` feed events in and carry actions out.

- `instance_life`: one instance, from its artifact to its end.
- `health`: whether an instance is well, and when it hangs.
- `restart`: whether an instance that has ended is started again, and when.
- `node_stage`: one node, from its snapshot to its artifact.
- `graph`: which nodes need which.
- `dependencies`: whether nodes can stand beside one another, and which comes first.
- `fitting`: whether a node that comes fits those that are there.
- `launching`: whether the nodes of a launch file fit one another, and its instances their nodes.
- `binding`: which instance of a dependency is meant, where one is.
- `build_advice`: what a person can do about a build that failed.
- `notices`: how much of what a node says unasked is listened to.
- `datastore`: what is kept for nodes, and what is too much.
- `benchmark`: what is measured, and how it compares with the last time.
"""
