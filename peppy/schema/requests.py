"""The base of every message that expects an answer: a request names the type of its answer."""

from typing import Generic, TypeVar, cast, get_args

import msgspec

A = TypeVar("A")


class Request(msgspec.Struct, Generic[A], frozen=True, kw_only=True):
    """A message that expects an answer of type `A`, as in `class Stop(Request[InstanceView])`."""

    @classmethod
    def answer_type(cls) -> type[A]:
        """Return the type that answers this request.

        Source: design.md, section 3, "Messages".
        """
        for kind in cls.__mro__:
            for base in getattr(kind, "__orig_bases__", ()):
                if getattr(base, "__origin__", None) is Request:
                    return cast("type[A]", get_args(base)[0])
        raise TypeError(f"{cls.__name__} does not say what answers it")
