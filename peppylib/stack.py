"""What node code may know of the stack. Source: behaviour.md 8.9."""

from peppy.runtime.core_info import StackList, list  # noqa: A004  # the documented name

__all__ = ["StackList", "list"]
