"""One hardware for every way to write a network: QONNX by hand, as of QKeras.

Scales are powers of two, so that float sums are exact and ties of the quantizers common.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from tests.flow.checks import check_equal, integers, kinds, lowered
from tests.flow.networks import QONNX, Chain, mlp

CHANNELS = np.arange(5)


def start(bits=4):
    return Chain(6).quant(bits).linear(5)


def finish(chain):
    return chain.quant(4, scale=0.25).linear(4)


QUANTIZERS = {
    **{f"signed-{bits}": {"bits": bits, "scale": 2.0 ** (1 - bits)} for bits in range(1, 9)},
    **{f"unsigned-{bits}": {"bits": bits, "signed": False, "scale": 2.0**-bits} for bits in (1, 2, 5, 8)},
    **{f"mode-{mode}": {"mode": mode} for mode in ("ROUND", "HALF_EVEN", "FLOOR", "CEIL", "UP", "DOWN")},
    "mode-HALF_UP": {"mode": "HALF_UP"},
    "mode-HALF_DOWN": {"mode": "HALF_DOWN"},
    "narrow": {"narrow": True},
    "narrow-unsigned": {"narrow": True, "signed": False},
    "narrow-1": {"narrow": True, "bits": 1},
    "zero-point": {"zero": 3, "signed": False},
    "zero-point-signed": {"zero": -2},
    "zero-point-8": {"zero": 128, "signed": False, "bits": 8, "scale": 1 / 64},
    "scale-1": {"scale": 1.0},
    "scale-array": {"scale": [[0.5]], "zero": [1.0]},
}


@pytest.mark.parametrize("how", QUANTIZERS.values(), ids=QUANTIZERS)
def test_quantizer(how, tmp_path):
    weights = {"bits": how.get("bits", 3), "scale": 0.25}
    chain = Chain(6).quant(**how).linear(5, **weights).quant(**how).linear(4, **weights)
    assert kinds(chain.model(), tmp_path) == ["mvau", "mvau"]


WEIGHTS = {
    "unsigned": {"signed": False},
    "scale-a-channel": {"scale": 2.0 ** -np.arange(4)[None]},
    "scale-a-channel-1d": {"scale": 2.0 ** -np.arange(4)},
    "scale-of-two-axes": {"scale": [[0.5]]},
    "zeros-as-zero-points": {"zero": np.zeros((1, 4))},
}


@pytest.mark.parametrize("how", WEIGHTS.values(), ids=WEIGHTS)
def test_weights(how, tmp_path):
    chain = Chain(6).quant().linear(4, **how).quant().linear(4, **how)
    assert kinds(chain.model(), tmp_path) == ["mvau", "mvau"]


STAIRCASE = {"domain": QONNX, "out_scale": 0.5, "out_dtype": "FLOAT32"}
FUNCTIONS = {
    "relu": ("Relu",),
    "leaky": ("LeakyRelu", {"alpha": 0.25}),
    "prelu": ("PRelu", 0.25),
    "prelu-channels": ("PRelu", CHANNELS / 4),
    "hardtanh": ("Clip", -1.0, 1.0),
    "clip-below": ("Clip", 0.0),
    "clip-above": ("Clip", "", 1.0),
    "sigmoid": ("Sigmoid",),
    "tanh": ("Tanh",),
    "hard-sigmoid": ("HardSigmoid",),
    "hard-sigmoid-falling": ("HardSigmoid", {"alpha": -0.25}),
    "selu": ("Selu",),
    "softplus": ("Softplus",),
    "softsign": ("Softsign",),
    "staircase": ("MultiThreshold", [[-1.0, 0.1, 0.25, 0.3, 1.7]], STAIRCASE),
    "one-step": ("MultiThreshold", [[0.3]], {**STAIRCASE, "out_bias": -0.25}),
    "bias": ("Add", CHANNELS / 8),
    "minus": ("Sub", 0.5),
    "minus-first": ("Sub", 0.5, {"first": True}),
    "bias-first": ("Add", CHANNELS / 8, {"first": True}),
    "divide": ("Div", 2.0),
    "divide-falling": ("Div", -2.0),
    "constant": ("Mul", 0.0),
    "falling": ("Mul", -1.0),
    "some-falling-one-constant": ("Mul", CHANNELS - 2.0),
    "tiny-bias": ("Add", 1e-6),
    "factor-near-1": ("Mul", 1 + 2.0**-20),
    "norm": ("norm", {}),
    "norm-falling-and-constant": ("norm", {"gamma": [-1, 1, 0, -0.5, 0.25]}),
    "dropout": ("Dropout",),
    "identity": ("Identity",),
}


@pytest.mark.parametrize("operator", FUNCTIONS.values(), ids=FUNCTIONS)
def test_function_before_a_quantizer(operator, tmp_path):
    name, *rest = operator
    options = rest.pop() if rest and isinstance(rest[-1], dict) else {}
    chain = start().norm(**options) if name == "norm" else start().op(name, *rest, **options)
    assert kinds(finish(chain).model(), tmp_path) == ["mvau", "mvau"]


def gemm(quantized_bias=False, transposed=False, **attributes):
    chain = Chain(6).quant()
    shape = (5, 6) if transposed else (6, 5)
    scale = 2.0 ** -CHANNELS[:, None] if transposed else 2.0 ** -CHANNELS[None]
    weights = chain.weights(*shape, scale=scale)
    bias = chain.constant(CHANNELS / 8)
    if quantized_bias:
        bias = chain.quantized(CHANNELS / 8, bits=8, scale=1 / 16)
    return finish(chain.op("Gemm", weights, bias, shape=(5,), transB=int(transposed), **attributes))


def no_bias():
    chain = Chain(6).quant()
    return finish(chain.op("Gemm", chain.weights(6, 5), shape=(5,)))


def quantized_bias():
    chain = start()
    return finish(chain.op("Add", chain.quantized(CHANNELS / 8, bits=8, scale=1 / 16)))


def bipolar_weights(transposed):
    chain = Chain(6).quant()
    matrix = chain.quantized(chain.random.normal(size=(5, 6) if transposed else (6, 5)), None, scale=0.5)
    return finish(chain.op("Gemm", matrix, shape=(5,), transB=int(transposed)))


def one_matrix_twice(quantized):
    chain = Chain(5).quant(4, scale=1.0)
    weights = chain.weights(5, 5) if quantized else chain.constant(chain.random.integers(-3, 4, (5, 5)))
    chain.op("MatMul", weights).norm(gamma=[-1, 1, -1, 1, 1]).quant()
    return finish(chain.op("MatMul", weights))


def reshaped(kind, to, at):
    shape = {"input": (1, 2, 3), "quantized": (1, 2, 3)}[at]
    chain = Chain(*shape)
    if at == "quantized":
        chain.quant()
    constants = [chain.constant(to, np.int64)] if to is not None else []
    chain.op(kind, *constants, shape=(6,))
    return finish((chain if at == "quantized" else chain.quant()).linear(5))


def squeezed():
    chain = Chain(6, 1, 1).quant()
    return finish(chain.op("Squeeze", chain.constant([2, 3], np.int64), shape=(6,)).linear(5))


def unsqueezed():
    chain = finish(start())
    return chain.op("Unsqueeze", chain.constant([2], np.int64), shape=(4, 1)).op("Mul", 0.5)


def reshaped_in_the_middle():
    chain = start()
    return finish(chain.op("Reshape", chain.constant([1, 5], np.int64)))


def unused_branch():
    chain = finish(start())
    end = chain.at
    chain.op("Relu").at = end
    return chain


FORMS = {
    "gemm": (lambda: gemm(), 2),
    "gemm-factors": (lambda: gemm(alpha=0.5, beta=2.0), 2),
    "gemm-transposed": (lambda: gemm(transposed=True), 2),
    "gemm-quantized-bias": (lambda: gemm(quantized_bias=True, beta=0.5), 2),
    "gemm-no-bias": (no_bias, 2),
    "quantized-bias": (quantized_bias, 2),
    "bias-at-the-end": (lambda: finish(start()).op("Add", np.arange(4) / 8), 2),
    "norm-at-the-end": (lambda: finish(start()).norm(gamma=[-1, 1, 0.5, -0.5]), 2),
    "bipolar": (lambda: Chain(6).bipolar().linear(5).bipolar(0.5).linear(4), 2),
    "bipolar-weights": (lambda: bipolar_weights(False), 2),
    "bipolar-weights-transposed": (lambda: bipolar_weights(True), 2),
    "one-matrix-twice": (lambda: one_matrix_twice(False), 3),
    "one-quantizer-of-weights-twice": (lambda: one_matrix_twice(True), 3),
    "flatten": (lambda: reshaped("Flatten", None, "input"), 2),
    "flatten-integers": (lambda: reshaped("Flatten", None, "quantized"), 2),
    "reshape": (lambda: reshaped("Reshape", [1, 6], "input"), 2),
    "reshape-rest": (lambda: reshaped("Reshape", [0, -1], "quantized"), 2),
    "reshape-all": (lambda: reshaped("Reshape", [-1, 6], "input"), 2),
    "squeeze": (squeezed, 2),
    "unsqueeze-at-the-end": (unsqueezed, 2),
    "dropout-at-the-borders": (lambda: finish(Chain(6).op("Dropout").quant().linear(5)).op("Dropout"), 2),
    "unused-branch": (unused_branch, 2),
    "quantizer-at-the-end": (lambda: start().quant(4), 1),
    "zero-point-at-the-end": (lambda: start().quant(4, zero=3), 1),
    "bipolar-at-the-end": (lambda: start().bipolar(0.5), 1),
    "one-row": (lambda: Chain(6).quant().linear(1).op("Mul", -1.0).quant().linear(1), 2),
}


@pytest.mark.parametrize(("network", "layers"), FORMS.values(), ids=FORMS)
def test_form(network, layers, tmp_path):
    assert kinds(network().model(), tmp_path) == ["mvau"] * layers


def test_quantizer_after_quantizer_is_a_layer_of_its_own(tmp_path):
    chain = Chain(6).quant(8, scale=1 / 64).quant(4).linear(5).quant(6).quant(3, scale=0.5).linear(4)
    assert kinds(chain.model(), tmp_path) == ["thresholding", "mvau", "thresholding", "mvau"]


def test_number_that_is_no_zero_point_between_quantizers(tmp_path):
    chain = Chain(6).quant(4, scale=1).op("Sub", 0.5).quant(4).linear(4)
    assert kinds(chain.model(), tmp_path) == ["thresholding", "mvau"]


def test_reshape_between_weights_and_quantizer(tmp_path):
    assert kinds(reshaped_in_the_middle().model(), tmp_path) == ["mvau", "mvau"]


def top_k(k):
    chain = mlp()
    return chain.two_outputs("TopK", [chain.constant([k], np.int64)], shape=(k,))


ENDINGS = {
    "softmax": (lambda: mlp().op("Softmax", axis=-1), []),
    "argmax": (lambda: mlp().op("ArgMax", axis=1, shape=(1,)), ["argmax"]),
    "argmax-flat": (lambda: mlp().op("ArgMax", axis=1, keepdims=0, shape=()), ["argmax"]),
    "softmax-argmax": (lambda: mlp().op("Softmax", axis=1).op("ArgMax", axis=1, shape=(1,)), ["argmax"]),
    "top-1": (lambda: top_k(1), ["argmax"]),
    "top-2": (lambda: top_k(2), ["argmax"]),
    "top-all": (lambda: top_k(4), ["argmax"]),
    "top-flatten": (lambda: top_k(2).op("Flatten"), ["argmax"]),
}


@pytest.mark.parametrize(("network", "last"), ENDINGS.values(), ids=ENDINGS)
def test_ending(network, last, tmp_path):
    model = network().model(output_type=TensorProto.INT64 if last else TensorProto.FLOAT)
    assert kinds(model, tmp_path) == ["mvau", "mvau", *last]


INPUTS = {
    "16-bit-quantizer": (lambda: Chain(6).quant(16, scale=1 / 1024).linear(5).quant(8).linear(4), None, 0, 2),
    "int16/1024": (lambda: Chain(6).linear(5, bits=2).quant(4, scale=0.5).linear(4), "int16/1024", 0, 2),
    "int16/1024-quantizer": (mlp, "int16/1024", 1, 2),
    "int4": (mlp, "int4", 1, 2),
    "uint8/256": (lambda: Chain(6).linear(5, bits=2).quant(4, scale=1 / 32).linear(4), "uint8/256", 0, 2),
    "uint8/256-scale": (lambda: finish(Chain(6).op("Mul", 0.5).linear(5)), "uint8/256", 0, 2),
    "uint8/256-channels": (lambda: finish(Chain(6).op("Mul", np.arange(6) + 1.0).quant()), "uint8/256", 2, 1),
}


@pytest.mark.parametrize(("network", "spec", "before", "layers"), INPUTS.values(), ids=INPUTS)
def test_input(network, spec, before, layers, tmp_path):
    assert kinds(network().model(), tmp_path, spec) == ["thresholding"] * before + ["mvau"] * layers


def test_pixels_over_255_differ_at_ties_only(tmp_path):
    chain = Chain(6).linear(5, bits=2, scale=0.3).quant(4, scale=0.17).linear(4)
    assert kinds(chain.model(), tmp_path, "uint8/255", excuse_ties=True) == ["mvau", "mvau"]


def test_round_half_to_even_at_every_tie(tmp_path):
    """Sums of 0.5 steps: half of the arguments are ties, and hardware that rounds halves up would differ."""
    chain = Chain(1).quant(8, scale=0.5).op("MatMul", np.ones((1, 1))).quant(4, scale=1.0)
    _, network, graph, _ = lowered(chain.model(), tmp_path)
    x = np.arange(-9, 10, dtype=np.float32).reshape(-1, 1) / 2
    assert integers(network, graph, x)[:, 0].tolist() == np.rint(x[:, 0]).astype(int).tolist()


@st.composite
def chains(draw):
    """A random network of all the above, with scales that are powers of two."""
    power = st.integers(-4, 0).map(lambda n: 2.0**n)
    mode = st.sampled_from(("ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN"))

    def quant(chain, most):
        if draw(st.integers(0, 5)) == 0:
            return chain.bipolar(draw(power))
        bits, signed = draw(st.integers(1, most)), draw(st.booleans())
        zero = draw(st.integers(-2, 2)) if bits > 1 else 0
        narrow = draw(st.booleans()) and bits > 1
        return chain.quant(bits, draw(power), zero, signed, narrow, draw(mode))

    def function(chain):
        kind = draw(
            st.sampled_from(("none", "norm", "Relu", "LeakyRelu", "PRelu", "Clip", "Add", "Mul", "Tanh"))
        )
        size = chain.shape[-1]
        numbers = chain.random.integers(-6, 7, size) / 4
        if kind == "norm":
            return chain.norm(gamma=numbers)
        options = {"PRelu": [np.abs(numbers)], "Clip": [-0.75, 1.25], "Add": [numbers], "Mul": [numbers]}
        return chain if kind == "none" else chain.op(kind, *options.get(kind, []))

    chain = quant(Chain(draw(st.integers(1, 8)), seed=draw(st.integers(0, 2**31))), 16)
    for _ in range(draw(st.integers(1, 3))):
        columns, bits = draw(st.integers(1, 6)), draw(st.integers(1, 8))
        scales = draw(st.one_of(power, st.lists(power, min_size=columns, max_size=columns)))
        chain = quant(function(chain.linear(columns, bits=bits, scale=np.array(scales))), 8)
    if draw(st.booleans()):
        chain = chain.linear(draw(st.integers(1, 6))).op("Mul", draw(power))
    return chain


@given(chain=chains(), spec=st.sampled_from((None, "uint4/4", "int8/16")))
def test_random_network(chain, spec, tmp_path_factory):
    check_equal(chain.model(), tmp_path_factory.mktemp("random"), spec)
