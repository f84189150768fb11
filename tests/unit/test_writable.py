"""Weights and thresholds that are written while a design runs: which layers can, and that they arrive."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from levada_driver import Accelerator
from levada_driver import manifest as manifests
from levada_driver.datatype import BIPOLAR, IntType
from levada_driver.errors import DriverError
from levada_driver.parameters import Parameters, differing

from levada import writable
from levada.draw import draw_values
from levada.errors import LevadaError
from levada.graph import execute
from levada.layer import Folding, registered
from tests.unit import graphs, packages

Vvau = registered()["vvau"]
PIXELS = (2, 3)
# In LUTs and in block RAM, with rows of one word and of several, in slices, with searches that take turns.
FOLDINGS = (
    Folding(4, 3, memory="lut"),
    Folding(8, 8, memory="block", thresholds="lut"),
    Folding(4, 1, memory="block"),
    Folding(8, 4, dsp_pe=4, memory="lut"),
    Folding(3, 2, memory="lut"),
)


def vvau(random, channels, taps, atype, otype):
    """A VVAU over windows of `taps` pixels."""
    weights = draw_values(random, graphs.INT4, (channels, taps))
    plain = Vvau(weights, graphs.INT4, atype, PIXELS, channels)
    low, high = plain.row_range
    thresholds = graphs.table(random, channels, otype, low.min() // 4, high.max() // 4)
    return replace(plain, thresholds=thresholds, base=otype.min, otype=otype)


def mvau(random, mw, mh, wtype, atype, otype):
    """An MVAU with thresholds where most sums are."""
    plain = graphs.mvau(random, mw, mh, wtype, atype, None, PIXELS)
    low, high = plain.row_range
    thresholds = graphs.table(random, mh, otype, low.min() // 4, high.max() // 4)
    return replace(plain, thresholds=thresholds, base=otype.min, otype=otype)


def layers(random):
    """Every coding of operands, with thresholds but at the end."""
    signed = IntType(4, signed=True)
    return [
        mvau(random, 12, 8, BIPOLAR, graphs.UINT4, BIPOLAR),
        mvau(random, 8, 24, BIPOLAR, BIPOLAR, graphs.UINT4),
        vvau(random, 8, 3, graphs.UINT4, signed),
        mvau(random, 8, 16, graphs.INT8, signed, signed),
        graphs.mvau(random, 16, 3, graphs.INT2, signed, None, PIXELS),
    ]


def network(seed, name="net", wanted=(writable.ALL,)):
    """A graph with the parameters of this seed."""
    folded = graphs.chain(layers(np.random.default_rng(seed)), name=name)
    opened = writable.opened(folded, wanted)
    nodes = tuple(replace(n, folding=f) for n, f in zip(opened.nodes, FOLDINGS, strict=True))
    return graphs.connected(opened.with_nodes(nodes))


def parameters(graph, manifest, frames=4):
    """What puts this graph in the place of another."""
    x = np.random.default_rng(7).integers(0, 16, (frames, *PIXELS, 12))
    (golden,) = (execute(graph, x)[name].reshape(frames, -1) for name in graph.outputs)
    words = writable.words(graph).astype(np.uint32)
    hosts = manifest.host_input, manifest.host_outputs
    return Parameters(graph.name, writable.forms(graph), words, *hosts, x, golden)


@pytest.fixture(scope="module")
def deploy(tmp_path_factory):
    """The package of one network."""
    folder = tmp_path_factory.mktemp("package") / "deploy"
    packages.write(folder, 4, network(0), (*PIXELS, 12), (*PIXELS, 3))
    return folder


def saved(path, graph, deploy):
    parameters(graph, manifests.read(deploy)).save(path)
    return path


def test_the_chip_becomes_another_network_and_itself_again(deploy, tmp_path):
    other, own = (saved(tmp_path / f"{seed}.npz", network(seed), deploy) for seed in (1, 0))
    with Accelerator(deploy, "rtlsim") as accelerator:
        x, golden = accelerator.samples()
        assert len(np.unique(golden.reshape(-1, 3), axis=0)) > 4, "inputs make a difference"
        assert accelerator.selftest() == 4
        accelerator.load(other)
        assert accelerator.selftest() == 4
        assert not np.array_equal(accelerator.run_integers(x), golden)
        accelerator.load(own)
        assert np.array_equal(accelerator.run_integers(x), golden)


def test_words_do_not_meet():
    """Of no two memories' words is the address the same."""
    words = writable.words(network(0))
    assert len(np.unique(words[:, 0])) == len(words)
    assert words[:, 0].min() == 1 << 24
    assert words[:, 1].min() >= 0
    assert words[:, 1].max() < 1 << 32


