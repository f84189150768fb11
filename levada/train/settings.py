"""Nested weights in training and as files: a network for each setting, and the file that lists them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from levada import content
from levada.errors import LevadaError
from levada.export import export
from levada.models import Model
from levada.train.publish import as_floats, compare, execute_all, run_torch
from levada.train.quantizers import Quantized, rewrite, weights_of
from levada.train.run import read, write
from levada.train.task import Log, family_of

if TYPE_CHECKING:
    from torch import nn

_FILE = "settings.pt"
# Of one bit only the sign would be left, and no positive weight.
_LEAST_BITS, _MOST_BITS = 2, 16

State = Mapping[str, torch.Tensor]
Judge = Callable[["nn.Module", Path], float | None]


def widths(text: str, where: str) -> list[int]:
    """The bits of settings, widest first, of a text such as "8,4,2"."""
    parts = text.split(",")
    found = [int(part) for part in parts if part.strip().isdecimal()]
    falling = all(one > other for one, other in itertools.pairwise(found))
    bounded = all(_LEAST_BITS <= bits <= _MOST_BITS for bits in found)
    if len(found) != len(parts) or len(found) < 2 or not (falling and bounded):
        raise LevadaError(
            f"{where}: bits is {text!r}; write two or more falling numbers from {_LEAST_BITS} to "
            f'{_MOST_BITS}, such as "8,4,2"'
        )
    return found


class Kept:
    """Lets the quantizers of weights give no more than their upper `bits` bits; None: all of them."""

    def __init__(self, network: nn.Module, bits: int | None = None) -> None:
        self.bits = bits
        self._widths = {weights.name: weights.bits for weights in weights_of(network)}
        self._handles = rewrite(network, self._cut)

    def remove(self) -> None:
        """Leaves the network as it was."""
        self._handles.remove()

    def _cut(self, q: Quantized) -> torch.Tensor | None:
        layer, weights, _ = q.name.partition(".weight_quant")
        planes = (self._widths[layer] if weights else 0) - (self.bits or _MOST_BITS)
        if planes <= 0:
            return None
        integers = (q.y / q.scale).round()
        kept = torch.floor(integers / 2**planes) * 2**planes * q.scale
        result: torch.Tensor = q.y + (kept - q.y).detach()
        return result


def save(folder: Path, settings: Mapping[int, State]) -> None:
    """Keeps what normalisations have measured, by the bits of the settings, in the folder of a training."""
    write(folder / _FILE, {str(bits): dict(state) for bits, state in settings.items()})


def publish_settings(
    model: Model, network: nn.Module, folder: Path, out: Path, judge: Judge, log: Log
) -> Path:
    """Writes a network for each setting but the widest, and the file that lists all of them.

    `network` is the widest setting, whose file is in `out` already; `folder` is that of its training. Each
    file is run, and compared with torch, before it is written.

    Raises:
        CheckFailedError: torch and an exported file disagree.
    """
    states = {int(bits): state for bits, state in read(folder / _FILE).items()}
    names = {bits: f"w{bits}" for bits in sorted(states, reverse=True)}
    widest, *others = names
    files = {widest: model.onnx.name} | {bits: f"{model.name}@{names[bits]}.onnx" for bits in others}
    for bits in others:
        network.load_state_dict(states[bits], strict=False)
        accuracy = _publish(model, network, bits, out / files[bits], judge)
        if accuracy is not None:
            log(f"{model.name}: {accuracy:.2f} % with the upper {bits} bits of its weights")
    network.load_state_dict(states[widest], strict=False)
    listed = "".join(f'\n[[setting]]\nname = "{names[bits]}"\nonnx = "{files[bits]}"\n' for bits in names)
    spec = f'input = "{model.input}"\n' if model.input else ""
    target = out / f"{model.name}.settings.toml"
    head = "# Settings of one accelerator: `levada build` takes this file.\n"
    content.write_whole(target, f"{head}{spec}{listed}")
    return target


def _publish(model: Model, network: nn.Module, bits: int, target: Path, judge: Judge) -> float | None:
    """Writes the network of one setting, whose normalisation it has; returns what `judge` finds."""
    inputs = family_of(model).samples(model.variant)
    kept = Kept(network.eval(), bits)
    try:
        expected = run_torch(network, as_floats(model, inputs))
    finally:
        kept.remove()
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / target.name
        draft.write_bytes(export(network, (1, *inputs.shape[1:]), outputs=len(expected), bits=bits))
        for one, other in zip(expected, execute_all(draft, as_floats(model, inputs)), strict=True):
            compare(model, one, other)
        kept = Kept(network, bits)
        try:
            accuracy = judge(network, draft)
        finally:
            kept.remove()
        content.write_whole(target, draft.read_bytes())
    return accuracy
