"""How much may come from elsewhere: from an archive, or from a repository."""

from typing import Final

LARGEST_TREE: Final = 4 * 1024**3
"""Bytes of all files together: more than any source of a node, less than most disks have free."""

LARGEST_FILE: Final = 2 * 1024**3
"""Bytes of one file: the weights of a model may lie beside its node."""

MOST_MEMBERS: Final = 100_000
"""Files and directories: each costs a system call or five, here and at every start."""

LONGEST_PATH: Final = 1024
"""Bytes of a path below the top: with the place of a snapshot before it, systems take 4096."""
