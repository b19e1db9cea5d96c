"""The wire, as every process of ours sees it: `port` says what it promises.

A message's way, thread by thread, over zenoh:

1. `Publisher.send`, on the sender's loop: the payload and its attachment go to zenoh, which has a
   thread of its own put them on the link. Listeners in the same process get them directly.
2. A thread of the receiver's zenoh calls back: the sample goes into the `Ring` of each subscription
   that matches, and the `Handover` wakes the loop unless it is being woken already.
3. The receiver's loop drains the hand-over and resumes as many waiting tasks as there are items.

`memory` is the same without threads; all of its delivery goes through one method. `exchange` makes
requests and replies out of topics, so it runs over both.
"""
