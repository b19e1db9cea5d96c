"""What a node tells its daemon unasked: something that a person should see."""

import msgspec


class Notice(msgspec.Struct, frozen=True):
    """One sentence; `kind` is a stable word that programs may compare."""

    kind: str
    sentence: str
