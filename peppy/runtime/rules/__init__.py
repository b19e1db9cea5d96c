"""What a node decides by itself: pure functions from a state and an event to a state and actions.

No clock, no wire, no loop: every interleaving of events can be tried in microseconds.

- `goal_life`: one goal of an action, as its server sees it.
"""
