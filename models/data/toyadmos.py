"""Sounds of toy cars, sound and damaged ones: ToyADMOS as DCASE 2020 task 2 and MLPerf Tiny use it.

Koizumi et al., "ToyADMOS: A Dataset of Miniature-Machine Operating Sounds for Anomalous Sound Detection",
2019. Four cars; for training there are sounds of the undamaged alone. The data is CC BY-NC-SA 4.0.

What is kept of a clip are the energies of 200 frames in 128 bands of the mel scale (Slaney's), in whole
decibels, as MLPerf Tiny has them: a Fourier transform of 1,024 samples every 512, frames 50 to 249 of those
whose middles lie on multiples of 512.
"""

from __future__ import annotations

import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError

from .reading import arrays, audio, sources
from .reading.sources import Published

ARCHIVE = "dev_data_ToyCar.zip"
PUBLISHED = Published(
    "toyadmos",
    "ToyADMOS",
    {ARCHIVE: "md5:4dec75ca8d9f666aa9e4c1894a740501"},
    ARCHIVE,
    mirrors=("https://zenodo.org/records/3678171/files/",),
    megabytes=1_800,
)
FRAMES, BANDS = 200, 128
WINDOW = 5  # frames that the network takes at once
_POINTS, _STEP, _FIRST = 1024, 512, 50
_WEIGHTS = audio.slaney_bands(BANDS, _POINTS)
_NAME = re.compile(r"ToyCar/(train|test)/(normal|anomaly)_id_(\d\d)_\d+\.wav")

Spectra = NDArray[np.int8]


@dataclass(frozen=True)
class Recordings:
    """Energies of clips, in decibels.

    Attributes:
        train: int8 [clips, 200, 128], of undamaged cars, those of all cars mixed.
        test: int8 [clips, 200, 128].
        damaged: bool [clips], of `test`.
        cars: int64 [clips], the number of the car, of `test`.
    """

    train: Spectra
    test: Spectra
    damaged: NDArray[np.bool_]
    cars: NDArray[np.int64]


def load() -> Recordings:
    """Reads all clips, once; about 160 MB.

    Raises:
        UnavailableError: no source has the archive.
        LevadaError: it is not the published one.
    """
    made = arrays.made_once(PUBLISHED, (sys.modules[__name__], audio), _made)
    return Recordings(*(made[name] for name in ("train", "test", "damaged", "cars")))


def energies(signal: audio.Floats, title: str) -> Spectra:
    """What is kept of a clip: float [samples] to int8 [200, 128], 10 log10 of each energy.

    Raises:
        LevadaError: it is too short.
    """
    start = _FIRST * _STEP - _POINTS // 2
    stop = start + (FRAMES - 1) * _STEP + _POINTS
    if len(signal) < stop:
        raise LevadaError(
            f"{title}: has {len(signal):,} samples, fewer than {stop:,}; "
            "replace its archive by the published one"
        )
    power = audio.magnitudes(signal[start:stop], _POINTS, _STEP, _POINTS) ** 2 @ _WEIGHTS
    decibels = 10 * np.log10(power + np.finfo(np.float64).eps)
    rounded: Spectra = np.clip(np.rint(decibels), -127, 127).astype(np.int8)
    return rounded


def windows(spectra: Spectra) -> Spectra:
    """What the network takes of clips [..., 200, 128], five frames in a row: a view [..., 196, 5, 128]."""
    views: Spectra = np.lib.stride_tricks.sliding_window_view(spectra, WINDOW, axis=-2).swapaxes(-1, -2)
    return views


def _made() -> arrays.Arrays:
    path = sources.find(PUBLISHED)[ARCHIVE]
    found: dict[str, list[tuple[Spectra, bool, int]]] = {"train": [], "test": []}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            match = _NAME.fullmatch(name)
            if match:
                title = f"{path}: {name}"
                spectra = energies(audio.samples(archive.read(name), title), title)
                found[match[1]].append((spectra, match[2] == "anomaly", int(match[3])))
    _check(path, found)
    train = np.stack([spectra for spectra, _, _ in found["train"]])
    test, damaged, cars = (np.array(column) for column in zip(*found["test"], strict=True))
    order = np.random.default_rng(1).permutation(len(train))
    return {"train": train[order], "test": test, "damaged": damaged, "cars": cars}


def _check(path: Path, found: dict[str, list[tuple[Spectra, bool, int]]]) -> None:
    """There are clips to train on, and of each car both kinds to test with."""
    there = {(damaged, car) for _, damaged, car in found["test"]}
    missing = [
        f"of car {car:02} {'damaged' if damaged else 'undamaged'} in ToyCar/test"
        for car in sorted({car for _, car in there})
        for damaged in (False, True)
        if (damaged, car) not in there
    ]
    missing += [f"in ToyCar/{part}" for part, clips in found.items() if not clips]
    if missing:
        raise LevadaError(f"{path}: has no clip {missing[0]}; replace this file by the published one")
