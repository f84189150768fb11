"""What goes through a primitive within a cycle: the arcs from its inputs to its outputs, and where they end.

Cells come as Yosys' `write_json` has them. Primitives are those of 7-series and UltraScale+ (AMD UG953,
UG974) and of ECP5 (Lattice FPGA-TN-02200, as in Yosys' techlibs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from levada.errors import LevadaError

Kind = Literal["lut", "carry", "mux", "memory", "dsp"]
Bit = int | str  # the number of a signal, or a constant as text
Json = Mapping[str, Any]

_LUT = re.compile(r"LUT[1-6]|INV|BUF")
_MUX = re.compile(r"MUXF[789]|PFUMX|L6MUX21")
_CARRY = re.compile(r"CARRY[48]|CCU2C")
_REGISTER = re.compile(r"FD[RSCP]E|TRELLIS_FF")
_LUT_RAM = re.compile(r"RAM\d+[XM]\w*|SRL\w+|TRELLIS_DPR16X4")
_BLOCK_RAM = re.compile(r"RAMB\w+|DP16KD|PDPW16KD")
_DSP = re.compile(r"DSP48E[12]|MULT18X18D")
_FREE = {"$scopeinfo", "GND", "VCC", "BUFG"}
_CLOCK = re.compile(r"C|CLK\w*|WCLK|WCK")
# Which address reads an output of a LUT RAM, if it is not one by letter as ADDRA is for DOA.
_READ_BY = {"SPO": "A", "DPO": "DPRA", "O": "A", "Q": "A", "DO": "RAD"}
# The output and inputs of each of two full adders of a CCU2C; carries come by CIN and go on by COUT.
_FULL_ADDERS = ("A0", "B0", "C0", "D0"), ("A1", "B1", "C1", "D1")


@dataclass(frozen=True)
class Arc:
    """An output that follows inputs within the cycle; constants are left out."""

    output: Bit
    inputs: tuple[Bit, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(bit for bit in self.inputs if isinstance(bit, int)))


@dataclass(frozen=True)
class Cell:
    """One primitive: its name, and what its outputs follow.

    `starts` are outputs that come out of registers or memories, `ends` the pins at which paths end, each
    with its bit.
    """

    name: str
    kind: Kind | Literal["register", "block", "none"]
    arcs: tuple[Arc, ...]
    starts: tuple[Bit, ...]
    ends: tuple[tuple[str, Bit], ...]


def cell(name: str, made: Json) -> Cell:
    """A cell of write_json; LevadaError for one that is no primitive known here."""
    kind: str = made["type"]
    if kind in _FREE:
        return Cell(name, "none", (), (), ())
    pins: Mapping[str, list[Bit]] = made["connections"]
    read = {p: bits for p, bits in pins.items() if made["port_directions"][p] == "input"}
    given = {p: bits for p, bits in pins.items() if p not in read}
    outputs = tuple(bit for bits in given.values() for bit in bits)
    ends = tuple((pin, bit) for pin, bits in read.items() if not _CLOCK.fullmatch(pin) for bit in bits)
    everything = tuple(bit for bits in read.values() for bit in bits)
    if _LUT.fullmatch(kind):
        return Cell(name, "lut", tuple(Arc(out, everything) for out in outputs), (), ())
    if _MUX.fullmatch(kind):
        return Cell(name, "mux", tuple(Arc(out, everything) for out in outputs), (), ())
    if _CARRY.fullmatch(kind):
        return Cell(name, "carry", tuple(_carries(kind, read, given)), (), ())
    if _REGISTER.fullmatch(kind):
        return Cell(name, "register", (), outputs, ends)
    if _BLOCK_RAM.fullmatch(kind):
        return Cell(name, "block", (), outputs, ends)
    if _LUT_RAM.fullmatch(kind):
        return Cell(name, "memory", tuple(_reads(read, given)), outputs, ends)
    if _DSP.fullmatch(kind):
        through = tuple(Arc(out, tuple(_unregistered(made, read))) for out in outputs)
        registered = _register(made, "PREG", "REG_OUTPUT_CLK")
        return Cell(name, "dsp", () if registered else through, outputs, ends)
    raise LevadaError(
        f"{name}: {kind} is no primitive whose paths are known; add it to levada/synth/cells.py"
    )


def _carries(kind: str, read: Mapping[str, list[Bit]], given: Mapping[str, list[Bit]]) -> Iterator[Arc]:
    """Each sum and carry follows the carry that comes in, and the bits up to its own."""
    if kind == "CCU2C":
        low, high = (tuple(bit for pin in pins for bit in read.get(pin, ())) for pins in _FULL_ADDERS)
        carry = tuple(read.get("CIN", ()))
        follows = {"S0": carry + low, "S1": carry + low + high, "COUT": carry + low + high}
        for pin, bits in given.items():
            yield from (Arc(bit, follows[pin]) for bit in bits)
        return
    carry = tuple(bit for pin in ("CI", "CYINIT", "CI_TOP") for bit in read.get(pin, ()))
    for pin, bits in given.items():
        for at, out in enumerate(bits):
            # The sum of a bit does not look at what its own carry would be made of.
            own = tuple(read["S"][: at + 1]) + tuple(read["DI"][: at + (pin == "CO")])
            yield Arc(out, carry + own)


def _reads(read: Mapping[str, list[Bit]], given: Mapping[str, list[Bit]]) -> Iterator[Arc]:
    """Each output of a LUT RAM follows its own address."""
    for pin, bits in given.items():
        wanted = _READ_BY.get(pin, f"ADDR{pin[-1]}")
        address = (own for name, own in read.items() if re.fullmatch(rf"{wanted}\d*", name))
        inputs = tuple(bit for own in address for bit in own)
        yield from (Arc(bit, inputs) for bit in bits)


def _unregistered(made: Json, read: Mapping[str, list[Bit]]) -> Iterator[Bit]:
    """Inputs of a DSP slice that no register keeps from its sum."""
    multiplied = () if _register(made, "MREG", "REG_PIPELINE_CLK") else ("A", "B", "D")
    registers = {"A": ("AREG", "REG_INPUTA_CLK"), "B": ("BREG", "REG_INPUTB_CLK"), "D": ("DREG",)}
    free = {"PCIN", *(pin for pin in multiplied if not _register(made, *registers[pin]))}
    free |= set() if _register(made, "CREG") else {"C"}
    for pin, bits in read.items():
        if pin.rstrip("0123456789") in free:
            yield from bits


def _register(made: Json, *parameters: str) -> bool:
    """Whether one of these parameters puts a register there: a number, or a clock's name but "NONE"."""
    found = (made["parameters"].get(name) for name in parameters)
    return any(value is not None and value.strip("0 ") not in ("", "NONE") for value in found)
