"""Trains a network of models/ by its recipe, exports it as QONNX and measures the exported file.

A family's module `models/<family>/<family>.py` says what to train: `build(variant)`, `constrain(network)`
and `samples(variant)`; its recipe.toml says how. A family that is no classifier of images has a function
`fit(model, log)` of its own for that. Torch and Brevitas are imported only when training starts.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from levada import content, models
from levada.errors import CheckFailedError, LevadaError
from levada.export import export
from levada.models import Model, Recipe

if TYPE_CHECKING:
    import torch
    from qonnx.core.modelwrapper import ModelWrapper

    from models.data import Dataset

Log = Callable[[str], None]

_MEASURE_BATCH = 2000  # images at once through a graph whose nodes are run one by one


class Family(Protocol):
    """What a family's module offers."""

    def build(self, variant: str) -> torch.nn.Module:
        """The untrained network: float input, logits [N, classes]."""

    def constrain(self, network: torch.nn.Module) -> None:
        """Called after each optimizer step, to keep weights within bounds."""

    def samples(self, variant: str) -> NDArray[np.integer[Any]]:
        """A few inputs [N, ...], as integers of the model's input type."""


@dataclass(frozen=True)
class Trained:
    """What `train` made.

    Attributes:
        name: of the model.
        accuracy: percent of the test images that the exported file classifies rightly; None where the network
            is no classifier.
        onnx: the exported file.
        samples: the file with the sample inputs and expected logits.
    """

    name: str
    accuracy: float | None
    onnx: Path
    samples: Path


def train(name: str, *, out: Path | None = None, log: Log | None = None) -> Trained:
    """Trains the model `name`, or goes on from its checkpoint under build/train/.

    The result is the same with and without interruptions. The files appear only after the exported network
    has proved to classify every test image as torch does.

    Args:
        name: a model of `levada.models.names()`.
        out: folder for the .onnx and samples files; the family's own folder unless given.
        log: takes one line at a time; standard error unless given.

    Raises:
        LevadaError: unknown model, faulty recipe, data that cannot be had, unreadable checkpoint.
        CheckFailedError: torch and the exported file disagree.
    """
    log = log or _to_stderr
    model = models.find(name)
    own = getattr(_family(model), "fit", None)
    if own is not None:
        with one_thread():
            return Trained(name, None, *publish(model, own(model, log), out or model.onnx.parent))
    recipe = models.find_recipe(model)
    data = models.load_data(model)
    with one_thread():
        network = fit(model, recipe, data, Path("build/train") / name / "checkpoint.pt", log)
        return _publish(model, network, data, out or model.onnx.parent, log)


def fit(model: Model, recipe: Recipe, data: Dataset, checkpoint: Path, log: Log) -> torch.nn.Module:
    """Trains from `checkpoint`, if it is of the same run, or from the start; saves it after each epoch.

    Returns:
        The trained network in evaluation mode.
    """
    import torch

    if len(data.x_train) < recipe.batch_size:
        raise LevadaError(
            f"{model.name}: batch_size {recipe.batch_size} exceeds the {len(data.x_train)} training images "
            f"of {data.name}; lower it in recipe.toml"
        )
    with torch.random.fork_rng(devices=[]):
        run = _Run(model, recipe, data)
        run.resume(checkpoint, log)
        with _progress(model.name, recipe.epochs * run.batches, run.epoch * run.batches) as advance:
            while run.epoch < recipe.epochs:
                loss = run.one_epoch(advance)
                run.save(checkpoint)
                if advance is None:
                    log(f"{model.name}: epoch {run.epoch} of {recipe.epochs}, loss {loss:.4f}")
    return run.network.eval()


