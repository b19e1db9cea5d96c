"""The wire, as every process of ours sees it.

`port` is what the rest of the house knows; `zenoh` and `memory` keep its promises, and `exchange`
makes requests and replies out of topics, so it runs over both.

A message's way, thread by thread, over `zenoh`:

1. `Publisher.put`, on the sender's loop: the payload, if it is large by way of shared memory
   (`zenoh_memory`), and its attachment go to zenoh, whose own thread puts them on the link.
   Subscriptions of the same process get them directly (`delivery`): through zenoh they would come
   back on this thread.
2. The thread of the receiver's zenoh, which keeps its Python state (`thread_state`), pushes the
   sample as it is into the `ring` of each subscription that matches, and never waits. A full ring
   gives up its oldest item. The `handover` wakes the loop unless that is pending already.
3. The receiver's loop resumes as many waiting tasks as there are items, each with its place in the
   ring; or calls the function that listens (`listener`). Parking, waking and watching are native to
   the loop: `loops` chooses, `on_asyncio` and `on_trio` do. Trio is imported only where it runs.

`memory` is the same without threads: all of its delivery goes through `MemoryNetwork.deliver`.
Opening and closing zenoh may block, so they happen `aside`, on a thread that cannot outlive us.

What holds for both, and is tested on both under both loops:

1. Messages of one publisher arrive in order, each once, at every subscription that matches.
2. What a ring gives up is counted. Who must lose nothing holds its senders back, above all this
   (`peppy.runtime.credit`).
3. Those who wait are served first come, first served. A cancelled wait loses nothing; a cancelled
   send has sent nothing.
4. An announcement is present until its last announcer withdraws it, closes or dies. Who comes later
   sees what is there.
5. A request ends in an answer, a refusal, or after its time-out, and then it is known whether
   somebody had taken it up; at once, where it is known that nobody is there to answer.
6. Closing wakes whoever waits, takes no longer than its time-out, and goes through although it is
   cancelled. An interpreter that ends closes what nobody did.
"""