def test_frames_that_wait_meet_the_weights_they_were_sent_with(deploy, tmp_path):
    other = saved(tmp_path / "other.npz", network(1), deploy)
    with Accelerator(deploy, "rtlsim", batch=2) as accelerator:
        x, golden = accelerator.samples()
        before = [accelerator.submit(x) for _ in range(3)]
        accelerator.load(other)
        host = accelerator.manifest.host_outputs
        for future in before:
            assert np.array_equal(future.result(), host.finish(golden)[0])


def test_a_network_of_another_form(deploy, tmp_path):
    found = parameters(network(0), manifests.read(deploy))
    wrong = replace(found, name="wide", forms={**found.forms, "mvau_1": "0" * 16})
    path = tmp_path / "wrong.npz"
    wrong.save(path)
    with (
        Accelerator(deploy, "rtlsim") as accelerator,
        pytest.raises(
            DriverError,
            match=r"wide: is for another accelerator than net \(differs in mvau_1\); make the parameters",
        ),
    ):
        accelerator.load(path)


@pytest.mark.parametrize("text", [b"", b"no archive", b"PK\x03\x04 half"])
def test_a_file_that_is_none(deploy, tmp_path, text):
    path = tmp_path / "broken.npz"
    path.write_bytes(text)
    with (
        Accelerator(deploy, "rtlsim") as accelerator,
        pytest.raises(DriverError, match=r"broken\.npz: cannot be read as parameters \(.*\); make it with"),
    ):
        accelerator.load(path)


def test_words_that_do_not_arrive(deploy, tmp_path):
    """The checksum shows a word that the accelerator did not get; the next load is right."""
    other = saved(tmp_path / "other.npz", network(1), deploy)
    with Accelerator(deploy, "rtlsim") as accelerator:
        write, left = accelerator._backend.write, [100]

        def lossy(offset, value):
            left[0] -= 1
            if left[0] != 0:
                write(offset, value)

        accelerator._backend.write = lossy
        with pytest.raises(DriverError, match=r"the parameters of net did not arrive whole \(checksum 0x"):
            accelerator.load(other)
        accelerator._backend.write = write
        accelerator.load(other)
        assert accelerator.selftest() == 4


def test_cppsim_says_that_it_cannot(deploy, tmp_path):
    other = saved(tmp_path / "other.npz", network(1), deploy)
    with (
        Accelerator(deploy, "cppsim") as accelerator,
        pytest.raises(DriverError, match="cppsim has the parameters of the build; use backend='rtlsim'"),
    ):
        accelerator.load(other)


def test_a_design_whose_parameters_are_fixed(tmp_path):
    packages.write(tmp_path / "deploy")
    found = parameters(network(0), manifests.read(tmp_path / "deploy"))
    buffer = io.BytesIO()
    found.save(buffer)
    (tmp_path / "w.npz").write_bytes(buffer.getvalue())
    with (
        Accelerator(tmp_path / "deploy", "cppsim") as accelerator,
        pytest.raises(
            DriverError, match="tiny: its parameters cannot be written; build it with --runtime-weights"
        ),
    ):
        accelerator.load(tmp_path / "w.npz")


def test_forms_differ_where_the_hardware_would():
    assert writable.forms(network(0)) == writable.forms(network(1, "other"))
    fixed = network(1, wanted=("mvau_0", "vvau_0"))
    assert "mvau_1" in differing(writable.forms(network(0)), writable.forms(fixed))
    alike = network(0, wanted=("mvau_0", "vvau_0"))
    assert differing(writable.forms(alike), writable.forms(fixed)) == ["mvau_1", "mvau_2", "mvau_3"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("mvau_7", "--runtime-weights mvau_7: no such layer in mlp; it has mvau_0, mvau_1, thresholding_0"),
        ("thresholding_0", "thresholding_0: parameters of this thresholding cannot be written; leave it out"),
    ],
)
def test_layers_that_cannot(wanted, said):
    with pytest.raises(LevadaError, match=said):
        writable.opened(graphs.mlp(), (wanted,))


def test_sums_that_would_grow():
    layer = graphs.Mvau(np.ones((3, 4), np.int64), graphs.INT4, graphs.UINT2)
    graph = graphs.chain([layer, graphs.Argmax(3, layer.result_type)])
    said = "mvau_0: its sums would have 8 bits, which argmax_0 does not take; leave it out"
    with pytest.raises(LevadaError, match=said):
        writable.opened(graph, ("mvau_0",))


def test_a_network_without_any_such_layer():
    layer = graphs.thresholding(np.random.default_rng(0), 4, graphs.UINT4, graphs.UINT2)
    with pytest.raises(LevadaError, match="--runtime-weights: net has no layer that can; leave it out"):
        writable.opened(graphs.chain([layer]), (writable.ALL,))
