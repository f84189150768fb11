"""Speech Commands v0.02: one second of speech each, ten words, silence and unknown words, as in MLPerf Tiny.

Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", 2018. Twelve classes. Training
clips are those in neither published list, then, as the last ones, those of the list for validation; to the
ten words come a tenth as many clips of other words, and as many seconds of the background noises, both chosen
by a seed. The test clips are those of the archive that is published for this purpose.

The network does not take sound. Features of a clip, made comparable by dividing it by its largest sample:
every 20 ms the magnitudes of a Fourier transform (512 points over 30 ms), summed in 40 bands of the mel scale
from 20 to 4,000 Hz; of the logarithm of each sum and 1e-6, the first 10 coefficients of a cosine transform
(MFCC, as MLPerf Tiny has them), rounded to integers.
"""

from __future__ import annotations

import math
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from levada.errors import LevadaError

from . import Dataset
from .reading import arrays, audio, sources
from .reading.sources import Published

MAIN = "speech_commands_v0.02.tar.gz"
TEST = "speech_commands_test_set_v0.02.tar.gz"
PUBLISHED = Published(
    "speech_commands",
    "Speech Commands",
    {
        MAIN: "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        TEST: "sha256:cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df",
    },
    f"{MAIN} and {TEST}",
    mirrors=("https://storage.googleapis.com/download.tensorflow.org/data/",),
    megabytes=2_541,
)
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
CLASSES = (*WORDS, "_silence_", "_unknown_")
NOISE = "_background_noise_"
LISTS = ("validation_list.txt", "testing_list.txt")
SHAPE = (1, 49, 10)  # frames, coefficients
DIVISOR = 128
_LENGTH, _STEP, _POINTS = 480, 320, 512  # samples of a frame, between two frames, of its transform
_BANDS = audio.htk_bands(40, _POINTS, 20, 4000)
_LEAST = 1e-6
_REST = 10  # to so many words comes one unknown word, and one second of silence
_SEED = 1

Features = NDArray[np.int8]


def load() -> Dataset:
    """Features as int8 [N, 1, 49, 10]; the classes are in the order of `CLASSES`.

    Raises:
        UnavailableError: no source has the archives.
        LevadaError: one is not the published one.
    """
    made = arrays.made_once(PUBLISHED, (sys.modules[__name__], audio), _made)
    return Dataset("speech_commands", **made, divisor=DIVISOR)


def features(signal: audio.Floats) -> Features:
    """What the network takes for a second of sound: float [samples] to int8 [1, 49, 10].

    A shorter one is continued by silence, a longer one is cut. Coefficient k of the logarithms l of the bands
    is 2 / sqrt(80) * sum(l[b] * cos(pi * k * (2 b + 1) / 80)).
    """
    second = np.zeros(audio.RATE)
    second[: len(signal)] = signal[: audio.RATE]
    second /= np.abs(second).max() or 1.0
    sums = audio.magnitudes(second, _LENGTH, _STEP, _POINTS) @ _BANDS
    coefficients = scipy.fft.dct(np.log(sums + _LEAST)) / np.sqrt(2 * _BANDS.shape[1])
    most = DIVISOR - 1
    rounded: Features = np.clip(np.rint(coefficients[:, : SHAPE[2]]), -most, most).astype(np.int8)
    return rounded.reshape(SHAPE)


def _made() -> arrays.Arrays:
    files = sources.find(PUBLISHED)
    training, validation, noises = _read(files[MAIN])
    rng = np.random.default_rng(_SEED)
    parts = [_part(files[MAIN], clips, noises, rng) for clips in (training, validation)]
    x_train, y_train = (np.concatenate(found) for found in zip(*parts, strict=True))
    tests = {name: features(signal) for name, signal in _sounds(files[TEST]) if _word(name) in CLASSES}
    y_test = np.array([CLASSES.index(_word(name)) for name in sorted(tests)], np.int64)
    _check_classes(files[TEST], y_test)
    x_test = np.stack([tests[name] for name in sorted(tests)])
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _read(path: Path) -> tuple[dict[str, Features], dict[str, Features], list[audio.Floats]]:
    """The clips to train on and those for validation, by their names, and the background noises."""
    lists = {name: data.decode().split() for name, data in _files(path) if name in LISTS}
    missing = sorted(set(LISTS) - lists.keys())
    if missing:
        raise LevadaError(f"{path}: lacks {' and '.join(missing)}; replace this file by the published one")
    left_out, clips, noises = set(lists[LISTS[1]]), {}, {}
    for name, signal in _sounds(path):
        if _word(name) == NOISE:
            noises[name] = signal
        elif name not in left_out:
            clips[name] = features(signal)
    for name in lists[LISTS[0]]:
        if name not in clips:
            raise LevadaError(
                f"{path}: {LISTS[0]} names {name}, which is not there; replace this file by the published one"
            )
    validation = {name: clips.pop(name) for name in lists[LISTS[0]]}
    return clips, validation, [noises[name] for name in sorted(noises)]


def _part(
    path: Path, clips: dict[str, Features], noises: Sequence[audio.Floats], rng: np.random.Generator
) -> tuple[Features, NDArray[np.int64]]:
    """Features [N, 1, 49, 10] and classes [N] of words, unknown words and silence, in a random order."""
    known = [name for name in sorted(clips) if _word(name) in WORDS]
    others = [name for name in sorted(clips) if _word(name) not in WORDS]
    count = math.ceil(len(known) / _REST)
    unknown = [others[i] for i in rng.permutation(len(others))[:count]]
    silence = [features(_second(noises, rng)) for _ in range(count if noises else 0)]
    classes = np.array(
        [WORDS.index(_word(name)) for name in known]
        + len(unknown) * [CLASSES.index("_unknown_")]
        + len(silence) * [CLASSES.index("_silence_")],
        np.int64,
    )
    _check_classes(path, classes)
    order = rng.permutation(len(classes))
    return np.stack([clips[name] for name in known + unknown] + silence)[order], classes[order]


def _second(noises: Sequence[audio.Floats], rng: np.random.Generator) -> audio.Floats:
    """A second of one of the noises, from anywhere in it."""
    noise = noises[int(rng.integers(len(noises)))]
    start = int(rng.integers(max(1, len(noise) - audio.RATE)))
    return noise[start : start + audio.RATE]


def _check_classes(path: Path, classes: NDArray[np.int64]) -> None:
    counts = np.bincount(classes, minlength=len(CLASSES))
    if not counts.all():
        empty = CLASSES[int(np.argmin(counts))]
        raise LevadaError(f"{path}: has no clip of {empty}; replace this file by the published one")


def _sounds(path: Path) -> Iterator[tuple[str, audio.Floats]]:
    """Name and samples of each WAV file of an archive."""
    for name, data in _files(path):
        if name.endswith(".wav"):
            yield name, audio.samples(data, f"{path}: {name}")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name, such as yes/0a7c2a8d_nohash_0.wav, and contents of each file of an archive, read once through."""
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            handle = archive.extractfile(member)
            if handle is not None:
                yield member.name.removeprefix("./"), handle.read()


def _word(name: str) -> str:
    """The folder that a clip lies in."""
    return name.rpartition("/")[0]
