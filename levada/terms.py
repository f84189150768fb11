"""What a circuit is made of, in named quantities that its parameters tell, and what one of each takes.

The cost model has three parts. Its shape are the terms that layers state, by helpers for what they share
(`levada.memory`, `levada.dotproduct`, `levada.thresholds`, ...) and of their own. Samples are what Yosys
counted (`levada.cost.samples`). The numbers are coefficients, fitted to both (`levada.cost.fit`). A term is
stated as the LUTs of six inputs or flip-flops that it should take, so that its coefficient is near 1 on chips
that have such LUTs; it is 1 where none was fitted, so that a new layer needs none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal

#: A table for each family of chips, of one for each counted resource: coefficients by the name of their term.
FILE = Path(__file__).parent / "cost" / "coefficients.toml"
Counted = Literal["lut", "ff"]
# Families with the same LUTs share their coefficients.
_LIKE = {"xcup": "xc7"}
#: Terms of which chips of a family have none: memories in LUTs have one shape or the other.
ABSENT = {"xc7": frozenset({"ram16", "rom16"}), "ecp5": frozenset({"ram", "rom", "rom_parts"})}


class Terms:
    """LUTs and flip-flops by what they are for, not negative; DSP slices and 18 Kbit blocks exactly.

    A value. Of a total only the parts are kept until somebody asks for names: a search for foldings states
    tens of thousands of totals, and asks most of them for their weight alone.
    """

    __slots__ = ("_counts", "_family", "_parts", "_weights", "bram18", "dsp")

    def __init__(
        self,
        lut: Mapping[str, int] | None = None,
        ff: Mapping[str, int] | None = None,
        dsp: int = 0,
        bram18: int = 0,
    ) -> None:
        self.dsp, self.bram18 = dsp, bram18
        self._counts: tuple[Mapping[str, int], Mapping[str, int]] | None = (lut or {}, ff or {})
        self._parts: tuple[Terms, ...] = ()
        self._family = ""  # of which the weights are known
        self._weights = (0.0, 0.0)

    @staticmethod
    def of(parts: Iterable[Terms]) -> Terms:
        """All parts together."""
        made = Terms()
        made._parts = tuple(parts)
        made._counts = None
        for part in made._parts:
            made.dsp += part.dsp
            made.bram18 += part.bram18
        return made

    @property
    def lut(self) -> Mapping[str, int]:
        """LUTs by name."""
        return self._merged()[0]

    @property
    def ff(self) -> Mapping[str, int]:
        """Flip-flops by name."""
        return self._merged()[1]

    def _merged(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        if self._counts is None:
            self._counts = _sums(part.lut for part in self._parts), _sums(part.ff for part in self._parts)
        return self._counts

    def weights(self, family: str) -> tuple[float, float]:
        """LUTs and flip-flops by the coefficients of a family, not rounded."""
        if self._family != family:
            if self._counts is None:
                weights = [part.weights(family) for part in self._parts]
                self._weights = sum(lut for lut, _ in weights), sum(ff for _, ff in weights)
            else:
                lut, ff = self._counts
                fitted = coefficients(family)
                self._weights = weighed(lut, fitted["lut"]), weighed(ff, fitted["ff"])
            self._family = family
        return self._weights

    def __add__(self, other: Terms) -> Terms:
        return Terms.of((self, other))

    def __mul__(self, number: int) -> Terms:
        """So many of it."""
        lut = {name: number * count for name, count in self.lut.items()}
        ff = {name: number * count for name, count in self.ff.items()}
        return Terms(lut, ff, number * self.dsp, number * self.bram18)

    def _value(self) -> tuple[Mapping[str, int], Mapping[str, int], int, int]:
        return self.lut, self.ff, self.dsp, self.bram18

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Terms) and self._value() == other._value()

    def __repr__(self) -> str:
        return f"Terms{self._value()}"

    def plain(self) -> dict[str, Any]:
        """Plain values, from which Terms(**values) is made again."""
        return {"lut": dict(self.lut), "ff": dict(self.ff), "dsp": self.dsp, "bram18": self.bram18}


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for own in counts:
        for name, count in own.items():
            found[name] = found.get(name, 0) + count
    return found


def both(**counts: int) -> Terms:
    """Terms that take as many flip-flops as LUTs."""
    return Terms(counts, counts)


def total(parts: Iterable[Terms]) -> Terms:
    """All parts together."""
    return Terms.of(parts)


@cache
def coefficients(family: str) -> Mapping[Counted, Mapping[str, float]]:
    """What one of each term takes on chips of a family, by its name; terms that are missing take 1."""
    tables = tomllib.loads(FILE.read_text())[_LIKE.get(family, family)]
    return {"lut": tables["lut"], "ff": tables["ff"]}


def weighed(counts: Mapping[str, int], fitted: Mapping[str, float]) -> float:
    """What terms take by coefficients, not rounded."""
    return sum(fitted.get(name, 1.0) * count for name, count in counts.items())


def rounded(weight: float) -> int:
    """A weight as a whole number, at least 1."""
    # No 1 is made of rounding errors.
    return max(1, ceil(weight - 1e-6))
