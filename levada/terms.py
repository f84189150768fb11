"""What a circuit is made of, in named quantities that its parameters tell, and what one of each takes.

The cost model has three parts. Its shape are the terms that layers state, by helpers for what they share
(`levada.memory`, `levada.dotproduct`, `levada.thresholds`, ...) and of their own. Samples are what Yosys
counted (`levada.cost.samples`). The numbers are coefficients, fitted to both (`levada.cost.fit`). A term is
stated as the LUTs or flip-flops that it should take, so that its coefficient is near 1; it is 1 where none
was fitted, so that a new layer needs none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from pathlib import Path
from typing import Literal

#: One table for each counted resource: coefficients by the name of their term.
FILE = Path(__file__).parent / "cost" / "coefficients.toml"
Counted = Literal["lut", "ff"]


@dataclass(frozen=True)
class Terms:
    """LUTs and flip-flops by what they are for, not negative; DSP slices and 18 Kbit blocks exactly."""

    lut: Mapping[str, int] = field(default_factory=dict)
    ff: Mapping[str, int] = field(default_factory=dict)
    dsp: int = 0
    bram18: int = 0

    def __add__(self, other: Terms) -> Terms:
        return total((self, other)) if other != _NOTHING else self

    def __mul__(self, number: int) -> Terms:
        """So many of it."""
        lut = {name: number * count for name, count in self.lut.items()}
        ff = {name: number * count for name, count in self.ff.items()}
        return Terms(lut, ff, number * self.dsp, number * self.bram18)


_NOTHING = Terms()


def both(**counts: int) -> Terms:
    """Terms that take as many flip-flops as LUTs."""
    return Terms(counts, counts)


def total(parts: Iterable[Terms]) -> Terms:
    """All parts together."""
    lut: dict[str, int] = {}
    ff: dict[str, int] = {}
    dsp = bram18 = 0
    for part in parts:
        for name, count in part.lut.items():
            lut[name] = lut.get(name, 0) + count
        for name, count in part.ff.items():
            ff[name] = ff.get(name, 0) + count
        dsp += part.dsp
        bram18 += part.bram18
    return Terms(lut, ff, dsp, bram18)


@cache
def coefficients(counted: Counted) -> Mapping[str, float]:
    """What one of each term takes, by its name; terms that are missing take 1."""
    return {name: float(value) for name, value in tomllib.loads(FILE.read_text())[counted].items()}


def weighed(counts: Mapping[str, int], fitted: Mapping[str, float]) -> float:
    """What terms take by coefficients, not rounded."""
    return sum(fitted.get(name, 1.0) * count for name, count in counts.items())


def weigh(counted: Counted, counts: Mapping[str, int]) -> int:
    """What terms take by the fitted coefficients, at least 1."""
    # No 1 is made of rounding errors.
    return max(1, ceil(weighed(counts, coefficients(counted)) - 1e-6))
