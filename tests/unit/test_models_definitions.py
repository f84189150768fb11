"""The network definitions of models/: sizes, quantizers, calibration, and the committed files themselves."""

import importlib
import math

import numpy as np
import onnx
import pytest
import torch
from brevitas.nn import QuantConv2d, QuantLinear

from levada import export, models, train
from levada.errors import LevadaError
from levada.train import recipe as recipes
from tests.require_tools import require

calibrate = importlib.import_module("levada.models.blocks.calibrate")
pictures = importlib.import_module("levada.models.blocks.pictures")
quantizers = importlib.import_module("levada.models.blocks.quantizers")
seeded = importlib.import_module("levada.models.seeded")

NAMES = [name for name in models.names() if not name.startswith("tfc-")]
#: One variant a family: weights and products of a frame.
SIZES = {
    "autoencoder-w4a4": (264_192, 264_192),
    "cnv-w1a1": (1_542_848, 59_461_376),
    "digits-w4a4": (8_456, 307_904),
    "dscnn-w4a4": (22_016, 2_656_768),
    "espcn-x2-w8a8": (3_280, 3_358_720),
    "lpyolo-w4a4": (350_696, 153_557_456),
    "mobilenetv1-w4a4": (208_112, 7_489_664),
    "resnet8-w4a4": (77_360, 12_501_632),
    "tinyyolov3-w4a4": (555_084, 188_652_672),
    "xcat-x2-w4a4": (12_204, 12_496_896),
}


def family(name):
    model = models.find(name)
    return importlib.import_module(f"levada.models.{model.family}.{model.family}")


def inputs(name, count=1):
    model = models.find(name)
    return torch.from_numpy(train.as_floats(model, family(name).frames(model.variant, count, 1)))


def sizes(network, frame):
    """Weights, and products of one frame, of all convolutions and matrix products."""
    products = []

    def count(layer, _, output):
        products.append(layer.weight[0].numel() * output[0].numel())

    layers = [m for m in network.modules() if isinstance(m, QuantConv2d | QuantLinear)]
    for layer in layers:
        layer.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(frame)
    return sum(layer.weight.numel() for layer in layers), sum(products)


@pytest.mark.parametrize("name", SIZES)
def test_sizes(name):
    network = family(name).build(models.find(name).variant)
    assert sizes(network, inputs(name)) == SIZES[name]


