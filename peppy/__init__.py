"""peppy: a robot as a stack of small programs that are built, linked, watched and stopped for you.

The packages, from what knows nothing of ours to what knows it all:

- `peppy.schema`: the nouns, as values; pure.
- `peppy.codegen`: source texts from nouns.
- `peppy.runtime`: what runs inside a node, and the transport that every process speaks.
- `peppy.actors`: the daemon.
- `peppy.cli`: the face.
"""

from typing import Final

VERSION: Final = "0.1.0"
