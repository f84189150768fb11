"""Random convolutional networks: chains, residuals, concatenations, pools, 1 to 8 bits, odd sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.flow.networks import Chain

MOST_CHANNELS = 6


class Builder:
    """A chain of blocks, each of which ends in a quantizer; powers of two as scales keep floats exact."""

    def __init__(self, draw):
        self.draw = draw
        channels, height, width = (draw(st.integers(*ends)) for ends in ((1, 4), (1, 9), (3, 9)))
        self.chain = Chain(channels, height, width, seed=draw(st.integers(0, 2**31)))
        self.quantize(first=True)

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def choice(self, *values):
        return self.draw(st.sampled_from(values))

    def quantize(self, first=False, like=None):
        """A quantizer, or one `like` an earlier one; returns how to repeat it."""
        bits = self.number(2, 8) if first else self.choice(1, 2, 3, 4, 8)
        how = like or {
            "bits": bits,
            "signed": first or bits == 1 or self.choice(True, False),
            "scale": 2.0 ** -self.number(0, 3),
        }
        if how["bits"] == 1:
            self.chain.bipolar(how["scale"])
        else:
            self.chain.quant(**how)
        return how

    @property
    def size(self):
        return self.chain.shape[2:]

    def fits(self, kernel, pad=0):
        return all(size + 2 * pad >= k for size, k in zip(self.size, kernel, strict=True))

    def activation(self, like=None):
        """Bias, normalisation, a monotone function, each perhaps; then a quantizer."""
        if self.choice(True, False):
            self.chain.norm()
        if self.choice(True, False):
            self.chain.op(self.choice("Relu", "Tanh", "Sigmoid"))
        return self.quantize(like=like)

    def conv(self, channels=None, same=False, like=None):
        """A convolution; `same` keeps the size."""
        kernel = [self.choice(1, 3) if same else self.number(1, 3) for _ in range(2)]
        pad = [k // 2 for k in kernel] if same else [self.number(0, 1) for _ in range(2)]
        stride = [1, 1] if same else [self.number(1, 2) for _ in range(2)]
        while not all(s + 2 * p >= k for s, p, k in zip(self.size, pad, kernel, strict=True)):
            kernel, pad = [1, 1], [0, 0]
        channels = channels or self.number(1, MOST_CHANNELS)
        own = self.chain.shape[1]
        groups = own if self.choice(True, False) and channels % own == 0 else 1
        bits = self.choice(2, 3, 4, 8)
        self.chain.conv(channels, kernel, stride, [*pad, *pad], groups, bits=bits, scale=2.0**-bits)
        return self.activation(like)

    def pool(self):
        kernel = [min(self.number(1, 3), size) for size in self.size]
        if self.choice(True, False):
            self.chain.pool("MaxPool", kernel, self.number(1, 2))
        else:
            self.chain.pool("AveragePool", kernel)
            self.activation()

    def residual(self):
        channels = self.chain.shape[1]
        mark = self.chain.mark()
        how = self.conv(channels, same=True)
        branch = self.chain.mark()
        self.chain.back(mark)
        self.quantize(like=how) if self.choice(True, False) else self.conv(channels, same=True, like=how)
        self.chain.second("Add", branch[0])
        self.activation()

    def concat(self):
        mark = self.chain.mark()
        self.conv(self.number(1, 3), same=True)
        self.chain.concat(mark)
        if self.choice(True, False):
            self.activation()

    def upsample(self):
        scales = np.array([1, 1, 2, 2], np.float32)
        _, channels, height, width = self.chain.shape
        attributes = {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
        self.chain.op("Resize", "", scales, shape=(channels, 2 * height, 2 * width), **attributes)

    def block(self):
        kinds = [self.conv, self.conv, self.pool, self.residual, self.concat]
        if max(self.size) < 6:
            kinds.append(self.upsample)
        self.choice(*kinds)()

    def end(self):
        size = int(np.prod(self.chain.shape[1:]))
        kind = self.choice("image", "vector", "average")
        if kind == "vector" and size <= 200:
            self.chain.op("Flatten", shape=(size,)).linear(self.number(1, 5))
        elif kind == "average":
            channels = self.chain.shape[1]
            self.chain.op("GlobalAveragePool", shape=(channels, 1, 1)).op("Flatten", shape=(channels,))
            self.quantize()
            self.chain.linear(self.number(1, 5))


@st.composite
def networks(draw):
    """A Chain."""
    builder = Builder(draw)
    for _ in range(draw(st.integers(1, 4))):
        builder.block()
    builder.end()
    return builder.chain
