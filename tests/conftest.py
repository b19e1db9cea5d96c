"""What holds for all tests."""

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("PEPPY_EXAMPLES", "50"))
"""Of each property that does not say how many: a hundred would take the fast tests over time."""

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("peppy", deadline=None, max_examples=EXAMPLES)
settings.load_profile("peppy")
