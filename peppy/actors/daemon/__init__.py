"""The daemon put together: one per home directory.

    serve       takes the lock, opens the wire, starts the actors, waits for the end
    ├─ Daemon   the root actor; its children are the `Datastore`, the `Repositories` and the `Stack`
    ├─ nodes    the same questions as on the socket, few of them, from nodes over the wire
    └─ control  the Unix socket: one connection, one request, its notes and its answer

Everything is written down in its `books`, for as long as it lives.

`Repositories` knows the places that a person has added (`repositories_file`), looks at what they
hold (`repository_scan`, `repository_looking`) and writes that down for whoever looks a name up.

The daemon ends when it is told to (`StopDaemon`, a signal) or, if it was started by a command that
needed it, when it has had nothing to do for a while. However it ends, the stack is taken down.
"""
