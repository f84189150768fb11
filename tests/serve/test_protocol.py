"""Datatypes on the wire: which one fits a network's input, and what others it holds without loss."""

from __future__ import annotations

import json

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from levada_driver.host import HostInput, HostOutput
from levada_driver.serve import protocol, tensors
from levada_driver.serve.errors import RequestError

FLOATS = HostInput((2,), IntType(2, signed=False), thresholds=np.array([[0.5, 1.5, 2.5]], np.float32))
MODEL = protocol.Model("net", FLOATS, tensors.Spec("input", "FP32", (2,)), ())


def sent(values, datatype):
    """What the model's input is when these come in binary."""
    data = np.asarray(values, tensors.DATATYPES[datatype])
    tensor = {"name": "input", "datatype": datatype, "shape": list(data.shape)}
    tensor["parameters"] = {"binary_data_size": data.nbytes}
    text = json.dumps({"inputs": [tensor]}).encode()
    return protocol.decode(text + data.tobytes(), str(len(text)), MODEL).x


@pytest.mark.parametrize("datatype", tensors.DATATYPES)
def test_whatever_the_input_holds_is_taken(datatype):
    x = sent([[0, 1], [1, 0]], datatype)
    assert x.dtype == np.float32
    assert x.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("values", "datatype", "text"),
    [
        ([[0.1, 0]], "FP64", "there are values that FP32 does not hold; send FP32"),
        ([[2**24 + 1, 0]], "INT32", "there are values that FP32 does not hold; send FP32"),
        ([[np.nan, 0]], "FP64", "input has values that are not numbers"),
        ([[np.inf, 0]], "FP32", "input has values that are not numbers"),
    ],
)
def test_what_it_does_not_hold_is_refused(values, datatype, text):
    with pytest.raises(RequestError) as error:
        sent(values, datatype)
    assert (error.value.status, str(error.value)) == (400, text)


@pytest.mark.parametrize(
    ("kind", "datatype", "other", "fits"),
    [
        (np.int8, "UINT8", -1, False),
        (np.int64, "UINT64", -1, False),
        (np.uint8, "INT8", 255, False),
        (np.uint64, "INT64", 2**63, False),
        (np.float64, "INT64", float("nan"), False),
        (np.float64, "INT8", 0.5, False),
        (np.float64, "INT8", -128.0, True),
        (np.int64, "FP64", 2**53 + 1, False),
        (np.bool_, "UINT8", True, True),
    ],
)
def test_conversions_lose_nothing(kind, datatype, other, fits):
    values = np.array([0, other], kind)
    if fits:
        assert np.array_equal(tensors.converted(values, datatype), values)
    else:
        with pytest.raises(RequestError, match=f"values that {datatype} does not hold"):
            tensors.converted(values, datatype)


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [
        (BIPOLAR, "INT8"),
        (IntType(8, signed=False), "UINT8"),
        (IntType(9, signed=True), "INT16"),
        (IntType(33, signed=False), "UINT64"),
    ],
)
def test_integers_have_the_narrowest_datatype(dtype, datatype):
    assert tensors._narrowest(dtype) == datatype


def test_class_indices_are_integers():
    scale = np.ones(1, np.float32)
    part = HostOutput((1,), IntType(4, signed=False), scale, scale, indices=True)
    assert tensors._output(1, part) == tensors.Spec("output1", "INT64", (1,))
