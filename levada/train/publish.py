"""From a network in torch to its files: exported, run, compared with torch, and written whole."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from levada import content
from levada.errors import CheckFailedError, LevadaError
from levada.export import export
from levada.models import Model
from levada.train.task import family_of

if TYPE_CHECKING:
    import torch
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class Trained:
    """What `train` made.

    Attributes:
        name: of the model.
        accuracy: percent of the test images that the exported file classifies rightly; None where the network
            is no classifier, or was not trained here.
        onnx: the exported file.
        samples: the file with the sample inputs and expected logits.
        settings: the file that lists the networks of all settings; None where there is one.
    """

    name: str
    accuracy: float | None
    onnx: Path
    samples: Path
    settings: Path | None = None


def publish(
    model: Model,
    network: torch.nn.Module,
    out: Path,
    judge: Callable[[Path], float | None] | None = None,
) -> Trained:
    """Exports a network, compares the file with torch on the family's samples, and writes both to `out`.

    Args:
        model: what it is called and takes.
        network: on the CPU.
        out: folder for the .onnx file and the samples with torch's outputs.
        judge: looks at the exported file before anything is written; what it returns is the accuracy.

    Raises:
        CheckFailedError: torch and the exported file disagree.
    """
    onnx, samples = out / model.onnx.name, out / model.samples.name
    inputs = family_of(model).samples(model.variant)
    expected = run_torch(network.eval(), as_floats(model, inputs))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / onnx.name
        draft.write_bytes(export(network, (1, *inputs.shape[1:]), outputs=len(expected)))
        got = execute_all(draft, as_floats(model, inputs))
        for one, other in zip(expected, got, strict=True):
            compare(model, one, other)
        accuracy = judge(draft) if judge else None
        content.write_whole(samples, _with_expected(samples, model, inputs, expected))
        content.write_whole(onnx, draft.read_bytes())
    return Trained(model.name, accuracy, onnx, samples)


def as_floats(model: Model, images: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """What the network takes for `images`: the integers divided by the model's divisor, of the same shape."""
    return images.astype(np.float32) / np.float32(model.divisor)


def execute(path: Path, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Runs a QONNX file of batch size 1 on all of `inputs` [N, ...] at once.

    Returns:
        Its first output, float32 [N, ...].

    Raises:
        LevadaError: there is no such file.
    """
    return execute_all(path, inputs)[0]


def execute_all(path: Path, inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """As `execute`, for all outputs of the file."""
    from qonnx.core.onnx_exec import execute_onnx

    wrapper = _batched(path, len(inputs))
    context = execute_onnx(wrapper, {wrapper.graph.input[0].name: inputs})
    return [np.asarray(context[output.name], np.float32) for output in wrapper.graph.output]


def run_torch(network: torch.nn.Module, inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What torch gives for `inputs` [N, ...]: one array [N, ...] an output."""
    import torch

    with torch.no_grad():
        found = network(torch.from_numpy(inputs))
    found = found if isinstance(found, tuple) else (found,)
    return [np.asarray(one.numpy(), np.float32) for one in found]


def equal(expected: NDArray[np.float32], got: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For each of N inputs whether torch and the file give the same, both float32 [N, ...].

    The two may sum floats in another order; one integer more or less is far beyond that.
    """
    near = np.isclose(got, expected, rtol=1e-4, atol=1e-4)
    same: NDArray[np.bool_] = np.all(near.reshape(len(near), -1), axis=1)
    return same


def compare(model: Model, expected: NDArray[np.float32], got: NDArray[np.float32]) -> None:
    """Raises CheckFailedError where torch and the file differ, both float32 [N, ...]."""
    close = equal(expected, got)
    if not close.all():
        first = int(np.argmin(close))
        raise CheckFailedError(
            f"{model.name}: the exported file differs from torch on {np.sum(~close)} of {len(close)} inputs; "
            f"first {first}: expected {_start(expected[first])}, got {_start(got[first])}; "
            "train with another seed"
        )


def _start(values: NDArray[np.float32]) -> list[float]:
    """As many as a message can hold."""
    numbers: list[float] = values.reshape(-1)[:10].tolist()
    return numbers


def _with_expected(
    path: Path, model: Model, inputs: NDArray[np.integer[Any]], expected: list[NDArray[np.float32]]
) -> bytes:
    """The samples file at `path`, if there is one, with this variant's outputs put in.

    A second output is `expected_<variant>_1`, and so on.
    """
    arrays: dict[str, NDArray[Any]] = {"inputs": inputs}
    if path.is_file():
        with np.load(path) as old:
            # Logits on other inputs than these would be wrong ones.
            if np.array_equal(old["inputs"], inputs):
                arrays |= {key: old[key] for key in old.files}
    for index, output in enumerate(expected):
        arrays[f"expected_{model.variant}" + (f"_{index}" if index else "")] = output
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{key: arrays[key] for key in sorted(arrays)})
    return buffer.getvalue()


def _batched(path: Path, count: int) -> ModelWrapper:
    """The cleaned graph of a file with batch size 1, for `count` inputs at once."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.util.cleanup import cleanup_model

    if not path.is_file():
        raise LevadaError(f"{path}: is missing; `levada train {path.stem}` makes it")
    wrapper = cleanup_model(ModelWrapper(str(path)))
    return wrapper.transform(ChangeBatchSize(count)).transform(InferShapes())
