"""The task of reproducing the sounds of undamaged machines: what is reproduced badly is an anomaly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from levada import content
from levada.errors import LevadaError
from levada.models import Model
from levada.train.publish import as_floats
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Score, Task

from ..data import toyadmos
from ..data.toyadmos import Recordings


@dataclass(frozen=True)
class Anomalies(Task):
    """Targets are the inputs, windows of the clips: float [N, 640].

    Attributes:
        model: what is trained.
        recipe: how.
        data: the clips.
        validation: how many of the clips to train on, the last ones, are kept from training for `score`.
    """

    model: Model
    recipe: Recipe
    data: Recordings
    validation: int = 0

    unit = "dB"

    def __post_init__(self) -> None:
        clips = len(self.data.train)
        if not 0 <= self.validation < clips:
            raise LevadaError(
                f"{self.model.name}: validation is {self.validation}; keep 0 to {clips - 1} of the {clips} "
                "clips"
            )
        if not self.steps:
            raise LevadaError(
                f"{self.model.name}: batch_size {self.recipe.batch_size} exceeds the windows of "
                f"{len(self._windows)} clips to train on; lower it in recipe.toml"
            )

    @property
    def _windows(self) -> NDArray[np.int8]:
        """To train on: a view [clips, 196, 5, 128] of the clips, so that no frame is stored five times."""
        return toyadmos.windows(self.data.train[: len(self.data.train) - self.validation])

    @property
    def steps(self) -> int:
        """Full batches only."""
        clips, starts = self._windows.shape[:2]
        return int(clips * starts // self.recipe.batch_size)

    def digest(self) -> str:
        """Of all clips, and of how many are kept from training."""
        kept = [str(self.validation)] if self.validation else []
        return content.digest(self.data.train.tobytes(), *kept)

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        """Windows of all clips, shuffled."""
        clips, starts = self._windows.shape[:2]
        order = random.permutation(clips * starts)[: self.steps * self.recipe.batch_size]
        for chosen in np.split(order, self.steps):
            windows = self._floats(self._windows[chosen // starts, chosen % starts])
            yield Batch(windows, windows)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return nn.functional.mse_loss(outputs, targets)

    def score(self, network: nn.Module, count: int | None = None) -> Score:
        """Signal to error of the clips for validation, of inputs less their mean, in dB; mean squared error.

        These are undamaged ones, as all clips to train on: how well anomalies stand out, the test set alone
        can tell.
        """
        if not self.validation:
            raise LevadaError(
                f"{self.model.name}: keeps no clips for validation; set `validation` of the task to their "
                "number"
            )
        kept = self.data.train[len(self.data.train) - self.validation :][:count]
        loss = float(np.mean(self.errors(network, kept)))
        power = float(np.var(as_floats(self.model, toyadmos.windows(kept))))
        return Score(10 * float(np.log10(power / loss)), loss)

    def judge(self, network: nn.Module, file: Path, log: Log) -> None:  # noqa: ARG002
        """Says how well damaged cars are told from others: for each car, and the mean as in MLPerf Tiny."""
        errors = self.errors(network, self.data.test)
        areas = []
        for car in np.unique(self.data.cars):
            own = self.data.cars == car
            areas.append(area(errors[own], self.data.damaged[own]))
            log(f"{self.model.name}: car {car}: area under the curve {areas[-1]:.3f}")
        log(f"{self.model.name}: area under the curve {np.mean(areas):.3f}, the mean of {len(areas)} cars")

    def errors(self, network: nn.Module, clips: NDArray[np.int8]) -> NDArray[np.float64]:
        """The mean squared error of each clip [clips, 200, 128]: float [clips]."""
        found = []
        for clip in clips:
            windows = self._floats(toyadmos.windows(clip))
            with torch.no_grad():
                found.append(float(self.loss(network(windows), windows)))
        return np.array(found)

    def _floats(self, windows: NDArray[np.int8]) -> Tensor:
        """What the network takes: [N, 5, 128] to float [N, 640]."""
        return torch.from_numpy(as_floats(self.model, windows)).flatten(1)


def area(scores: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> float:
    """Area under the receiver operating characteristic: how often an anomaly scores above a normal example.

    Equal scores count half. It is (sum of the anomalies' ranks - m (m + 1) / 2) / (m n), with m anomalies and
    n others (Mann and Whitney, 1947).
    """
    count = int(anomalous.sum())
    ranks = float(rankdata(scores)[anomalous].sum())
    return (ranks - count * (count + 1) / 2) / (count * (len(scores) - count))
