"""The stack's actors: what runs, and who answers for it.

    Stack               the graph: which nodes there are, and which instance is whose
    ├─ Node             one entry: its stage, its builds, its instances
    │  ├─ Build         one build job, from a snapshot to an artifact
    │  └─ Instance      one process, from an artifact to its end

Requests come in at the `Stack` and are handed down to whoever owns what they ask about; facts go
up, so that a question about the whole stack is answered from what is known, without waiting.
What is to happen is decided in `peppy.actors.rules`; these actors carry it out on a `Site`.

What instances say unasked is heard by their `Instance` (`hearing`), and what they do while they end
(`stopping`); each is asked again and again whether it is well (`health`). What they count
(`counting`) and measure (`benchmark`) is asked of them in the background, and nobody is waited for
too long.

A node that is added again is a new `Node` with a new ref: what the old one still reports reaches
nobody.
"""
