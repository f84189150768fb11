"""The frames a build is verified on: a data set, the user's file, the model's samples, or random ones."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from levada import models, reference
from levada.build.state import State
from levada.errors import LevadaError
from levada.streamline import InputSpec

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
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {key: file[key] for key in ("x", "y") if key in file}
    except (OSError, ValueError) as error:
        raise LevadaError(
            f"--data {path}: cannot be read as .npz ({error}); save it with numpy.savez"
        ) from error
    if "x" not in found:
        raise LevadaError(
            f"--data {path}: has no array `x`; save frames as x and, for accuracy, classes as y"
        )
    state.x = found["x"]
    if "y" in found:
        if len(found["y"]) != len(found["x"]):
            raise LevadaError(
                f"--data {path}: {len(found['x'])} frames in x but {len(found['y'])} classes in y"
            )
        state.labels = found["y"].astype(np.int64).reshape(-1)
        state.data_name = f"{path.name}, {len(found['x'])} frames"


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
    if len(state.x) == 0 or state.x.shape[1:] != shape:
        raise LevadaError(
            f"{state.name}: the data has frames of shape {list(state.x.shape[1:])}, the network takes {list(shape)}"
        )
    if state.spec is not None and not (state.x.dtype.kind in "iu" and state.spec.dtype.holds(state.x)):
        raise LevadaError(
            f"{state.name}: --input says {state.spec.dtype.name}, the data is {state.x.dtype} from "
            f"{state.x.min()} to {state.x.max()}"
        )
