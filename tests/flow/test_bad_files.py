"""Files that hold no network, or a damaged one, or one without fixed shapes: one clear LevadaError each."""

from __future__ import annotations

import contextlib
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from levada import frontend
from levada.errors import LevadaError
from tests.flow.checks import prepare, refusal
from tests.flow.networks import mlp, save

GOOD = mlp(inputs=3, hidden=2, outputs=2).model().SerializeToString()


def test_the_good_one_is_good(tmp_path):
    (tmp_path / "network.onnx").write_bytes(GOOD)
    prepare(tmp_path / "network.onnx")


def test_missing_file(tmp_path):
    with pytest.raises(
        LevadaError, match=r"nowhere.onnx: there is no such file; give an .onnx file or a name"
    ):
        frontend.load(tmp_path / "nowhere.onnx")


def test_folder(tmp_path):
    with pytest.raises(LevadaError, match="there is no such file"):
        frontend.load(tmp_path)


def test_file_that_cannot_be_read(tmp_path, monkeypatch):
    path = save(mlp().model(), tmp_path / "network.onnx")
    monkeypatch.setattr(
        "pathlib.Path.read_bytes", lambda self: (_ for _ in ()).throw(PermissionError(13, "Denied"))
    )
    with pytest.raises(LevadaError, match=r"network.onnx: cannot be read \(Denied\); give a file that can"):
        frontend.load(path)


def zipped(path):
    with zipfile.ZipFile(path / "z.zip", "w") as archive:
        archive.writestr("network.onnx", GOOD)
    return (path / "z.zip").read_bytes()


OTHER_FILES = {
    "text": lambda path: b"This is a text, and nothing but a text.\n" * 20,
    "png": lambda path: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\2\0\0\0" + bytes(range(256)),
    "zip": zipped,
    "zeros": lambda path: bytes(1000),
    "ones": lambda path: b"\xff" * 1000,
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES)
def test_file_of_another_kind(content, tmp_path):
    assert refusal(content(tmp_path), tmp_path).startswith("FILE: is no ONNX file, or only a part of one (")


def test_empty_file(tmp_path):
    assert refusal(b"", tmp_path) == "FILE: holds no network; an ONNX file with at least one node is needed"


@pytest.mark.parametrize("part", [*range(1, 20), *(round(i / 41, 3) for i in range(1, 41))])
def test_truncated_file(part, tmp_path):
    length = part if isinstance(part, int) else int(part * len(GOOD))
    assert refusal(GOOD[:length], tmp_path).startswith("FILE: ")


@given(places=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_file_is_refused_or_loads(places, tmp_path_factory):
    data = bytearray(GOOD)
    for place, value in places:
        data[place] = value
    path = tmp_path_factory.mktemp("damaged") / "network.onnx"
    path.write_bytes(data)
    with contextlib.suppress(LevadaError):  # any other exception fails the test
        prepare(path)


def with_graph(change):
    model = mlp().model()
    change(model.graph)
    return model


def shape_of(graph):
    return graph.input[0].type.tensor_type.shape


def second(values):
    values.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 6]))


SHAPES = {
    "no-nodes": (lambda g: g.ClearField("node"), "holds no network"),
    "two-inputs": (lambda g: second(g.input), "has 2 inputs; levada builds networks with one input"),
    "one-output-twice": (lambda g: second(g.output), "nothing gives the output"),
    "no-input": (lambda g: g.ClearField("input"), "has 0 inputs"),
    "no-shape": (
        lambda g: g.input[0].type.tensor_type.ClearField("shape"),
        "input 'x' has no shape; export it",
    ),
    "rank-0": (lambda g: shape_of(g).ClearField("dim"), "input 'x' has no shape"),
    "named-batch": (
        lambda g: setattr(shape_of(g).dim[0], "dim_param", "N"),
        "[N, 6] has a dynamic batch size",
    ),
    "unset-batch": (lambda g: shape_of(g).dim[0].Clear(), "[?, 6] has a dynamic batch size"),
    "zero-batch": (lambda g: setattr(shape_of(g).dim[0], "dim_value", 0), "[0, 6] has a dynamic batch size"),
    "named-inner": (
        lambda g: setattr(shape_of(g).dim[1], "dim_param", "w"),
        "[1, w] has a dynamic dimension 1",
    ),
    "unset-inner": (lambda g: shape_of(g).dim[1].Clear(), "[1, ?] has a dynamic dimension 1"),
    "batch-4": (
        lambda g: setattr(shape_of(g).dim[0], "dim_value", 4),
        "[4, 6] has batch size 4; export it with 1",
    ),
    "huge": (
        lambda g: setattr(shape_of(g).dim[1], "dim_value", 1 << 40),
        "has 1099511627776 elements; the most is",
    ),
    "double": (lambda g: setattr(g.input[0].type.tensor_type, "elem_type", 11), "input 'x' is no float32"),
    "dangling": (lambda g: g.node[1].input.__setitem__(0, "nothing"), "FILE: "),
    "other-output": (lambda g: setattr(g.output[0], "name", "nothing"), "FILE: "),
}


@pytest.mark.parametrize(("change", "text"), SHAPES.values(), ids=SHAPES)
def test_graph(change, text, tmp_path):
    assert text in refusal(with_graph(change), tmp_path)
