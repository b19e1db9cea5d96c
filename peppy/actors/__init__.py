"""The daemon.

- `kernel`: what an actor is; knows nothing of robots.
- `rules`: what is decided; pure functions from a state and an event to a state and actions.
- `host`: what is done to this machine: files, processes, archives, environments.
- `stack`: the actors; they ask the rules and carry out what they say through the host.
- `daemon`: puts it together and listens.

`kernel`, `rules` and `host` do not know one another; `stack` knows the three; `daemon` knows all.
"""
