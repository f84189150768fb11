"""Networks that cannot be built: each gives one clear LevadaError that names the node and the way out."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from levada.errors import LevadaError
from tests.flow.checks import prepare, refusal
from tests.flow.networks import QONNX, Chain, mlp, save


def linear(**how):
    return Chain(6).quant().linear(4, **how)


def end(chain):
    return chain.quant().linear(4)


def thresholds(table, **options):
    return start().op("MultiThreshold", table, domain=QONNX, out_dtype="FLOAT32", **options)


def start():
    return Chain(6).quant().linear(5)


def float_weights():
    chain = Chain(6).quant()
    return chain.op("MatMul", chain.random.normal(size=(6, 4)), shape=(4,))


def wide_weights():
    return Chain(6).quant().op("MatMul", np.full((6, 4), 300), shape=(4,))


def channels(name):
    values = {"scale": 0.5, "zero": 0.0, "bits": 4.0} | {name: np.arange(5) + 1.0}
    attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    return start().op("Quant", values["scale"], values["zero"], values["bits"], **attributes).linear(4)


def top_k(k=2, use=1, **attributes):
    chain = mlp()
    return chain.two_outputs("TopK", [chain.constant([k], np.int64)], (k,), use, **attributes)


NODES = {
    "float-weights": (float_weights, "MatMul_0 (MatMul): its weights are float; quantize them"),
    "wide-integer-weights": (wide_weights, "its weights are from 300 to 300; use 1 to 8 bits"),
    "weights-of-9-bits": (
        lambda: linear(bits=9),
        "MatMul_0 (MatMul): its weights have 9 bits; use 1 to 8 bits",
    ),
    "weights-zero-point": (lambda: linear(zero=1.0), "its weights have a zero point; use symmetric weights"),
    "weights-scale-a-row": (lambda: linear(scale=np.arange(6)[:, None] + 1), "have a scale for each input"),
    "weights-scale-0": (lambda: linear(scale=0.0), "(Quant): its scale is not positive"),
    "activations-of-9-bits": (lambda: end(start().quant(9)), "(Quant): quantizes to 9 bits; use 1 to 8 bits"),
    "input-of-17-bits": (
        lambda: end(Chain(6).quant(17)),
        "Quant_0 (Quant): quantizes to 17 bits; use 1 to 16",
    ),
    "no-bits": (lambda: end(Chain(6).quant(0)), "quantizes to 0 bits"),
    "half-bits": (lambda: end(Chain(6).quant(2.5)), "quantizes to 2.5 bits"),
    "scale-0": (
        lambda: end(Chain(6).quant(scale=0.0)),
        "Quant_0 (Quant): its scale is not positive; train it",
    ),
    "scale-negative": (lambda: end(Chain(6).quant(scale=-1.0)), "Quant_0 (Quant): its scale is not positive"),
    "scale-a-channel": (
        lambda: channels("scale"),
        "has 5 scales, one a channel; use one scale for the whole",
    ),
    "zero-point-a-channel": (lambda: channels("zero"), "has 5 zero points, one a channel"),
    "bits-a-channel": (lambda: channels("bits"), "has 5 bit widths, one a channel"),
    "zero-point-half": (
        lambda: end(Chain(6).quant(zero=0.5)),
        "its zero point 0.5 is not an integer; round it",
    ),
    "rounding": (
        lambda: end(Chain(6).quant(mode="ROUND_TO_ZERO")),
        "rounds by ROUND_TO_ZERO, which QONNX does",
    ),
    "float-between": (
        lambda: Chain(6).quant().op("Relu").linear(4),
        "MatMul_0: its input is float in the middle",
    ),
    "unquantized-between": (
        lambda: start().op("Relu").linear(4),
        "MatMul_1: its input is float in the middle",
    ),
    "sums-of-many-bits": (
        lambda: Chain(6).quant(16).linear(5, bits=8).linear(4),
        "MatMul_1: its input is not quantized and has 25 bits (INT25), at most 16 can be multiplied",
    ),
    "float-at-the-end": (lambda: start().op("Relu"), "Relu_0: what leaves it is float"),
    "falling-input": (lambda: end(Chain(6).op("Mul", -1.0)), "Quant_1: falls as the input rises"),
    "falling-between": (
        lambda: end(Chain(6).quant().op("Mul", -1.0)),
        "falls as its input rises, and no weights",
    ),
    "valley": (lambda: end(start().op("LeakyRelu", alpha=-0.5)), "falls below 0 and rises above"),
    "valleys": (lambda: end(start().op("PRelu", np.arange(5) - 2.0)), "falls below 0 and rises above"),
    "over-x": (lambda: end(start().op("Div", 1.0, first=True)), "divides a constant by its input"),
    "threshold-rows": (
        lambda: end(thresholds(np.ones((5, 3)))),
        r"its thresholds are [5, 3]; use one row, [1, N], for the whole tensor",
    ),
    "thresholds-of-no-scale": (
        lambda: end(thresholds(np.ones((1, 3)), out_scale=0.0)),
        "its out_scale is 0; use a scale above 0",
    ),
    "over-0": (lambda: end(start().op("Div", 0.0)), "Div_0 (Div): divides by 0"),
    "training-mode": (
        lambda: end(start().norm(training_mode=1)),
        "is in training mode; export the network in eval",
    ),
    "negative-variance": (lambda: end(start().norm(variance=-1.0)), "has a negative variance"),
    "no-variance": (lambda: end(start().norm(variance=0.0)), "NaN or infinity"),
    "wide-constant": (
        lambda: end(start().op("Add", np.ones((2, 5)))),
        "its constant [2, 5] is not one number or",
    ),
    "softmax-first-axis": (
        lambda: mlp().op("Softmax", axis=0),
        "is over axis 0; use the channels, the last axis",
    ),
    "softmax-between": (lambda: end(start().op("Softmax", axis=1)), "stands in the middle of the network"),
    "argmax-first-axis": (lambda: mlp().op("ArgMax", axis=0), "ArgMax_0 (ArgMax): is over axis 0"),
    "argmax-last": (
        lambda: mlp().op("ArgMax", axis=1, select_last_index=1),
        "takes the last of equal channels",
    ),
    "argmax-of-floats": (
        lambda: mlp().op("Add", np.arange(4)).op("ArgMax", axis=1, shape=(1,)),
        "Add before it is float and may",
    ),
    "top-smallest": (lambda: top_k(largest=0), "TopK_0 (TopK): ranks the smallest"),
    "top-values": (lambda: top_k(use=0), "TopK_0 (TopK): its values are used; use its indices only"),
    "top-9-of-4": (lambda: top_k(9), "FILE: "),
    "output-times-0": (
        lambda: end(start()).op("Mul", np.arange(4)),
        "an output of the network is multiplied by 0",
    ),
    "nothing-to-build": (lambda: Chain(6).quant(), "nothing of the network is left to build"),
    "one-identity": (lambda: Chain(6).op("Identity"), "FILE: cannot be read as QONNX"),
    "frames-mixed": (lambda: end(Chain(6).op("Flatten", axis=0)), "executing the network fails"),
    "rank-3-norm": (lambda: end(Chain(3, 6).quant().linear(5).norm()), "stands between vectors of 3 axes"),
}


@pytest.mark.parametrize(("network", "text"), NODES.values(), ids=NODES)
def test_node(network, text, tmp_path):
    chain = network()
    ranks = chain.nodes[-1].op_type in ("ArgMax", "TopK") and not chain.at.startswith("a")
    kind = TensorProto.INT64 if ranks else TensorProto.FLOAT
    assert text in refusal(chain, tmp_path, output_type=kind)


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("place", ["weights", "scale", "weights-scale", "gamma", "mean", "variance", "bias"])
def test_number_that_is_none(place, bad, tmp_path):
    value = float(bad)
    chain = {
        "weights": lambda: Chain(6).quant().op("MatMul", np.full((6, 4), value), shape=(4,)),
        "scale": lambda: end(Chain(6).quant(scale=value)),
        "weights-scale": lambda: linear(scale=[value, 1, 1, 1]),
        "gamma": lambda: end(start().norm(gamma=[value, 1, 1, 1, 1])),
        "mean": lambda: end(start().norm(mean=value)),
        "variance": lambda: end(start().norm(variance=value)),
        "bias": lambda: end(start().op("Add", [1, 1, value, 1, 1])),
    }[place]()
    text = refusal(chain, tmp_path)
    assert text.startswith("FILE: ")
    assert f"holds {'NaN' if bad == 'nan' else 'infinity'}; the training has diverged" in text


UNKNOWN = ("Acos", "Acosh", "Asin", "Atan", "Cosh", "IsNaN", "Log", "Reciprocal", "Sinh", "Tan")


@pytest.mark.parametrize("operator", UNKNOWN)
def test_operator_without_layer(operator, tmp_path):
    text = refusal(end(start().op(operator)), tmp_path)
    assert (
        f"network: 1 node cannot be built\n  {operator}_0 ({operator}): no layer implements it; replace it"
        in text
    )
    assert "`levada layers` lists what there is" in text


def einsum():
    chain = Chain(6).quant()
    return chain.op("Einsum", chain.weights(6, 5), equation="ij,jk->ik", shape=(5,))


def lstm():
    chain = Chain(1, 3).quant()
    weights = [np.zeros((1, 8, n), np.float32) for n in (3, 2)]
    return chain.op("LSTM", *weights, hidden_size=2, shape=(1, 1, 2))


OPERATORS = {
    "Einsum": einsum,
    "LSTM": lstm,
    "com.acme.Foo": lambda: end(start().op("Foo", domain="com.acme")),
    "com.acme.Add": lambda: end(start().op("Add", 1.0, domain="com.acme")),
    "NoSuchOperator": lambda: end(start().op("NoSuchOperator")),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_of_another_kind(operator, tmp_path):
    text = refusal(OPERATORS[operator](), tmp_path)
    assert f"({operator}): no layer implements it" in text


def test_all_operators_are_listed(tmp_path):
    chain = end(start().op("Tan").op("Foo", domain="com.acme").op("Log"))
    head, *lines = refusal(chain, tmp_path).splitlines()
    assert head == "FILE: 3 nodes cannot be built"
    assert [line.split("(")[1].split(")")[0] for line in lines] == ["Tan", "com.acme.Foo", "Log"]


def test_all_problems_are_listed(tmp_path):
    chain = end(Chain(6).quant(17).linear(5, bits=9, zero=1.0).op("Tan").quant(scale=-1.0))
    head, *lines = refusal(chain, tmp_path).splitlines()
    assert head == "network: 5 nodes cannot be built"
    assert [line.split(": ")[1].split(";")[0] for line in lines] == [
        "quantizes to 17 bits",
        "its weights have 9 bits",
        "its weights have a zero point",
        "no layer implements it",
        "its scale is not positive",
    ]


def forked_input():
    chain = Chain(6).quant()
    branch = chain.at
    chain.at = "x"
    return chain.op("Relu").second("Add", branch).linear(4)


def forked_output():
    chain = start().quant()
    middle = chain.at
    chain.op("Relu").second("Mul", middle)
    chain.at = middle
    return chain


def test_forked_input_without_a_type(tmp_path):
    text = refusal(forked_input(), tmp_path)
    assert "the input goes to 2 nodes before a quantizer; say what its integers are" in text


def test_nodes_behind_the_output_do_not_matter(tmp_path):
    prepare(forked_output().save(tmp_path / "network.onnx"))


def test_float_input_is_asked_for_with_an_example(tmp_path):
    text = refusal(Chain(6).linear(4), tmp_path)
    assert (
        "MatMul_0 (MatMul): the input reaches no quantizer before it is used; say what its integers are"
        in text
    )
    assert "e.g. --input uint8/255 for 8-bit pixels divided by 255" in text


def test_input_quantized_by_channel(tmp_path):
    text = refusal(end(Chain(6).op("Mul", np.arange(6) + 1.0)), tmp_path)
    assert text.startswith("Quant_1: the input is quantized per channel; say what its integers are")


def test_failure_of_a_pass_names_the_step_and_keeps_the_cause(tmp_path, monkeypatch):
    def broken(model):
        raise ZeroDivisionError("no such thing\nand more")

    from levada import streamline as package

    monkeypatch.setattr(package, "STEPS", (("move scales", package._graph_step(broken)),))
    with pytest.raises(LevadaError) as caught:
        prepare(save(mlp().model(), tmp_path / "network.onnx"))
    assert str(caught.value).startswith(
        "streamlining step 'move scales' fails (ZeroDivisionError: no such thing); "
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
