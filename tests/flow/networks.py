"""Small networks for the tests of the flow: QONNX graphs made node by node, and a few Brevitas exports."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


class Chain:
    """A graph under construction in which each node reads what the one before it gives."""

    def __init__(self, *shape, seed=0, opset=13):
        self.random = np.random.default_rng(seed)
        self.input = (1, *shape)
        self.shape = (1, *shape)
        self.opset = opset
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.at = "x"

    def name(self, prefix="t"):
        """A name that is not in use."""
        return f"{prefix}{len(self.nodes)}_{len(self.constants)}"

    def constant(self, value, kind=np.float32):
        """The name of a new initializer."""
        name = self.name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def op(self, kind, *constants, first=False, shape=None, **attributes):
        """Adds a node; its constants (arrays, names or "" for none) come second, or `first`."""
        names = [c if isinstance(c, str) else self.constant(c) for c in constants]
        inputs = [*names, self.at] if first else [self.at, *names]
        domain = QONNX if kind in ("Quant", "BipolarQuant", "Trunc") else ""
        self.at = self._node(kind, inputs, domain, attributes)
        self.shape = self.shape if shape is None else (1, *shape)
        return self

    def _node(self, kind, inputs, domain="", attributes=None):
        domain = (attributes or {}).pop("domain", domain)
        output = self.name()
        node = helper.make_node(
            kind, inputs, [output], name=f"{kind}_{output}", domain=domain, **attributes or {}
        )
        self.nodes.append(node)
        return output

    def quant(self, bits=4, scale=0.125, zero=0.0, signed=True, narrow=False, mode="ROUND"):
        """Adds a quantizer of activations."""
        attributes = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": mode}
        return self.op("Quant", scale, zero, float(bits), **attributes)

    def bipolar(self, scale=1.0):
        """Adds a quantizer to -scale and +scale."""
        return self.op("BipolarQuant", scale)

    def weights(self, rows, columns, bits=3, scale=0.25, zero=0.0, signed=True, narrow=False):
        """The name of a quantized random matrix that uses the whole range of its quantizer."""
        values = self.random.integers(-(1 << (bits - 1)), 1 << (bits - 1), (rows, columns))
        values = values if signed else values + (1 << (bits - 1))
        step = np.where(np.isfinite(scale), scale, 1)
        inputs = [self.constant(c) for c in (values * step, scale, zero, float(bits))]
        attributes = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
        return self._node("Quant", inputs, QONNX, attributes)

    def quantized(self, value, bits=8, scale=1 / 16):
        """The name of a quantized constant; without bits it is bipolar."""
        inputs = [
            self.constant(c) for c in ((value, scale) if bits is None else (value, scale, 0.0, float(bits)))
        ]
        if bits is None:
            return self._node("BipolarQuant", inputs, QONNX)
        return self._node("Quant", inputs, QONNX, {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"})

    def linear(self, columns, **how):
        """Adds a MatMul with quantized weights."""
        return self.op(
            "MatMul", self.weights(self.shape[-1], columns, **how), shape=(*self.shape[1:-1], columns)
        )

    def kernel(self, *shape, bits=3, scale=0.25, signed=True):
        """The name of quantized random weights [MH, C, ...] of a convolution."""
        values = self.random.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
        values = values if signed else values + (1 << (bits - 1))
        inputs = [self.constant(c) for c in (values * scale, scale, 0.0, float(bits))]
        return self._node(
            "Quant", inputs, QONNX, {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND"}
        )

    def conv(self, channels, kernel=3, stride=1, pad=0, groups=1, dilation=1, bias=None, **how):
        """Adds a Conv with quantized weights; sizes are one number or one an axis, pads one or four."""
        rank = len(self.shape) - 2
        size, strides, steps = (
            [value] * rank if isinstance(value, int) else list(value) for value in (kernel, stride, dilation)
        )
        pads = [pad] * 2 * rank if isinstance(pad, int) else list(pad)
        weights = self.kernel(channels, self.shape[1] // groups, *size, **how)
        spatial = [
            (n + pads[i] + pads[i + rank] - steps[i] * (size[i] - 1) - 1) // strides[i] + 1
            for i, n in enumerate(self.shape[2:])
        ]
        constants = [weights] if bias is None else [weights, bias]
        attributes = {"strides": strides, "pads": pads, "group": groups, "dilations": steps}
        return self.op("Conv", *constants, shape=(channels, *spatial), **attributes)

    def pool(self, kind="MaxPool", kernel=2, stride=None, pad=0, **attributes):
        """Adds a pool over windows, by default ones that tile the image."""
        rank = len(self.shape) - 2
        size = [kernel] * rank if isinstance(kernel, int) else list(kernel)
        strides = size if stride is None else [stride] * rank
        pads = [pad] * 2 * rank if isinstance(pad, int) else list(pad)
        up = attributes.get("ceil_mode", 0)
        spatial = [
            -((size[i] - n - pads[i] - pads[i + rank]) // strides[i]) + 1
            if up
            else (n + pads[i] + pads[i + rank] - size[i]) // strides[i] + 1
            for i, n in enumerate(self.shape[2:])
        ]
        attributes |= {"kernel_shape": size, "strides": strides, "pads": pads}
        return self.op(kind, shape=(self.shape[1], *spatial), **attributes)

    def mark(self):
        """Where the chain is, to come back to: (tensor, shape)."""
        return self.at, self.shape

    def back(self, mark):
        """Goes on from a mark."""
        self.at, self.shape = mark
        return self

    def concat(self, *others, axis=1):
        """Joins the marked branches to what the chain is at."""
        names = [self.at, *(name for name, _ in others)]
        size = self.shape[axis] + sum(shape[axis] for _, shape in others)
        shape = list(self.shape)
        shape[axis] = size
        self.at, self.shape = self._node("Concat", names, attributes={"axis": axis}), tuple(shape)
        return self

    def norm(self, gamma=None, beta=None, mean=None, variance=None, **attributes):
        """Adds a BatchNormalization; what is not given is random."""
        channels, random = self.shape[1], self.random
        drawn = (
            random.integers(1, 9, channels) / 8 if gamma is None else gamma,
            random.integers(-8, 9, channels) / 16 if beta is None else beta,
            random.integers(-8, 9, channels) / 8 if mean is None else mean,
            np.ones(channels) if variance is None else variance,
        )
        values = [np.broadcast_to(value, channels) for value in drawn]
        return self.op("BatchNormalization", *values, **{"epsilon": 0.0} | attributes)

    def second(self, kind, other, **attributes):
        """Adds a node of two branches: what the chain is at, and the tensor `other`."""
        self.at = self._node(kind, [self.at, other], attributes=attributes)
        return self

    def two_outputs(self, kind, constants, shape, use=1, **attributes):
        """Adds a node of two outputs and goes on from the one of index `use`."""
        outputs = [self.name("a"), self.name("b")]
        self.nodes.append(helper.make_node(kind, [self.at, *constants], outputs, name=kind, **attributes))
        self.at, self.shape = outputs[use], (1, *shape)
        return self

    def model(self, output_type=TensorProto.FLOAT, inputs=None, outputs=None):
        """The network as a ModelProto."""
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input)
        result = helper.make_tensor_value_info(self.at, output_type, self.shape)
        graph = helper.make_graph(
            self.nodes, "small", inputs or [given], outputs or [result], initializer=self.constants
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, path: Path, **how) -> Path:
        """Writes the network and returns the path."""
        return save(self.model(**how), path)


def save(model, path: Path) -> Path:
    """Writes a ModelProto and returns the path."""
    path.write_bytes(model.SerializeToString())
    return path


def mlp(seed=0, inputs=6, hidden=5, outputs=4, bits=3):
    """A good network: quantizer, linear, norm, quantizer, linear, scale."""
    chain = Chain(inputs, seed=seed).quant(bits).linear(hidden, bits=bits).norm().quant(bits)
    return chain.linear(outputs, bits=bits).op("Mul", 0.5)


def resnet18(size=224, seed=0):
    """A ResNet-18 of 4 bits and random weights; each block quantizes both its branches to one scale."""
    chain = Chain(3, size, size, seed=seed).quant(8, scale=1 / 64)
    chain.conv(64, kernel=7, stride=2, pad=3, scale=1 / 64).norm().quant(signed=False)
    chain.pool(kernel=3, stride=2, pad=1)
    for stage, channels in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            side = chain.mark()
            chain.conv(channels, stride=stride, pad=1, scale=1 / 64).norm().quant(signed=False)
            chain.conv(channels, pad=1, scale=1 / 64).norm().quant()
            end = chain.mark()
            if stride == 2:
                chain.back(side).conv(channels, kernel=1, stride=2, scale=1 / 64).norm().quant()
                side = chain.mark()
                chain.back(end)
            chain.second("Add", side[0]).op("Relu").quant(signed=False)
    return chain.op("GlobalAveragePool", shape=(512, 1, 1)).op("Flatten", shape=(512,)).linear(1000)


def random_frames(shape, count, seed=0, step=1 / 16, limit=2.0):
    """Seeded frames, all multiples of `step`: on the borders of quantizers with such scales, often."""
    steps = round(limit / step)
    values = np.random.default_rng(seed).integers(-steps, steps + 1, (count, *shape)) * step
    return values.astype(np.float32)


def export(module, shape, exporter="qonnx") -> onnx.ModelProto:
    """A Brevitas module as `export_onnx_qonnx` or `export_onnx_qcdq` writes it."""
    import torch
    from brevitas.export import export_onnx_qcdq, export_qonnx

    function = {"qonnx": export_qonnx, "qcdq": export_onnx_qcdq}[exporter]
    buffer = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        function(module.eval(), torch.zeros(1, *shape), buffer, dynamo=False, opset_version=13)
    return onnx.load_model_from_string(buffer.getvalue())
