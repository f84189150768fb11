"""MaxPool: the largest value of each window of an image, each channel by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from levada_driver.datatype import IntArray, IntType

from levada.errors import LevadaError
from levada.layer import CppInstance, Folding, Match, SvInstance
from levada.memory import credit_fifo
from levada.onnxutil import attribute, integer_tensor, window_of
from levada.pooling import TilePool, pool_parts, tile_terms
from levada.terms import Terms, total
from levada.window import Window


@dataclass(frozen=True, eq=False)
class MaxPool(TilePool):
    """y[r, q, c] = largest x[h, w, c] of tile (r, q) of x [*tiles.image]; types are the same."""

    kind: ClassVar[str] = "maxpool"
    operators: ClassVar[frozenset[str]] = frozenset({"MaxPool"})

    @property
    def result_type(self) -> IntType:
        """The type of the input."""
        return self.xtype

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        if node.op_type != "MaxPool":
            return None
        x = integer_tensor(node.input[0], model)
        _check(node, len(x.shape))
        windows = window_of(node)
        if attribute(node, "ceil_mode", 0):
            windows = _reaching_over(windows, x.shape[:2])
        # The smallest value never wins over a pixel, and each window holds one.
        parts = pool_parts(x, windows, x.dtype.min, node.output[0], lambda tiles: cls(tiles, x.dtype))
        return Match((node.name,), parts)

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (self.tiles.split(inputs[0]).max(axis=3),)

    def sv(self, folding: Folding) -> SvInstance:
        signed = self.xtype.signed and not self.xtype.bipolar
        element = {"BITS": self.xtype.bits, "X_SIGNED": int(signed)}
        return SvInstance("maxpool", self.layout_params(folding) | element)

    def cpp(self, folding: Folding) -> CppInstance:
        return CppInstance("maxpool", (*self.cpp_layout(folding), self.xtype, self.xtype.min))

    def terms(self, folding: Folding) -> Terms:
        """A LUT for two bits of a comparison and one for a bit of the choice, for each pixel taken."""
        layout, bits = self.folding_of(folding.pe, folding.mmv), self.xtype.bits
        larger = layout.lanes * layout.taps * (bits + bits // 2)
        registers, nodes = 0, layout.taps
        while nodes > 1:
            nodes = (nodes + 1) // 2
            registers += layout.lanes * nodes * bits
        fifo = credit_fifo(layout.slots(self.latency(layout)), layout.lanes * bits)
        maxima = Terms({"maxima": larger}, {"maxima": registers})
        return total((maxima, tile_terms(layout, folding, bits, bits), fifo))


def _check(node: Any, rank: int) -> None:  # noqa: ANN401 - an onnx node
    """LevadaError for what a MaxPool node asks of us and the hardware does not do."""
    size = attribute(node, "kernel_shape", [0])
    if rank != 3 or len(size) != 2:
        raise LevadaError(f"{node.name}: a MaxPool over {len(size)} axes; pool images, over height and width")
    if len(node.output) > 1 and node.output[1]:
        raise LevadaError(f"{node.name}: only the values of a MaxPool can be used, not their indices")
    padding = attribute(node, "auto_pad", "NOTSET")
    if padding != "NOTSET":
        raise LevadaError(f"{node.name}: auto_pad={padding} is not possible; give the padding as pads")
    if attribute(node, "storage_order", 0):
        raise LevadaError(f"{node.name}: storage_order=1 is not possible; export it with storage_order=0")


def _reaching_over(windows: Window, size: tuple[int, ...]) -> Window:
    """The windows of ceil_mode: the last ones may reach over the end, padded as far as they do.

    Each of them starts within the image or its padding in front.
    """
    pads = list(windows.pads)
    for axis in (0, 1):
        stride, extent = windows.stride[axis], windows.extent[axis]
        given = size[axis] + pads[axis]
        count = -(-(given + pads[axis + 2] - extent) // stride) + 1
        if (count - 1) * stride >= given:
            count -= 1
        pads[axis + 2] = max(0, (count - 1) * stride + extent - given)
    return replace(windows, pads=(pads[0], pads[1], pads[2], pads[3]))
