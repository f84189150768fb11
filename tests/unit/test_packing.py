"""Bytes on a stream: hand-computed ones, and an element-by-element loop for all the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType
from levada_driver.packing import WORD, Stream, Transfer, pack, unpack

from levada.draw import draw_values
from tests.unit.test_datatype import TYPES

INT3, INT12, UINT8 = IntType(3, signed=True), IntType(12, signed=True), IntType(8, signed=False)


def naive(values, stream):
    """The bytes of each beat, element after element, from the low bits up."""
    data = bytearray()
    flat = [int(value) for value in values.reshape(-1)]
    for first in range(0, len(flat), stream.elements):
        word = 0
        for place, value in enumerate(flat[first : first + stream.elements]):
            code = (value + 1) // 2 if stream.dtype.bipolar else value % 2**stream.dtype.bits
            word += code << (place * stream.dtype.bits)
        data += word.to_bytes(-(-stream.elements * stream.dtype.bits // 8), "little")
    return bytes(data)


WIDE = [IntType(63, signed=True), IntType(64, signed=True)]


@pytest.mark.parametrize("dtype", [*TYPES, *WIDE], ids=lambda dtype: dtype.name)
def test_pack_equals_the_loop_and_unpack_undoes_it(dtype):
    @settings(max_examples=5)
    @given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**32 - 1))
    def run(elements, beats, frames, seed):
        stream = Stream(dtype, elements, beats)
        random, shape = np.random.default_rng(seed), (frames, beats * elements)
        if dtype in WIDE:
            values = random.integers(dtype.min, dtype.max, shape, endpoint=True)
        else:
            values = draw_values(random, dtype, shape)
        data = pack(values, stream)
        assert data.shape == (frames, stream.frame_bytes) == (frames, beats * stream.beat_bytes)
        assert data.tobytes() == naive(values, stream)
        assert np.array_equal(unpack(data, stream), values)

    run()


@pytest.mark.parametrize(
    ("stream", "values", "data"),
    [
        # 001, 110, 111 from the low bits up: 1_1111_0001 in two bytes.
        (Stream(INT3, 3, 1), [1, -2, -1], "f101"),
        # One element a beat, so one byte each.
        (Stream(INT3, 1, 3), [1, -2, -1], "010607"),
        (Stream(BIPOLAR, 9, 1), [1, -1, -1, 1, 1, 1, -1, -1, 1], "3901"),
        (Stream(INT12, 2, 2), [0x123, -1, -0x800, 0x456], "23f1ff006845"),
        (Stream(UINT8, 2, 2), [1, 2, 254, 255], "0102feff"),
        (Stream(IntType(16, signed=True), 1, 2), [-2, 0x1234], "feff3412"),
    ],
)
def test_bytes_worked_out_by_hand(stream, values, data):
    packed = pack(np.array([values]), stream)
    assert packed.tobytes().hex() == data
    assert unpack(packed, stream).tolist() == [values]


def test_sizes_of_a_stream():
    stream = Stream(INT3, 3, 5)
    assert (stream.bits, stream.beat_bytes, stream.frame_bytes, stream.size) == (9, 2, 10, 15)


def test_frames_of_any_shape_are_flat_runs():
    stream = Stream(INT3, 4, 3)
    values = draw_values(np.random.default_rng(0), INT3, (2, 3, 2, 2))
    assert np.array_equal(pack(values, stream), pack(values.reshape(2, 12), stream))


def test_padding_is_not_looked_at():
    stream = Stream(INT3, 1, 2)
    assert unpack(np.array([[0xF9, 0xFE]], np.uint8), stream).tolist() == [[1, -2]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.zeros((2, 5)), "a frame has 5 elements, the stream takes 6"),
        (np.zeros((1, 2, 4), np.int64), "a frame has 8 elements, the stream takes 6"),
        (np.array([[0, 0, 0, 0, -5, 1]]), "values from -5 to 1 do not fit INT3"),
        (np.array([[4, 0, 0, 0, 0, 0]]), "values from 0 to 4 do not fit INT3"),
        (np.array([[0.5, 0, 0, 0, 0, 0]]), "values from 0.0 to 0.5 do not fit INT3"),
    ],
)
def test_what_does_not_fit_is_refused(values, text):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared below
        pack(values, Stream(INT3, 2, 3))
    assert str(error.value) == text


def test_zero_is_no_bipolar_value():
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared below
        pack(np.array([[-1, 0, 1]]), Stream(BIPOLAR, 3, 1))
    assert str(error.value) == "values from -1 to 1 do not fit BIPOLAR"


def streams():
    """Streams of small beats and few of them."""
    return st.builds(Stream, st.sampled_from(TYPES), st.integers(1, 20), st.integers(1, 9))


@given(streams(), st.sampled_from([1, 2, 4]), st.integers(0, 4), st.integers(0, 1 << 30))
def test_frames_come_back_from_the_ports(stream, ports, frames, seed):
    transfer = Transfer(stream, ports)
    data = np.random.default_rng(seed).integers(0, 256, (frames, stream.frame_bytes), dtype=np.uint8)
    size = frames * transfer.words * WORD
    memories = [np.full(size + 16, 0xA5, np.uint8) for _ in range(ports)]
    transfer.scatter(data, memories)
    assert np.array_equal(transfer.gather(memories, frames), data)
    assert all((memory[size:] == 0xA5).all() for memory in memories)
    if ports == 1:
        assert np.array_equal(transfer.rows(memories[0], frames), data)


@given(streams(), st.sampled_from([1, 2, 4]))
def test_strobes_cover_a_frame_and_no_more(stream, ports):
    transfer = Transfer(stream, ports)
    whole = WORD * ports * (transfer.words - 1)
    last = [bool(transfer.strobe(port) >> byte & 1) for port in range(ports) for byte in range(WORD)]
    assert last == [index < stream.frame_bytes - whole for index in range(WORD * ports)]
    assert any(last)
