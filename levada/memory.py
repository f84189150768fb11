"""What memories of a layer take of a device."""

from __future__ import annotations

from levada.layer import Memory, Resources

#: Words up to which block RAM is not worth offering: as many as one LUT holds of one bit.
LUT_WORDS = 64
# Words and bits of a word of an 18 Kbit block.
_BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def places(words: int) -> tuple[Memory, ...]:
    """Where a memory of so many words may live."""
    return ("lut", "block") if words > LUT_WORDS else ("lut",)


def ram(memory: Memory, words: int, bits: int) -> Resources:
    """A memory of `words` words of `bits`, written at one port and read at another, with a read register.

    Four LUTs hold 32 words of 6 bits or 64 of 3; more words take a multiplexer behind.
    """
    if memory == "block":
        return Resources(bram18=blocks(words, bits))
    if words <= 32:
        return Resources(lut=4 * -(-bits // 6), ff=bits)
    banks = -(-words // 64)
    choice = banks + bits * -(-(banks - 1) // 3) if banks > 1 else 0
    return Resources(lut=4 * banks * -(-bits // 3) + choice, ff=bits)


def rom(memory: Memory, words: int, bits: int) -> Resources:
    """A memory that is only read, with a read register: a LUT holds 64 words of one bit.

    The chip's own multiplexers join four of them, LUTs four such groups.
    """
    if memory == "block":
        return Resources(bram18=blocks(words, bits))
    return Resources(lut=bits * (-(-words // 64) + -(-(words // 256 - 1) // 3)), ff=bits)


def blocks(words: int, bits: int) -> int:
    """18 Kbit blocks, in the shape that takes the fewest."""
    return min(-(-words // deep) * -(-bits // wide) for deep, wide in _BLOCK_SHAPES)
