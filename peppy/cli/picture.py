"""Pictures of graphs, drawn by Graphviz where it is installed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from peppy.cli.style import printable
from peppy.schema.errors import PeppyError
from peppy.schema.wording import reason

PICTURES: Final = (".svg", ".png", ".pdf")
"""Suffixes of files that hold a picture; without the dot they are Graphviz' names for the kinds."""

LONGEST: Final = 60.0
"""Seconds; a stack of hundreds of nodes takes a second or two."""


class NoGraphviz(PeppyError):
    """A picture is wanted, and there is nothing to draw it with."""

    kind = "no_graphviz"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' cannot be drawn: there is no 'dot' of Graphviz on this machine",
            hint=f"install Graphviz, or write '{path.with_suffix('.dot')}' and draw it elsewhere",
        )


class NotDrawn(PeppyError):
    """Graphviz has not drawn a picture."""

    kind = "not_drawn"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"'{path}' was not drawn: 'dot' {why}")


def draw(dot: str, path: Path) -> bytes:
    """Return the picture that Graphviz makes of a text in its language, for a file at `path`.

    Raises `NoGraphviz`, or `NotDrawn` with what Graphviz says.
    """
    program = shutil.which("dot")
    if program is None:
        raise NoGraphviz(path)
    kind = path.suffix.lower().removeprefix(".")
    try:
        done = subprocess.run(  # noqa: S603  # the person's own Graphviz, with a fixed option
            [program, f"-T{kind}"],
            input=dot.encode(),
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotDrawn(path, f"took longer than {LONGEST:.0f} s") from None
    except OSError as error:
        raise NotDrawn(path, f"did not start: {reason(error)}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = f"says: {printable(said[-1])}" if said else None
        raise NotDrawn(path, last or f"ended with exit code {done.returncode}")
    if not done.stdout:
        raise NotDrawn(path, "has drawn nothing")
    return done.stdout
