"""The models that come with levada: their descriptions, and the committed files themselves."""

import importlib
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from levada import models, train
from levada.errors import LevadaError

strokes = importlib.import_module("levada.models.tfc.strokes")
data = importlib.import_module("levada.models.data")

NAMES = models.names()
# What is asked of trained networks; the others have tests of their own.
TRAINED = [name for name in NAMES if name.startswith("tfc-")]
QUANTIZERS = {"Quant", "BipolarQuant"}
# Published accuracy of this network with the same bit widths (Brevitas' BNN-PYNQ models), in percent.
PUBLISHED = {"tfc-w1a1": 93.0, "tfc-w1a2": 94.7, "tfc-w2a2": 96.6}
FAMILY = """description = "d"
dataset = "mnist"
input = "uint8/255"
[variants.v1]
accuracy = 90.5
bits = { weight = 1, activation = 2 }
[variants.v2]
"""


def cleaned(name):
    return cleanup_model(ModelWrapper(str(models.find(name).onnx)))


def test_names_and_fields():
    assert {"tfc-w1a1", "tfc-w1a2", "tfc-w2a2"} <= set(NAMES)
    model = models.find("tfc-w1a2")
    assert (model.family, model.variant, model.name) == ("tfc", "w1a2", "tfc-w1a2")
    assert (model.dataset, model.input, model.divisor) == ("mnist", "uint8/255", 255)
    assert model.bits == {"weight": 1, "activation": 2}
    assert {model: 1}[models.find("tfc-w1a2")] == 1  # equal and hashable


def test_unknown_name_lists_what_exists():
    with pytest.raises(LevadaError) as error:
        models.find("tfc-w2a")
    text = str(error.value)
    assert text.startswith("model 'tfc-w2a' is unknown; did you mean tfc-w2a2")
    assert text.endswith(f"known: {', '.join(NAMES)}")
    assert "\n" not in text


def test_looking_up_imports_no_torch():
    code = (
        "import sys; from levada import models; models.find('tfc-w1a1');"
        "print([m for m in ('torch', 'brevitas', 'qonnx', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.fixture
def family(monkeypatch, tmp_path):
    """A family `fam` in a models folder of its own; family(old, new) edits its model.toml."""
    folder = tmp_path / "fam"
    folder.mkdir()
    monkeypatch.setattr(models, "__path__", [str(tmp_path)])

    def write(old="", new="", text=FAMILY):
        assert old in text
        (folder / "model.toml").write_text(text.replace(old, new, 1))
        return folder

    write()
    return write


def test_a_family_of_ones_own(family):
    folder = family()
    assert models.names() == ["fam-v1", "fam-v2"]
    one, two = models.find("fam-v1"), models.find("fam-v2")
    assert (one.accuracy, two.accuracy) == (90.5, None)
    assert one.onnx == folder / "fam-v1.onnx"
    assert one.samples == folder / "samples.npz"
    assert two.bits == {}


def test_a_family_without_data_set(family):
    family('dataset = "mnist"\ninput = "uint8/255"\n')
    model = models.find("fam-v1")
    assert (model.dataset, model.input, model.divisor) == (None, None, 1)
    with pytest.raises(LevadaError, match=r"^fam-v1: has no data set; name one as `dataset`"):
        models.load_data(model)


def test_no_models_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "__path__", [str(tmp_path)])
    with pytest.raises(LevadaError, match="model 'x' is unknown; known: none"):
        models.find("x")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"d"', "d", "cannot be read as TOML ("),
        ('"d"', "3", "description is 3; write one line of text in quotes"),
        ("uint8/255", "uint8", "input is 'uint8'; write TYPE/D with whole numbers"),
        ("uint8/255", "uint8/0", "input is 'uint8/0'; write TYPE/D with whole numbers"),
        ("dataset", "datset", "key datset is unknown; use one of dataset, description, input"),
        (
            "[variants.v1]",
            "[variants.v1]\nbit = 1",
            "key variants.v1.bit is unknown; use one of accuracy, bits",
        ),
        ("90.5", "101", "variants.v1.accuracy is 101; write percent, a number from 0 to 100"),
        ("90.5", "true", "variants.v1.accuracy is True; write percent"),
        ("90.5", "nan", "variants.v1.accuracy is nan; write percent"),
        (
            "weight = 1",
            "weight = 0",
            "variants.v1.bits.weight is 0; write a bit width, a whole number from 1 to",
        ),
        ("weight = 1", "weight = '1'", "variants.v1.bits.weight is '1'; write a bit width"),
        (FAMILY[FAMILY.index("[variants.v1]") :], "", "has no [variants.NAME]; add one table"),
        (
            FAMILY[FAMILY.index("[variants.v1]") :],
            "variants = {a = 1}",
            "variants.a is 1; write a table [variants",
        ),
    ],
)
def test_faulty_model_toml(family, old, new, text):
    folder = family(old, new)
    with pytest.raises(LevadaError) as error:
        models.names()
    assert str(error.value).startswith(f"{folder / 'model.toml'}: {text}")


@pytest.mark.parametrize("name", TRAINED)
def test_onnx_file_is_small_static_and_clean(name):
    path = models.find(name).onnx
    assert path.stat().st_size < 300_000
    proto = onnx.load(path)
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 1, 28, 28]
    assert [d.dim_value for d in proto.graph.output[0].type.tensor_type.shape.dim] == [1, 10]
    texts = [proto.doc_string, proto.graph.doc_string, *(node.doc_string for node in proto.graph.node)]
    assert set(texts) == {""}
    assert not proto.metadata_props
    assert not any(node.metadata_props for node in proto.graph.node)


