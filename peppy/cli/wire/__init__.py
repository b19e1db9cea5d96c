"""What the verbs of the wire share: `topic`, `service` and `action`.

The daemon says what is there and in which formats (`finding`); the messages themselves go between
this process and the nodes, over a connection of its own (`session`, and whatever imports it: those
modules take time to import, so a verb does that only when it needs them).

- `values`: a message as it is typed. `expressions`: a message's fields, and questions about them.
- `measures`: how often, how much, how late.
- `reading`, `measuring` and `sending`: the ends of a topic. `calling`: services. `goals`: actions.
"""
