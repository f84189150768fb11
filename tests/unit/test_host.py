"""What the host does around the accelerator: quantizing exactly, finishing in float32, surviving JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType
from levada_driver.host import HostInput, HostOutput

from levada.draw import draw_type, draw_values, seeded

UINT8, INT4 = IntType(8, signed=False), IntType(4, signed=True)


def as_json(value):
    return type(value).from_json(json.loads(json.dumps(value.to_json())))


@st.composite
def quantizers(draw):
    """A HostInput with one table or one for each element; thresholds of any magnitude, some equal."""
    random = seeded(draw)
    otype = draw_type(draw, 3)
    shape = draw(st.sampled_from([(4,), (2, 3), (1, 2, 2)]))
    full = (otype.max - otype.min) // otype.step
    count = draw(st.integers(1, full))
    rows = draw(st.sampled_from([1, int(np.prod(shape))]))
    table = random.normal(0, 1, (rows, count)) * 10.0 ** random.integers(-30, 30)
    table = np.sort(table.astype(np.float32), axis=1)
    if draw(st.booleans()):
        table[:, -1] = table[:, 0]
        table.sort(axis=1)
    return HostInput(shape, otype, 1, table, otype.max - count * otype.step)


def naive(host, x):
    flat = x.reshape(len(x), -1)
    result = np.zeros(flat.shape, np.int64)
    for frame, element in np.ndindex(flat.shape):
        row = host.thresholds[element if len(host.thresholds) > 1 else 0]
        reached = sum(float(np.float32(flat[frame, element])) >= float(threshold) for threshold in row)
        result[frame, element] = host.base + (2 if host.dtype.bipolar else 1) * reached
    return result


@given(quantizers(), st.integers(0, 2**32 - 1))
def test_quantize_equals_a_loop(host, seed):
    random = np.random.default_rng(seed)
    x = random.choice(host.thresholds.ravel(), (3, *host.shape)) * random.normal(1, 0.5, (3, *host.shape))
    got = host.quantize(x)
    assert got.shape == (3, np.prod(host.shape))
    assert np.array_equal(got, naive(host, x))
    assert host.dtype.holds(got)


@given(quantizers())
def test_at_just_below_and_just_above_every_threshold(host):
    table = np.broadcast_to(host.thresholds, (int(np.prod(host.shape)), host.thresholds.shape[1]))
    inf = np.float32(np.inf)
    for at in table.T:
        for exact in (at, np.nextafter(at, -inf), np.nextafter(at, inf)):
            x = exact.reshape(1, *host.shape)
            assert x.dtype == np.float32
            assert np.array_equal(host.quantize(x), naive(host, x))
    lowest = table[:, 0].reshape(1, *host.shape)
    below = np.nextafter(lowest, -inf)
    assert (host.quantize(below) == host.base).all()
    assert (host.quantize(lowest) > host.base).all()


@given(quantizers(), st.integers(0, 2**32 - 1))
def test_a_quantizer_survives_json_exactly(host, seed):
    back = as_json(host)
    assert (back.shape, back.dtype, back.base) == (host.shape, host.dtype, host.base)
    assert back.thresholds.dtype == np.float32
    assert back.thresholds.tobytes() == host.thresholds.tobytes()


@pytest.mark.parametrize("dtype", [UINT8, INT4, BIPOLAR], ids=lambda d: d.name)
def test_integers_pass_as_they_are(dtype):
    x = draw_values(np.random.default_rng(0), dtype, (5, 2, 3))
    host = as_json(HostInput((2, 3), dtype, divisor=255))
    assert host.divisor == 255
    for kind in (np.int8 if dtype.signed else np.uint8, np.int64, np.float32):
        assert np.array_equal(host.quantize(x.astype(kind)), x.reshape(5, 6))
    assert np.array_equal(host.floats(x), x.astype(np.float32) / np.float32(255))


def test_floats_of_a_quantizer_are_its_input():
    x = np.array([[0.1, 0.2]])
    host = HostInput((2,), UINT8, 1, np.array([[0.5]], np.float32))
    assert host.floats(x).tobytes() == x.astype(np.float32).tobytes()


@pytest.mark.parametrize("frames", [0, 1])
def test_any_number_of_frames(frames):
    for host in (HostInput((2,), UINT8), HostInput((2,), UINT8, 1, np.zeros((2, 3), np.float32))):
        assert host.quantize(np.zeros((frames, 2))).shape == (frames, 2)


TABLE = np.array([[0.5, 1.5]], np.float32)
HUGE = np.array([[2**64 - 1]], np.uint64)  # -1, if its bits were taken for an int64
INTEGERS = "input must be integers of UINT8 (the network's input times 255)"


@pytest.mark.parametrize(
    ("host", "x", "text"),
    [
        (HostInput((2, 3), UINT8), np.zeros((1, 6)), "input has shape [6] a frame, expected [2, 3]"),
        (HostInput((2,), UINT8), np.zeros((2, 2, 1)), "input has shape [2, 1] a frame, expected [2]"),
        (HostInput((2,), UINT8), np.zeros(()), "input has shape [] a frame, expected [2]"),
        (HostInput((1,), UINT8, 255), np.array([[0.25]]), INTEGERS),
        (HostInput((1,), UINT8, 255), np.array([[np.nan]]), INTEGERS),
        (HostInput((1,), UINT8), np.array([[0], [256]]), "input from 0 to 256 does not fit UINT8"),
        (HostInput((1,), UINT8), np.array([[-1.0], [7]]), "input from -1.0 to 7.0 does not fit UINT8"),
        (HostInput((1,), UINT8), np.array([[np.inf]]), "input from inf to inf does not fit UINT8"),
        (HostInput((1,), INT4), np.array([[255]], np.uint8), "input from 255 to 255 does not fit INT4"),
        (HostInput((1,), INT4), HUGE, f"input from {2**64 - 1} to {2**64 - 1} does not fit INT4"),
        (HostInput((2,), BIPOLAR), np.array([[-1, 0]]), "input from -1 to 0 does not fit BIPOLAR"),
        (HostInput((1,), UINT8, 1, TABLE), np.array([[np.nan]]), "input has values that are not numbers"),
        (HostInput((1,), UINT8, 1, TABLE), np.array([[-np.inf]]), "input has values that are not numbers"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_quantized_is_refused(host, x, text):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared below
        host.quantize(x)
    assert str(error.value) == text


@st.composite
def outputs(draw):
    """(HostOutput, integers): one scale or one a channel, with and without softmax."""
    random = seeded(draw)
    dtype = draw_type(draw, 12)
    shape = draw(st.sampled_from([(5,), (2, 2, 3)]))
    scale, bias = (
        random.normal(0, 0.1, draw(st.sampled_from([1, shape[-1]]))).astype(np.float32) for _ in range(2)
    )
    host = HostOutput(shape, dtype, scale, bias, softmax=draw(st.booleans()))
    return host, draw_values(random, dtype, (4, int(np.prod(shape))))


@given(outputs())
def test_finish_equals_a_loop(drawn):
    host, y = drawn
    got = host.finish(y)
    assert got.dtype == np.float32
    assert got.shape == (4, *host.shape)
    channels = host.shape[-1]
    for frame in range(4):
        floats = [
            np.float32(value) * host.scale[c % len(host.scale)] + host.bias[c % len(host.bias)]
            for c, value in ((i % channels, v) for i, v in enumerate(y[frame]))
        ]
        if not host.softmax:
            assert got[frame].ravel().tolist() == [float(value) for value in floats]
            continue
        for first in range(0, len(floats), channels):
            exps = np.exp(np.array(floats[first : first + channels], np.float64))
            want = exps / exps.sum()
            assert np.allclose(got[frame].ravel()[first : first + channels], want, rtol=1e-3, atol=1e-6)


@given(outputs())
def test_an_output_survives_json_exactly(drawn):
    host, y = drawn
    back = as_json(host)
    assert (back.shape, back.dtype, back.softmax, back.indices) == (
        host.shape,
        host.dtype,
        host.softmax,
        host.indices,
    )
    assert back.scale.tobytes() == host.scale.tobytes()
    assert back.bias.tobytes() == host.bias.tobytes()
    assert back.finish(y).tobytes() == host.finish(y).tobytes()
    assert np.array_equal(host.classes(y), host.finish(y).reshape(4, -1).argmax(1))


def test_softmax_of_large_values_does_not_overflow():
    one = np.ones(1, np.float32)
    host = HostOutput((2,), IntType(16, signed=True), 100 * one, 0 * one, softmax=True)
    assert host.finish(np.array([[30000, 30000], [-30000, 30000]])).tolist() == [[0.5, 0.5], [0, 1]]


def test_indices_are_classes_already():
    nothing = np.ones(1, np.float32)
    host = as_json(HostOutput((2,), INT4, nothing, nothing, indices=True))
    y = np.array([[3, 1], [0, 2]])
    assert host.indices
    assert host.finish(y).tolist() == [[3, 1], [0, 2]]
    assert host.finish(y).dtype == np.int64
    assert host.classes(y).tolist() == [3, 0]
