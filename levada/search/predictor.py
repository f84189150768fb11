"""A model of the loss of subnets, fitted to those that were scored, for the many that cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from levada.search.space import Candidate, Dim, Knob, Space

Rows = NDArray[np.float64]
_FOLDS = 5
_STRENGTHS = np.logspace(-2, 4, 13)  # of the penalty; the best one is chosen for the data


def correlation(one: Sequence[float] | Rows, other: Sequence[float] | Rows) -> float | None:
    """Spearman's rank correlation; None where one of both ranks nothing."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return float(spearmanr(one, other).statistic)


class Predictor:
    """The logarithm of the loss as a sum over knobs and pairs of knobs.

    With one column for each value of each knob, and one for each pair of knobs, the product of their steps:
    rounding errors that meet. The step of a width is 2**-bits, that of a number n of the shape, of which the
    least is m, (1 + m) / (1 + n). Coefficients are those of a ridge regression.

    Attributes:
        correlation: Spearman's rank correlation of candidates that were left out in fitting (five-fold
            cross-validation) with what was predicted for them.
    """

    def __init__(self, space: Space, candidates: Sequence[Candidate], losses: Sequence[float]) -> None:
        self._space = space
        self._model = make_pipeline(StandardScaler(), RidgeCV(alphas=_STRENGTHS))
        rows, targets = self._rows(candidates), np.log(np.asarray(losses))
        folds = KFold(min(_FOLDS, len(rows)), shuffle=True, random_state=0)
        guessed = cross_val_predict(self._model, rows, targets, cv=folds)
        self.correlation = correlation(guessed, targets)
        self._model.fit(rows, targets)

    def __call__(self, candidates: Sequence[Candidate]) -> Rows:
        """Predicted losses [N]."""
        predicted: Rows = np.exp(self._model.predict(self._rows(candidates)))
        return predicted

    def _rows(self, candidates: Sequence[Candidate]) -> Rows:
        knobs = self._space.turnable
        values = np.array([[candidate.value(knob) for knob in knobs] for candidate in candidates])
        single = [values[:, [i]] == np.array(knob.values) for i, knob in enumerate(knobs)]
        steps = np.stack([_steps(knob, own) for knob, own in zip(knobs, values.T, strict=True)], axis=1)
        first, second = np.triu_indices(len(knobs), 1)
        return np.hstack([*single, steps[:, first] * steps[:, second]]).astype(np.float64)


def _steps(knob: Knob | Dim, values: NDArray[np.int64]) -> Rows:
    """Of a knob at some values [N]: [N]."""
    steps: Rows = (1 + knob.values[0]) / (1.0 + values) if isinstance(knob, Dim) else np.exp2(-values)
    return steps
