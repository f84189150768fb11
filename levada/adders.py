"""What adder trees are made of, by their terms."""

from __future__ import annotations

from functools import lru_cache

from levada import memory
from levada.terms import Terms


def adder_tree(terms: int, width: int, carries: int = 0) -> Terms:
    """An adder_tree.sv: a LUT for each bit of the narrower term of an adder, a register for each of its sum.

    The bits above are carries, a LUT each only where they are signs (`carries` = 1). A term without partner
    waits for the next level; the waits of several levels become shift registers.
    """
    lut, ff, waits = _tree(terms, width, carries)
    return Terms({"tree": lut, "delay": waits}, {"tree": ff})


@lru_cache(maxsize=4096)
def _tree(terms: int, width: int, carries: int) -> tuple[int, int, int]:
    """LUTs, flip-flops and bits in shift registers of an adder tree."""
    lut = ff = waits = 0
    last, waited = width, 0  # of the last node of a level: its bits, and the cycles it has waited
    while terms > 1:
        alone = terms % 2
        pairs, terms = terms // 2, (terms + 1) // 2
        whole = pairs - (not alone)  # pairs without the last node
        lut += whole * (width + carries) + (0 if alone else min(width, last) + carries)
        ff += whole * (width + 1)
        if alone:
            waited += 1
        else:
            ff, waits = _waited(ff, waits, waited, last)
            last, waited = width + 1, 0
            ff += last
        width += 1
    return lut, ff, waits


def _waited(ff: int, waits: int, cycles: int, bits: int) -> tuple[int, int]:
    return (ff, waits + bits) if cycles >= memory.SHIFT_REGISTER else (ff + cycles * bits, waits)


def popcount(simd: int) -> Terms:
    """A popcount.sv: counts of three pairs of bits, of six such counts column by column, and a tree."""
    triples, rest = divmod(simd, 3)
    groups = -(-simd // 18)
    pairs = 2 * triples + rest
    columns = (triples + (rest > 0), triples + (rest > 1))
    counts = sum(3 * (column // 6) + (0, 0, 2, 2, 3, 3)[column % 6] for column in columns)
    made = Terms({"products": pairs + counts + 3 * groups}, {"products": pairs + counts + 5 * groups})
    return made + adder_tree(groups, 5)


def gated_tree(terms: int, width: int) -> Terms:
    """A dot_sum.sv over gated terms: one of the two inputs of an adder takes a LUT of its own."""
    gates = Terms({"gates": -(-terms // 2) * width}, {"gates": width if terms == 1 else 0})
    return gates + adder_tree(terms, width)
