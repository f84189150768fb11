"""Fits the coefficients of the estimates to the samples: `make cost-fit`.

    minimise  sum over samples of ((estimate - counted) / (counted + SMALL))^2
            + sum over terms of PULL * (c - 1)^2

over coefficients c that are not negative, for each family of chips, and for LUTs and flip-flops each by
themselves. All kinds share the coefficient of a term that they share.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.optimize import nnls

from levada import content, terms
from levada.cost import samples as files
from levada.cost.samples import Sample
from levada.terms import Counted

FloatArray = npt.NDArray[np.float64]
Coefficients = Mapping[Counted, Mapping[str, float]]  # of one family
COUNTED: tuple[Counted, ...] = ("lut", "ff")
# LUTs or flip-flops below which an error in percent means little, and the pull of a coefficient towards 1.
_SMALL = 20
_PULL = 0.1
_DIGITS = 3
# Parts that samples are dealt into, to fit to all parts but one and look at that one.
_PARTS = 5
_HEADER = """\
# What one of each term of the estimates takes: see levada/terms.py and docs/architecture.md. Terms that are
# missing take 1. Made by `make cost-fit` from levada/cost/samples.jsonl; do not edit.
"""


def by_family(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each family of chips."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.family, []).append(sample)
    return dict(sorted(found.items()))


def fit(samples: Sequence[Sample]) -> Coefficients:
    """The coefficients that samples of one family give, by what is counted and the name of the term."""
    return {counted: _fitted(samples, counted) for counted in COUNTED}


def estimated(sample: Sample, counted: Counted, coefficients: Coefficients) -> float:
    """The estimate of a sample, not rounded."""
    return terms.weighed(_counts(sample, counted), coefficients[counted])


def error(sample: Sample, counted: Counted, coefficients: Coefficients) -> float:
    """The relative error of the estimate of a sample, damped where little is counted."""
    have = getattr(sample.counted, counted)
    return float((estimated(sample, counted, coefficients) - have) / (have + _SMALL))


def to_toml(coefficients: Mapping[str, Coefficients]) -> str:
    """The text of the file of coefficients, by family."""
    tables = [
        f"\n[{family}.{counted}]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(own.items()))
        for family, both in coefficients.items()
        for counted, own in both.items()
    ]
    return _HEADER + "".join(tables)


def held_out(samples: Sequence[Sample], counted: Counted) -> list[float]:
    """The error of each sample by coefficients that were fitted without its part of the samples."""
    found = [0.0] * len(samples)
    for part in range(_PARTS):
        rest = [sample for index, sample in enumerate(samples) if index % _PARTS != part]
        coefficients = {counted: _fitted(rest, counted)}
        for index in range(part, len(samples), _PARTS):
            found[index] = error(samples[index], counted, coefficients)
    return found


def _counts(sample: Sample, counted: Counted) -> Mapping[str, int]:
    return sample.stated.lut if counted == "lut" else sample.stated.ff


def _fitted(samples: Sequence[Sample], counted: Counted) -> dict[str, float]:
    (family,) = {sample.family for sample in samples}
    absent = terms.ABSENT[family]
    stated_names = {name for sample in samples for name, n in _counts(sample, counted).items() if n}
    names = sorted(stated_names - absent)
    have = np.array([getattr(sample.counted, counted) for sample in samples], np.float64)
    stated = np.array([[_counts(sample, counted).get(name, 0) for name in names] for sample in samples])
    weight = 1 / (have + _SMALL)
    pull = np.sqrt(_PULL) * np.eye(len(names))
    rows: FloatArray = np.concatenate([stated * weight[:, None], pull])
    wanted: FloatArray = np.concatenate([have * weight, pull.sum(axis=1)])
    values, _ = nnls(rows, wanted)
    fitted = {name: round(float(value), _DIGITS) for name, value in zip(names, values, strict=True)}
    return fitted | dict.fromkeys(stated_names & absent, 0.0)


def table(family: str, samples: Sequence[Sample], coefficients: Coefficients) -> Table:
    """Errors of each kind: by coefficients of 1, by those given, by those of the other samples."""
    plain: Coefficients = {counted: {} for counted in COUNTED}
    title = f"{family}: mean / worst error in percent"
    made = Table("kind", "samples", "of", "all 1", "fitted", "held out", box=None, title=title)
    for counted in COUNTED:
        outside = held_out(samples, counted)
        for kind in [*sorted({sample.kind for sample in samples}), ""]:
            rows = [i for i, sample in enumerate(samples) if not kind or sample.kind == kind]
            columns = (
                [error(samples[i], counted, plain) for i in rows],
                [error(samples[i], counted, coefficients) for i in rows],
                [outside[i] for i in rows],
            )
            made.add_row(kind or "all", str(len(rows)), counted, *map(_mean_and_worst, columns))
    return made


def _mean_and_worst(errors: Sequence[float]) -> str:
    sizes = np.abs(errors) * 100
    return f"{sizes.mean():.1f} / {sizes.max():.1f}"


def inexact(samples: Sequence[Sample]) -> list[str]:
    """Samples whose DSP slices or block RAMs are not as counted."""
    return [
        f"{sample.family} {sample.model} {sample.layer} {sample.folding}: {sample.stated}, "
        f"counted {sample.counted}"
        for sample in samples
        if (sample.stated.dsp, sample.stated.bram18) != (sample.counted.dsp, sample.counted.bram18)
    ]


def refreshed(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with the terms that their layers state today."""
    from levada.cost.sampling import found

    stated = (found(sample).layer.terms(sample.folding) for sample in samples)
    return [replace(sample, stated=made) for sample, made in zip(samples, stated, strict=True)]


def main(path: Path = terms.FILE) -> int:
    """States the terms anew, fits, writes the file and prints the errors."""
    samples = refreshed(files.read())
    files.write(samples)
    families = by_family(samples)
    coefficients = {family: fit(own) for family, own in families.items()}
    content.write_whole(path, to_toml(coefficients))
    console = Console()
    for family, own in families.items():
        console.print(table(family, own, coefficients[family]))
    wrong = inexact(samples)
    console.print("\n".join(["DSP slices or block RAM not exact:", *wrong]) if wrong else "")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
