"""The frames a build is verified on: a data set, the user's file, the model's samples, or random ones."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray

from levada import models, reference
from levada.build.state import State
from levada.errors import LevadaError
from levada.streamline import InputSpec
from levada.streamline.rewrite import reason

_RANDOM_FRAMES = 64


def choose(state: State) -> None:
    """Fills `x`, and `labels` and `data_name` where there is a test set.

    Without --data a model of models/ uses its own data set if that can be had, else the samples that the
    repository generates; any other network gets seeded random frames. Both are said in a note.
    """
    asked = state.options.data
    if asked is not None and asked.endswith(".npz"):
        _from_file(state, Path(asked))
    elif asked is not None:
        _from_dataset(state, asked)
    elif state.model is not None:
        _from_model(state, state.model)
    else:
        _random(state)
    _check_frames(state)


def _from_dataset(state: State, name: str) -> None:
    data = importlib.import_module("levada.models.data").load(name)
    state.x, state.labels = data.x_test, data.y_test
    if state.spec is None:
        state.x = data.x_test.astype(np.float32) / np.float32(data.divisor)
    state.data_name = f"{name} test set, {len(data.x_test)} images"


def _from_model(state: State, model: models.Model) -> None:
    if model.dataset is not None:
        unavailable = importlib.import_module("levada.models.data").UnavailableError
        try:
            _from_dataset(state, model.dataset)
        except unavailable as error:
            state.note(
                f"no data, so no accuracy; verified on the samples that the repository makes ({error})"
            )
        else:
            return
    with np.load(model.samples) as samples:
        state.x = samples["inputs"]
    if state.spec is None:
        state.x = state.x.astype(np.float32) / np.float32(model.divisor)


def _from_file(state: State, path: Path) -> None:
    arrays = _arrays(path)
    if "x" not in arrays:
        raise LevadaError(
            f"--data {path}: has no array `x`; save frames as x and, for accuracy, classes as y"
        )
    state.x = x = arrays["x"]
    if x.ndim == 0 or x.dtype.kind not in "buif":
        raise LevadaError(
            f"--data {path}: x is {x.dtype} of shape {list(x.shape)}; save frames [N, ...] of numbers"
        )
    if "y" in arrays:
        state.labels = _labels(path, arrays["y"], len(x))
        state.data_name = f"{path.name}, {len(x)} frames"


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays x and y of an .npz, as far as they are there."""
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise LevadaError(f"--data {path}: is a single array, no .npz; save it with numpy.savez")
        with file:
            return {key: file[key] for key in ("x", "y") if key in file}
    except LevadaError:
        raise
    except Exception as error:  # a damaged .npz fails in zipfile, zlib, tokenize and elsewhere
        what = reason(error)
        raise LevadaError(
            f"--data {path}: cannot be read as .npz ({what}); save it with numpy.savez"
        ) from error


def _labels(path: Path, y: npt.NDArray[Any], frames: int) -> IntArray:
    """Classes, one a frame, whole numbers from 0."""
    if y.size != frames or len(y) != frames:
        raise LevadaError(
            f"--data {path}: {frames} frames in x but {list(y.shape)} classes in y; save one a frame"
        )
    if y.dtype.kind not in "uif" or np.any(y != np.rint(y)) or np.any(y < 0):
        raise LevadaError(f"--data {path}: y is {y.dtype}; save classes as whole numbers from 0")
    return y.astype(np.int64).reshape(-1)


def _random(state: State) -> None:
    shape = (_RANDOM_FRAMES, *reference.input_shape(state.source))
    state.x = random_frames(shape, state.spec, state.options.seed)
    state.note("no data given (--data), so no accuracy; verified on seeded random frames")


def random_frames(shape: tuple[int, ...], spec: InputSpec | None, seed: int) -> npt.NDArray[Any]:
    """Seeded frames: integers over the whole range of `spec`, or floats around 0 and within 0..1."""
    random = np.random.default_rng(seed)
    if spec is not None:
        return random.integers(spec.dtype.min, spec.dtype.max + 1, shape)
    wide, unit = random.normal(0, 1, shape), random.random(shape)
    half = np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)) % 2 == 0
    return np.where(half, wide, unit).astype(np.float32)


def _check_frames(state: State) -> None:
    shape = reference.input_shape(state.source)
    if state.x.shape[1:] != shape and len(state.x) and state.x[0].size == int(np.prod(shape)):
        state.x = state.x.reshape(len(state.x), *shape)  # such as [784] for [1, 28, 28]
    if len(state.x) == 0:
        raise LevadaError(f"{state.name}: the data has no frames; at least one is needed")
    if state.x.shape[1:] != shape:
        raise LevadaError(
            f"{state.name}: the data has frames of shape {list(state.x.shape[1:])}, "
            f"the network takes {list(shape)}"
        )
    if state.spec is not None and not (state.x.dtype.kind in "iu" and state.spec.dtype.holds(state.x)):
        raise LevadaError(
            f"{state.name}: --input says {state.spec.dtype.name}, the data is {state.x.dtype} from "
            f"{state.x.min()} to {state.x.max()}"
        )
    if state.spec is None and not np.all(np.isfinite(state.x.astype(np.float32))):
        raise LevadaError(f"{state.name}: the data holds NaN or infinity; take those frames out")