def test_every_family_is_counted():
    assert {name.split("-")[0] for name in SIZES} == {models.find(name).family for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_samples_can_be_drawn_again(name):
    model = models.find(name)
    with np.load(model.samples) as samples:
        np.testing.assert_array_equal(samples["inputs"], family(name).samples(model.variant))
        expected = samples[f"expected_{model.variant}"]
    assert len(np.unique(expected.reshape(len(expected), -1), axis=0)) == len(expected)


@pytest.mark.parametrize("name", NAMES)
def test_file_is_small_static_and_clean(name):
    model = models.find(name)
    assert model.onnx.stat().st_size < 2_000_000
    proto = onnx.load(model.onnx)
    (shape,) = [info.type.tensor_type.shape for info in proto.graph.input[:1]]
    expected = family(name).samples(model.variant).shape[1:]
    assert tuple(d.dim_value for d in shape.dim) == (1, *expected)
    texts = [proto.doc_string, proto.graph.doc_string, *(node.doc_string for node in proto.graph.node)]
    assert set(texts) == {""}


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "lpyolo" not in name and name != "tinyyolov3-w4a4"]
)
def test_file_gives_what_torch_gave(name):
    model = models.find(name)
    with np.load(model.samples) as samples:
        got = train.execute_all(model.onnx, train.as_floats(model, samples["inputs"]))
        for index, one in enumerate(got):
            expected = samples[f"expected_{model.variant}" + (f"_{index}" if index else "")]
            np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_card_tells_of_every_model(name):
    model = models.find(name)
    card = (model.onnx.parent / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in card


@pytest.mark.parametrize("name", ["resnet8-w2a2", "dscnn-w8a8"])
def test_seeded_networks_are_made_again_bit_by_bit(name, tmp_path):
    model = models.find(name)
    onnx_path, samples = seeded.write(name, tmp_path)
    assert onnx_path.read_bytes() == model.onnx.read_bytes()
    with np.load(samples) as new, np.load(model.samples) as old:
        key = f"expected_{model.variant}"
        np.testing.assert_array_equal(new[key], old[key])


@pytest.mark.parametrize(
    ("layer", "levels"),
    [
        (quantizers.relu(4), np.arange(16) / 4),
        (quantizers.relu(8), np.arange(256) / 64),
        (quantizers.relu(2), np.arange(4) / 2),
        (quantizers.relu(3, 1.0), np.arange(8.0)),
        (quantizers.unsigned(8, 1 / 255), np.arange(256, dtype=np.float32) * np.float32(1 / 255)),
        (quantizers.signed(4, 0.5), np.arange(-7, 8) / 2),
        (quantizers.signed(2, 1.0), [-1, 0, 1]),
        (quantizers.signed(1, 1.0), [-1, 1]),
    ],
)
def test_levels_of_activations(layer, levels):
    values = layer.eval()(torch.linspace(-9, 9, 60001))
    np.testing.assert_allclose(np.unique(values.detach().numpy()), levels, rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_are_integers_times_powers_of_two(bits, per_channel):
    layer = quantizers.conv(3, 8, 3, bits, per_channel=per_channel)
    weight = layer.quant_weight()
    scale = weight.scale.detach().numpy()
    assert scale.size == (8 if per_channel and bits > 2 else 1)
    np.testing.assert_array_equal(np.exp2(np.rint(np.log2(scale))), scale)
    codes = weight.value.detach().numpy() / scale
    np.testing.assert_array_equal(codes, np.rint(codes))
    most = max(1, 2 ** (bits - 1) - 1)
    assert most / 2 <= np.abs(codes).max() <= most
    layer.weight.data.mul_(100)
    quantizers.constrain(layer)
    assert (layer.weight.abs().max() <= 1) == (bits <= 2)


def test_pictures():
    drawn = pictures.draw(3, (3, 20, 30), seed=4)
    assert (drawn.shape, drawn.dtype) == ((3, 3, 20, 30), np.uint8)
    np.testing.assert_array_equal(drawn, pictures.draw(3, (3, 20, 30), seed=4))
    assert all(len(np.unique(picture)) > 10 for picture in drawn)


class TestCalibration:
    def network(self, first):
        conv = quantizers.conv
        return torch.nn.Sequential(
            first,
            conv(3, 8, 3, 4, padding=1),
            torch.nn.BatchNorm2d(8),
            quantizers.relu(8),
            conv(8, 6, 3, 8),
            torch.nn.BatchNorm2d(6),
            quantizers.signed(4, 0.5),
        )

    @pytest.mark.parametrize("divisor", [255, 256])
    def test_normalised_and_clear_of_boundaries(self, divisor):
        torch.manual_seed(3)
        network = self.network(quantizers.unsigned(8, 1 / divisor))
        images = torch.from_numpy(pictures.draw(16, (3, 16, 16), seed=5)).float() / divisor
        calibrate.calibrate(network, images)
        assert not network.training
        with torch.no_grad():
            first = network[:3](images).double()
            second = network[:6](images).double()
        for values in (first, second):
            deviation = values.transpose(0, 1).flatten(1).std(dim=1)
            assert deviation.min() > 0.5
            assert deviation.max() < 2
        # Boundaries of relu(8) are odd multiples of 1/128, those of signed(4, 0.5) odd multiples of 1/4.
        for values, step in ((first, 1 / 64), (second, 0.5)):
            distance = (values / step - 0.5 - (values / step - 0.5).round()).abs().min() * step
            assert distance > 0
            assert divisor == 256 or step == 0.5 or distance > 5e-6  # where float32 is not exact

    def test_order_of_computation_does_not_matter(self):
        torch.manual_seed(6)
        network = self.network(quantizers.unsigned(8, 1 / 256))
        images = torch.from_numpy(pictures.draw(8, (3, 16, 16), seed=7)).float() / 256
        calibrate.calibrate(network, images)
        with torch.no_grad():
            quick = network[:6](images)
            exact = network.double()[:6](images.double())
        assert torch.equal(quick.double(), exact)


def test_large_files_hold_integers_and_mean_the_same(monkeypatch):
    torch.manual_seed(1)
    conv = quantizers.conv
    network = torch.nn.Sequential(
        quantizers.unsigned(8, 1 / 256),
        conv(3, 8, 3, 1),
        torch.nn.BatchNorm2d(8),
        quantizers.relu(4),
        conv(8, 4, 3, 4),
        torch.nn.BatchNorm2d(4),
        quantizers.relu(4),
        conv(4, 2, 3, 8, per_channel=False, bias=True),
    )
    images = torch.from_numpy(pictures.draw(4, (3, 12, 12), seed=2)).float() / 256
    calibrate.calibrate(network, images)
    plain = export.export(network, (1, 3, 12, 12))
    monkeypatch.setattr(export, "_LARGE", 0)
    small = export.export(network, (1, 3, 12, 12))
    assert len(small) < len(plain)
    kinds = [tensor.data_type for tensor in onnx.load_from_string(small).graph.initializer]
    assert kinds.count(onnx.TensorProto.INT8) == 3

    def run(data, path):
        path.write_bytes(data)
        return train.execute(path, images.numpy())

    def both(tmp_path):
        return run(plain, tmp_path / "plain.onnx"), run(small, tmp_path / "small.onnx")

    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        np.testing.assert_array_equal(*both(Path(folder)))


def test_seeded_command(tmp_path, capsys):
    seeded._main(["dscnn-w4a4", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [str(tmp_path / "dscnn-w4a4.onnx"), str(tmp_path / "samples.npz")]
    with pytest.raises(LevadaError, match="model 'dscnn-w9a9' is unknown; did you mean"):
        seeded._main(["dscnn-w9a9"])


def test_classifiers_can_be_trained(monkeypatch, tmp_path):
    """The recipe's loop on a handful of made-up pictures, for a family with residual blocks."""
    require("lightning_fabric")
    data = importlib.import_module("levada.models.data")
    rng = np.random.default_rng(2)
    classes = rng.integers(0, 10, 24)
    images = pictures.draw(24, (3, 32, 32), seed=8)
    dataset = data.Dataset("made up", images[:16], classes[:16], images[16:], classes[16:])
    monkeypatch.setattr(models, "load_data", lambda model: dataset)
    monkeypatch.setattr(recipes, "find", lambda model, path=None: train.Recipe(1, 2, 8, 0.01, 2))
    monkeypatch.chdir(tmp_path)
    lines = []
    trained = train.train("resnet8-w2a2", out=tmp_path, log=lines.append)
    assert trained.onnx == tmp_path / "resnet8-w2a2.onnx"
    assert 0 <= trained.accuracy <= 100
    assert any("epoch 2 of 2, loss" in line for line in lines)
    assert math.isfinite(float(lines[1].rsplit(" ", 1)[1]))
