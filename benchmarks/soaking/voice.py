"""The lines between a child and its conductor: JSON, and nothing else on these pipes."""

import json
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio


def say(**what: Any) -> None:
    """Write one line for the conductor, who always reads."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def accuse(what: str, **context: Any) -> None:
    """Say that something happened which must not."""
    say(violation=what, context=context)


async def orders() -> AsyncGenerator[dict[str, Any], None]:
    """Iterate over what the conductor says until it hangs up."""
    descriptor = sys.stdin.fileno()
    heard = b""
    while True:
        await anyio.wait_readable(descriptor)
        read = os.read(descriptor, 65536)
        if not read:
            return
        heard += read
        *lines, heard = heard.split(b"\n")
        for line in lines:
            yield json.loads(line)
