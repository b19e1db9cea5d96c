"""The stack's actors: what runs, and who answers for it.

    Stack               the graph: which nodes there are, and which instance is whose
    ├─ Node             one entry: its stage, its builds, its instances
    │  ├─ Build         one build job, from a snapshot to an artifact
    │  └─ Instance      one process, from an artifact to its end
    └─ Undertaking      what takes hold of all of it: a launch, a restart, its end

Requests come in at the `Stack` and are handed down to whoever owns what they ask about; facts go
up, so that a question about the whole stack is answered from what is known, without waiting.
What is to happen is decided in `peppy.actors.rules`; these actors carry it out on a `Site`.

What instances say unasked is heard by their `Instance` (`hearing`), and what they do while they end
(`stopping`); each is asked again and again whether it is well (`health`). What they count
(`counting`) and measure (`benchmark`) is asked of them in the background, and nobody is waited for
too long.

What a person names is first *resolved* (`resolving`): from a name to its place in a repository
(`repositories`), from a root to the variant that is meant (`variant_choice`, `variant_roots`), to a
directory, one commit or one archive; a lock file may say which (`locks`). One node then waits for a
snapshot and for its turn (`adding`, `additions`). A launch is planned as a whole, which touches
nothing (`planning`), made beside the stack that still runs (`making`), put in its place in one step
of the journal (`swapping`) and started (`bringing_up`). Until it has ended, the journal holds what
there was before: the launch itself goes back to that when it fails (`launching`), and the next
daemon when this one dies (`recovery`, `clearing`).

A node that is added again is a new `Node` with a new ref: what the old one still reports reaches
nobody.
"""
