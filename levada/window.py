"""Windows of an image: the geometry that convolutions and pools have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Where the windows of an image lie; pairs are (vertical, horizontal).

    `pads` are pixels added at the (top, left, bottom, right), as in ONNX.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def taps(self) -> int:
        """Pixels of a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width that a window covers, the gaps of its dilation included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    def outputs(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of windows in an image; below 1 where no window fits."""
        top, left, bottom, right = self.pads
        (eh, ew), (sh, sw) = self.extent, self.stride
        return (height + top + bottom - eh) // sh + 1, (width + left + right - ew) // sw + 1

    @property
    def trivial(self) -> bool:
        """Whether each window is one pixel, and each pixel a window."""
        return self == Window((1, 1))
