"""Random traffic between nodes that are killed, stopped and slow, with every loss accounted for.

A conductor (`conductor`) holds a router and starts children: nodes (`node`) that emit, hear, call
and fire, each on asyncio or Trio, and one that speaks nonsense (`fuzzer`). Children are told what
to do in JSON lines on standard input, and say on standard output what they saw.

What is counted here is counted by the programs themselves, never by the counters under test:

- Each message says which run sent it, and the number that the *program* gave it. `tally` sees the
  gaps, and compares them with what the end's `traffic()` says.
- How many messages a run has sent stands in a file mapped into its memory (`ledger`): it can still
  be read when the run was killed, so that what died with a sender is told from what was lost.
- Each call and each goal carries its run and number, and so does what comes back (`calling`,
  `goals`); who waits too long is seen by a ticker that knows how long its own loop stood
  (`ticker`).

The conductor (`judging`) knows who was stopped and when, so it says which gap and which silence is
forgiven. `child` is a process from its side, `wares` what is emitted, exposed and consumed.
"""
