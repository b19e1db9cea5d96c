"""What a message costs, measured from outside, in processes of their own.

Two processes make a pair: `a` sends and measures, `b` echoes, counts, and calls `a`'s service. All
pairs of a repetition stand side by side, and each case goes through all of them before the next
case begins, so that whatever the machine does meanwhile falls on all alike. Compare inside one run.

- `answering` is a process's own side: commands in, numbers out; `agent` is the side of whoever
  starts it and ends it. Both speak JSON, a line each.
- `nodes` are programs of ours, written as users write them, over the bindings that `bindings`
  makes of real documents; `ours` starts them with a daemon of their own. They hold the copies of
  `peppy` and `peppylib` that come with their bindings.
- `raw` is zenoh alone, with a reader thread. `peers` are other middlewares, in an environment of
  their own.
- `cases` says what is measured and what is aimed at, `repetition` does it, `report` prints it.
"""
