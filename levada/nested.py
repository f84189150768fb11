"""Products whose weights lose lower bits: nested weights, of which a setting takes the upper planes alone.

The idea is that of Wu et al., "Vertical Layering of Quantized Neural Networks for Heterogeneous Inference",
2022: the integers of few bits lie within those of many. With d planes dropped a weight W is

    W_d = (W >> d) << d        in two's complement: the next multiple of 2^d below

so hardware keeps one set of weights and masks bits. No other rounding is free: one to the nearest would need
an adder a weight. What cutting off takes away, (2^d - 1) / 2 a weight on average, is a shift of each sum that
the normalisation of the setting takes up, and with it the thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.layer import Bits, CppInstance
from levada.terms import Terms, total

#: What of a layer of products settings may change.
_CHANGING = {"weights", "thresholds"}
# Bits of a number of planes in a parameter of the hardware.
_PLANES_BITS = 8


class Products(Protocol):
    """What an MVAU and a VVAU have in common: weights, and thresholds behind their sums or none."""

    @property
    def weights(self) -> IntArray: ...  # noqa: D102
    @property
    def wtype(self) -> IntType: ...  # noqa: D102
    @property
    def atype(self) -> IntType: ...  # noqa: D102
    @property
    def thresholds(self) -> IntArray | None: ...  # noqa: D102
    @property
    def planes(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def others(self) -> tuple[Self, ...]: ...  # noqa: D102

    def differing(self, other: Any) -> set[str]: ...  # noqa: ANN401, D102


def cut(weights: IntArray, planes: int) -> IntArray:
    """Weights without their lowest `planes` bits, in two's complement."""
    return weights >> planes << planes


def dropped(weights: IntArray, others: IntArray, bits: int) -> int | None:
    """The fewest planes, below `bits`, that make `others` of the weights; None if none do."""
    if weights.shape != others.shape:
        return None
    return next((planes for planes in range(bits) if np.array_equal(cut(weights, planes), others)), None)


def obstacle(layer: Products, others: Sequence[Products]) -> str | None:
    """Why `layer` cannot be `others` in other settings; None where it can."""
    for number, other in enumerate(others, start=1):
        wrong = sorted(layer.differing(other) - _CHANGING)
        if wrong:
            return f"{' and '.join(wrong)} would have to change in setting {number}"
        planes = dropped(layer.weights, other.weights, layer.wtype.bits)
        if planes is None:
            return f"the weights of setting {number} are not the upper planes of those of setting 0"
        if _shape(layer.thresholds) != _shape(other.thresholds):
            return f"setting {number} has another number of thresholds"
        if planes and layer.thresholds is None and layer.atype.bipolar:
            return "sums of bipolar inputs without thresholds start from the weights, which would change"
    return None


def _shape(thresholds: IntArray | None) -> tuple[int, ...] | None:
    return None if thresholds is None else thresholds.shape


def stacked(layer: Products) -> tuple[IntArray, IntArray | None]:
    """Weights [S * MH, K] and thresholds [S * MH, N] of all S settings, one below the other."""
    if not layer.others:
        return layer.weights, layer.thresholds
    all_ = (layer, *layer.others)
    tables = [one.thresholds for one in all_ if one.thresholds is not None]
    return np.concatenate([one.weights for one in all_]), np.concatenate(tables) if tables else None


def planes_of(layer: Products) -> tuple[int, ...]:
    """The planes that each setting drops."""
    found = [dropped(layer.weights, one.weights, layer.wtype.bits) for one in (layer, *layer.others)]
    assert None not in found, "settings were joined without a look at their weights"
    return tuple(planes for planes in found if planes is not None)


def sv_params(layer: Products, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a module with those of its settings, where it has several.

    `params` are of the stacked products; all settings start from the same sums.
    """
    if not layer.others:
        return params
    planes = layer.planes
    own: dict[str, Any] = {"SETTINGS": len(planes), "DROPPED": Bits(np.array(planes), _PLANES_BITS)}
    if "INIT" in params:
        init = params["INIT"]
        own["INIT"] = Bits(init.values[: len(layer.weights)], init.width)
    return params | own


def cpp_instance(layer: Products, instance: CppInstance) -> CppInstance:
    """The call of a function with tables for each setting, of which one is chosen, where there are several.

    `instance` has the thresholds of the stacked products.
    """
    if not layer.others:
        return instance
    masks = -(1 << np.array(layer.planes, np.int64))
    constants = {**instance.constants, "masks": (masks, IntType(layer.wtype.bits + 1, signed=True))}
    if "thresholds" in constants:
        table, dtype = constants["thresholds"]
        constants["thresholds"] = (table.reshape(len(masks), -1, table.shape[-1]), dtype)
    chosen = frozenset({"masks", "thresholds"} & constants.keys())
    return CppInstance(instance.function, instance.template, constants, chosen)


def terms(layer: Products, folds: int, row_bits: int, *, block: bool) -> Terms:
    """What settings take beside longer tables: registers, the first row of one, masks behind block RAM.

    `folds` rows of thresholds are those of a lane in one setting; a row of weights has `row_bits`.
    """
    if not layer.others:
        return Terms()
    count, planes = 1 + len(layer.others), max(layer.planes)
    register = Terms({"setting": 3}, {"setting": (count - 1).bit_length()})
    masked = row_bits // layer.wtype.bits * planes if block else 0
    parts = [register, Terms({"setting": planes + masked}, {"setting": planes})]
    if layer.thresholds is not None:
        address = (count * folds - 1).bit_length()
        parts += [register, Terms({"setting": address}, {"setting": address})]
    return total(parts)
