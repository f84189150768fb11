"""What memories of a layer are made of, and the fifos and counters around them."""

from __future__ import annotations

from functools import lru_cache

from levada.layer import Memory
from levada.terms import Terms

#: Words up to which block RAM is not worth offering: as many as one LUT holds of one bit.
LUT_WORDS = 64
#: Words of a bank of a read-only memory in LUTs (hls/common/packed_rom.sv).
BANK = 256
# Words and bits of a word of an 18 Kbit block.
_BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
#: Registers in a row from which Yosys makes a shift register of them, a LUT a bit.
SHIFT_REGISTER = 3
# What the same few numbers give is asked for by thousands of foldings.
_kept = lru_cache(maxsize=1 << 14)
# Words whose possible contents outnumber the bits of any memory: no two bits of a word are alike.
_VARIED = 20


def places(words: int) -> tuple[Memory, ...]:
    """Where a memory of so many words may live."""
    return ("lut", "block") if words > LUT_WORDS else ("lut",)


@_kept
def ram(memory: Memory, words: int, bits: int) -> Terms:
    """A memory of `words` words of `bits`, written at one port and read at another, with a read register."""
    if memory == "block":
        return Terms(bram18=blocks(words, bits))
    return Terms(lut_ram(words, bits), {"ram": bits})


