"""Names for things that nobody has named. Source: behaviour.md 8.1, 10.4."""

import random

from peppy.schema.generated_names import generate_instance_id


def generate_name() -> str:
    """Return `<adjective>-<surname>-<4 digits>`, as in `brisk-noether-0417`."""
    return generate_instance_id(random.SystemRandom())