@pytest.mark.parametrize("name", TRAINED)
def test_cleaned_graph_is_quantized_throughout(name):
    wrapper, bits = cleaned(name), models.find(name).bits
    products = wrapper.get_nodes_by_op_type("MatMul")
    assert len(products) == 4
    for product in products:
        for operand, width in zip(product.input, (bits["activation"], bits["weight"]), strict=True):
            source = wrapper.find_producer(operand)
            if source.op_type == "Transpose":
                source = wrapper.find_producer(source.input[0])
            assert source.op_type == ("BipolarQuant" if width == 1 else "Quant"), product.name
            assert wrapper.get_initializer(source.input[1]) == 1.0
            if width > 1:
                assert wrapper.get_initializer(source.input[2]) == 0.0
                assert wrapper.get_initializer(source.input[3]) == width
                quant = getCustomOp(source)
                assert (quant.get_nodeattr("signed"), quant.get_nodeattr("narrow")) == (1, 1)
    kinds = {node.op_type for node in wrapper.graph.node}
    assert kinds <= QUANTIZERS | {"Reshape", "Mul", "Sub", "Transpose", "MatMul", "BatchNormalization"}


@pytest.mark.parametrize("name", TRAINED)
def test_samples_hold_torchs_logits(name):
    model = models.find(name)
    with np.load(model.samples) as samples:
        assert samples["inputs"].dtype == np.uint8
        expected = samples[f"expected_{model.variant}"]
        assert (expected.shape, expected.dtype) == ((len(samples["inputs"]), 10), np.float32)
        got = train.execute(model.onnx, train.as_floats(model, samples["inputs"]))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert len(np.unique(expected, axis=0)) > 8  # the samples do tell inputs apart


def test_samples_can_be_drawn_again():
    with np.load(models.find("tfc-w2a2").samples) as samples:
        assert sorted(samples.files) == ["expected_w1a1", "expected_w1a2", "expected_w2a2", "inputs"]
        np.testing.assert_array_equal(samples["inputs"], strokes.draw(16, seed=1))


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_strokes(count, seed):
    images = strokes.draw(count, seed)
    assert (images.shape, images.dtype) == ((count, 1, 28, 28), np.uint8)
    np.testing.assert_array_equal(images, strokes.draw(count, seed))
    assert all(image.max() == 255 and image.min() == 0 for image in images)
    np.testing.assert_array_equal(images[:1], strokes.draw(1, seed))


@pytest.mark.parametrize("name", TRAINED)
def test_no_value_lies_on_a_rounding_boundary(name):
    """The numbers before each quantizer keep clear of the values where float noise would decide."""
    model, wrapper = models.find(name), cleaned(name)
    with np.load(model.samples) as samples:
        inputs = train.as_floats(model, samples["inputs"])
    wrapper = wrapper.transform(ChangeBatchSize(len(inputs))).transform(InferShapes())
    context = execute_onnx(wrapper, {wrapper.graph.input[0].name: inputs}, return_full_exec_context=True)
    boundaries = np.array([0.0] if model.bits["activation"] == 1 else [-0.5, 0.5])
    before = [n.input[0] for n in wrapper.graph.node if n.op_type in QUANTIZERS and n.input[0] in context]
    activations = [name for name in before if wrapper.get_initializer(name) is None]
    assert len(activations) == 4
    for tensor in activations:
        assert np.abs(context[tensor][..., None] - boundaries).min() > 1e-5, tensor


@pytest.mark.parametrize("name", TRAINED)
def test_thresholds_keep_clear_of_integers(name):
    """Solved for the accumulator, each batch normalisation meets a boundary between two integers."""
    model, wrapper = models.find(name), cleaned(name)
    boundaries = np.array([0.0] if model.bits["activation"] == 1 else [-0.5, 0.5])
    norms = wrapper.get_nodes_by_op_type("BatchNormalization")
    assert len(norms) == 3
    for norm in norms:
        scale, bias, mean, var = (wrapper.get_initializer(i).astype(np.float64) for i in norm.input[1:])
        epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
        at = mean[:, None] + (boundaries - bias[:, None]) * (np.sqrt(var + epsilon) / scale)[:, None]
        assert np.abs(at - np.rint(at)).min() > 1e-4, norm.name


@pytest.mark.parametrize("name", TRAINED)
def test_card_states_the_accuracy_of_model_toml(name):
    model = models.find(name)
    card = (model.onnx.parent / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{name}` \|.*\| ([0-9.]+) % \|$", card, re.MULTILINE)
    assert row, f"README.md has no row of {name}"
    assert float(row[1]) == model.accuracy
    assert model.accuracy >= PUBLISHED[name]


@pytest.mark.parametrize("name", TRAINED)
def test_measured_accuracy(name):
    model = models.find(name)
    try:
        dataset = models.load_data(model)
    except data.UnavailableError as error:
        pytest.skip(str(error))
    accuracy, logits = train.measure(model.onnx, model, dataset)
    assert logits.shape == (10000, 10)
    assert round(accuracy, 2) == model.accuracy
