"""The tokens of primitive types, and what values each type holds.

Source: seed 003, "Message Format", "Primitive types".
"""

from typing import Final

from peppy.schema.formats import Kind

TOKENS: Final[dict[str, Kind]] = {
    **{kind.value: kind for kind in Kind},
    "float": Kind.F32,
    "double": Kind.F64,
    "str": Kind.STRING,
}
"""Every way to write a primitive type."""

RANGES: Final[dict[Kind, range]] = {
    **{Kind(f"u{bits}"): range(2**bits) for bits in (8, 16, 32, 64)},
    **{Kind(f"i{bits}"): range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
}
"""The whole numbers that each integer type holds."""

LARGEST_F32: Final = 3.4028234663852886e38
"""The largest finite 32-bit float."""

FIXED_SIZE: Final = frozenset({Kind.BOOL, Kind.F32, Kind.F64, *RANGES})
"""The types of which an array may have a fixed length."""