def measure(path: Path, model: Model, data: Dataset) -> tuple[float, NDArray[np.float32]]:
    """Runs a QONNX file on the test images of `data`.

    Returns:
        Percent classified rightly, and the logits: float32 [N, classes].
    """
    batches = np.array_split(data.x_test, max(1, len(data.x_test) // _MEASURE_BATCH))
    logits = np.concatenate([execute(path, as_floats(model, batch)) for batch in batches])
    right = int(np.sum(logits.argmax(axis=1) == data.y_test))
    return 100 * right / len(data.y_test), logits


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


class _Run:
    """A training run: all that has to survive an interruption is saved and restored here."""

    def __init__(self, model: Model, recipe: Recipe, data: Dataset) -> None:
        import torch

        torch.manual_seed(recipe.seed)
        self.model, self.recipe = model, recipe
        self.family = _family(model)
        self.network = self.family.build(model.variant)
        self.images = torch.from_numpy(np.array(data.x_train))
        self.classes = torch.from_numpy(np.array(data.y_train))
        self.batches = len(self.images) // recipe.batch_size
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        steps = recipe.epochs * self.batches
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        self.epoch = 0
        source = Path(cast("str", sys.modules[type(self.network).__module__].__file__)).read_bytes()
        self.digest = content.digest(
            model.name, repr(recipe), source, data.x_train.tobytes(), data.y_train.tobytes()
        )

    def one_epoch(self, advance: Callable[[], None] | None) -> float:
        """Passes once through the shuffled images; returns the mean loss."""
        import torch

        self.network.train()
        order = torch.randperm(len(self.images))[: self.batches * self.recipe.batch_size]
        total = 0.0
        for chosen in torch.split(order, self.recipe.batch_size):
            total += self._step(self._shifted(self.images[chosen]), self.classes[chosen])
            if advance is not None:
                advance()
        self.epoch += 1
        return total / self.batches

    def _step(self, images: torch.Tensor, classes: torch.Tensor) -> float:
        import torch

        loss = torch.nn.functional.cross_entropy(self.network(images.float() / self.model.divisor), classes)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.scheduler.step()
        self.family.constrain(self.network)
        return loss.item()

    def _shifted(self, images: torch.Tensor) -> torch.Tensor:
        """Moves a batch [N, C, H, W] image by image, by up to `shift` pixels, filled with 0."""
        import torch

        reach = self.recipe.shift
        if reach == 0:
            return images
        height, width = images.shape[-2:]
        padded = torch.nn.functional.pad(images, (reach, reach, reach, reach))
        down = torch.randint(0, 2 * reach + 1, (len(images), 1, 1, 1)) + torch.arange(height)[:, None]
        right = torch.randint(0, 2 * reach + 1, (len(images), 1, 1, 1)) + torch.arange(width)
        number = torch.arange(len(images))[:, None, None, None]
        channel = torch.arange(images.shape[1])[:, None, None]
        return padded[number, channel, down, right]

    def save(self, path: Path) -> None:
        """Writes the state after a whole epoch."""
        import torch

        buffer = io.BytesIO()
        state = {
            "digest": self.digest,
            "epoch": self.epoch,
            "random": torch.get_rng_state(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }
        torch.save(state, buffer)
        content.write_whole(path, buffer.getvalue())

    def resume(self, path: Path, log: Log) -> None:
        """Restores what `save` wrote, if it is there and of the same network, recipe and data."""
        import torch

        if not path.is_file():
            return
        try:
            state = torch.load(path, weights_only=True)
            same = state["digest"] == self.digest
        except Exception as error:  # a damaged file can raise nearly anything in there
            raise LevadaError(f"{path}: is not a whole checkpoint ({error!r:.80}); delete it") from error
        if not same:
            log(f"{self.model.name}: {path} is of another network, recipe or data; starts anew")
            return
        self.epoch = state["epoch"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["random"])
        end = "; delete it to train again" if self.epoch == self.recipe.epochs else ""
        log(f"{self.model.name}: {path} holds {self.epoch} of {self.recipe.epochs} epochs{end}")


def _publish(model: Model, network: torch.nn.Module, data: Dataset, out: Path, log: Log) -> Trained:
    """Compares the exported file with torch on the test images, and writes the files to `out`."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / model.onnx.name
        draft.write_bytes(export(network, data.x_test[:1].shape))
        accuracy, logits = measure(draft, model, data)
        _compare(model, _outputs(network, as_floats(model, data.x_test))[0], logits)
    onnx, samples = publish(model, network, out)
    log(f"{model.name}: {accuracy:.2f} % of {len(data.x_test):,} test images of {data.name}")
    if model.accuracy != round(accuracy, 2):
        log(f"{model.name}: model.toml says accuracy = {model.accuracy}; write {accuracy:.2f}")
    return Trained(model.name, accuracy, onnx, samples)


def publish(model: Model, network: torch.nn.Module, out: Path) -> tuple[Path, Path]:
    """Exports a network, compares the file with torch on the family's samples, and writes both to `out`.

    Returns:
        The paths of the .onnx file and of the samples with torch's outputs.

    Raises:
        CheckFailedError: torch and the exported file disagree.
    """
    onnx, samples = out / model.onnx.name, out / model.samples.name
    inputs = _family(model).samples(model.variant)
    expected = _outputs(network, as_floats(model, inputs))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / onnx.name
        draft.write_bytes(export(network, (1, *inputs.shape[1:]), outputs=len(expected)))
        got = execute_all(draft, as_floats(model, inputs))
        for one, other in zip(expected, got, strict=True):
            _compare(model, one, other)
        content.write_whole(samples, _with_expected(samples, model, inputs, expected))
        content.write_whole(onnx, draft.read_bytes())
    return onnx, samples


def _compare(model: Model, expected: NDArray[np.float32], got: NDArray[np.float32]) -> None:
    """The two may sum floats in another order; one integer more or less is far beyond that."""
    near = np.isclose(got, expected, rtol=1e-4, atol=1e-4)
    close: NDArray[np.bool_] = np.all(near.reshape(len(near), -1), axis=1)
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


def _outputs(network: torch.nn.Module, inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What torch gives for `inputs` [N, ...]: one array [N, ...] an output."""
    import torch

    with torch.no_grad():
        found = network(torch.from_numpy(inputs))
    found = found if isinstance(found, tuple) else (found,)
    return [np.asarray(one.numpy(), np.float32) for one in found]


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


def _family(model: Model) -> Family:
    return cast("Family", importlib.import_module(f"levada.models.{model.family}.{model.family}"))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """With more threads, float sums and so the weights would depend on the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _progress(title: str, total: int, done: int) -> Iterator[Callable[[], None] | None]:
    """A progress bar to advance by one, if standard error is a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda: progress.advance(task)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