@_kept
def writable(memory: Memory, words: int, bits: int) -> Terms:
    """A param_memory.sv: words of 32 bits wait until a row is whole, and an address is compared."""
    waiting = 32 * (-(-bits // 32) - 1)
    return ram(memory, words, bits) + Terms({"params": 6 + waiting // 32}, {"params": waiting})


def lut_ram(words: int, bits: int) -> dict[str, int]:
    """LUT memory without a read register: as the 7 series makes it, and from 16 words at a time (`ram16`)."""
    return {"ram": _ram_luts(words, bits), "ram16": _ram16_luts(words, bits)}


@_kept
def _ram16_luts(words: int, bits: int) -> int:
    """Six LUTs hold 16 words of 4 bits; more take write enables and a multiplexer behind."""
    banks = -(-words // 16)
    lut = 6 * banks * -(-bits // 4)
    return lut + (banks + bits * -(-banks // 2) if banks > 1 else 0)


@_kept
def _ram_luts(words: int, bits: int) -> int:
    """Four LUTs hold 32 words of 6 bits or 64 of 3; more take write enables and a multiplexer behind."""
    full, rest = divmod(words, 64)
    full, half = full + (rest > 32), 0 < rest <= 32
    banks = full + half
    lut = 4 * (full * -(-bits // 3) + half * -(-bits // 6))
    return lut + (banks + bits * -(-(banks - 1) // 3) if banks > 1 else 0)


@_kept
def rom(memory: Memory, words: int, bits: int) -> Terms:
    """A memory that is only read, with a read register. A single word is no memory.

    A LUT of six inputs holds 64 words of a bit, one of four 16 (`rom16`), and the chip's own multiplexers
    join two or four; of up to four words most functions go into the registers behind. What joins more than
    256 words are LUTs, `rom_parts`.
    """
    if memory == "block":
        return block_rom(words, bits)
    kept = distinct(words, bits)
    if words <= 4:
        return Terms({"rom": kept // 4, "rom16": kept // 2}, {"rom": kept})
    groups = -(-words // 256)
    luts = 1 << (-(-words // 64) - 1).bit_length() if groups == 1 else 4 * groups
    parts = {"rom_parts": kept * 3 * (groups - 1), "rom16": kept * -(-words // 16)}
    return Terms({"rom": kept * luts, **parts}, {"rom": kept})


@_kept
def distinct(words: int, bits: int) -> int:
    """Bits of a word that are neither constant nor like another, if the contents are random."""
    if words >= _VARIED:
        return bits
    contents = 1 << words
    return round((contents - 2) * (1 - (1 - 1 / contents) ** bits))


@_kept
def blocks(words: int, bits: int) -> int:
    """18 Kbit blocks of a memory that is written, in the shape that takes the fewest."""
    return min(-(-words // deep) * -(-bits // wide) for deep, wide in _BLOCK_SHAPES)


@_kept
def block_rom(words: int, bits: int) -> Terms:
    """A memory in block RAM that is only read, and what chooses among words of one row.

    Where a memory is deeper than a block, the words whose addresses differ in the upper bits alone lie side
    by side: blocks divide that row by their width, parity bits and all, and not each word. Of shapes that
    take the fewest blocks, the deepest has the least to choose from.
    """
    shapes = ((-(-words // deep), wide) for deep, wide in _BLOCK_SHAPES)
    taken, ways = min((-(-ways * bits // wide), ways) for ways, wide in shapes)
    return Terms({"rom_ways": bits * chosen(ways)}, {"rom_ways": (ways - 1).bit_length()}, bram18=taken)


@_kept
def banked(words: int, bits: int) -> tuple[int, Terms]:
    """How many banks a packed_rom.sv of so many words in LUTs has, and what chooses among them."""
    banks = -(-words // BANK)
    address = (banks - 1).bit_length()
    return banks, Terms({"rom_ways": bits * chosen(banks)}, {"rom_ways": address})


def chosen(ways: int) -> int:
    """LUTs that choose one of so many bits, as Yosys makes them."""
    if ways <= 4:
        return int(ways > 1)
    return min(6, -(-ways // 2))


@_kept
def counters(*sizes: int) -> Terms:
    """Counters of so many states each; one of a single state is none."""
    bits = sum((size - 1).bit_length() for size in sizes)
    return Terms({"counters": bits}, {"counters": bits})


@_kept
def fifo(depth: int, bits: int) -> Terms:
    """A fifo.sv in LUT memory: two addresses, of which the read one is kept twice, and a count."""
    address = (depth - 1).bit_length()
    return Terms(
        {**lut_ram(depth, bits), "fifo": _fifo_control(depth)},
        {"fifo": 3 * address + depth.bit_length() + 2},
    )


@_kept
def block_fifo(depth: int, bits: int) -> Terms:
    """A fifo.sv in block RAM, with a bypass around it."""
    address = (depth - 1).bit_length()
    return Terms(
        {"fifo": _fifo_control(depth) + address // 2 + 2, "bypass": bits},
        {"fifo": 2 * address + depth.bit_length() + 3, "bypass": bits},
        bram18=blocks(depth, bits),
    )


def _fifo_control(depth: int) -> int:
    """LUTs of addresses and count; where the depth is no power of two an address is also compared."""
    address = (depth - 1).bit_length()
    return 4 * address + 7 if depth == 1 << address else 5 * address + 5


@_kept
def credit_fifo(slots: int, bits: int) -> Terms:
    """A credit_fifo.sv: the fifo, and the count of slots that are claimed."""
    count = slots.bit_length()
    return fifo(slots, bits) + Terms({"credit": 2 * count}, {"credit": count + 1})


@_kept
def delay(cycles: int, bits: int) -> Terms:
    """Registers without reset in a row, or the shift register that becomes of many."""
    if cycles < SHIFT_REGISTER:
        return Terms(ff={"delay": cycles * bits})
    return Terms({"delay": bits})


def partials(depth: int, bits: int, *, chained: bool, place: Memory = "lut") -> Terms:
    """A partials.sv of `depth` words: what is merged, where its memory is read, what is read.

    A single word is no memory; where it is no running result either, nothing is chosen.
    """
    merged = Terms({"mux": bits if chained else 0}, {"partials": bits})
    if depth == 1:
        return merged
    address = Terms(ff={"partials": (depth - 1).bit_length() + 1})
    kept = merged + address + ram(place, depth, bits)
    # In block RAM, what a result starts from is chosen behind the memory.
    return kept + Terms({"mux": bits}) if place == "block" else kept
