"""Layers with several settings: what they may differ in, how one is chosen, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from levada_driver import Accelerator
from levada_driver import manifest as manifests
from levada_driver import registers as reg
from levada_driver.datatype import BIPOLAR
from levada_driver.errors import DriverError

from levada import joined, nested, writable
from levada.build import settings as files
from levada.errors import LevadaError
from levada.graph import execute
from levada.layer import Folding
from tests.unit import graphs, packages

PIXELS = (2, 3)
NAMES = ("w4", "w3", "w2")


def first(seed):
    return graphs.mvau(np.random.default_rng(seed), 12, 8, graphs.INT4, graphs.UINT4, graphs.UINT4, PIXELS)


def last():
    return graphs.mvau(np.random.default_rng(9), 8, 3, graphs.INT4, graphs.UINT4, None, PIXELS)


def cut(layer, planes, thresholds=None):
    changed = {} if thresholds is None else {"thresholds": thresholds}
    return replace(layer, weights=nested.cut(layer.weights, planes), **changed)


def network(planes, seed=1):
    """A network of which the lower planes of all weights are cut off, with thresholds of the seed."""
    layers = [cut(first(0), planes, first(seed).thresholds), cut(last(), planes)]
    return graphs.chain(layers)


def three():
    """Three settings of one network, the first layer in LUTs and slices, the last one in block RAM."""
    graph = joined.joined([network(0), network(1, 2), network(2, 3)], NAMES)
    foldings = Folding(4, 3, dsp_pe=2, memory="lut"), Folding(3, 2, memory="block")
    pairs = zip(graph.nodes, foldings, strict=True)
    return graphs.connected(graph.with_nodes(tuple(replace(n, folding=f) for n, f in pairs)))


@pytest.fixture(scope="module")
def deploy(tmp_path_factory):
    """The package of one design with three settings, its frames and their golden integers in each."""
    folder = tmp_path_factory.mktemp("package") / "deploy"
    x, golden = packages.write(folder, 4, three(), (*PIXELS, 12), (*PIXELS, 3), settings=NAMES)
    return folder, x, golden.reshape(3, 4, -1)


def test_dropped_planes_are_found():
    weights = first(0).weights
    assert [nested.dropped(weights, nested.cut(weights, planes), 4) for planes in range(4)] == [0, 1, 2, 3]
    assert nested.dropped(weights, weights + 1, 4) is None
    assert nested.cut(np.array([-7, -1, 0, 3, 7]), 2).tolist() == [-8, -4, 0, 0, 4]


def test_a_graph_is_each_of_its_networks():
    graph = three()
    assert graph.settings == 3
    (x,) = graphs.frames(graph, np.random.default_rng(0), 5)
    for setting, apart in enumerate([network(0), network(1, 2), network(2, 3)]):
        got, wanted = (execute(g, x)[g.outputs[0]] for g in (graph.at(setting), apart))
        assert np.array_equal(got, wanted)


@pytest.mark.parametrize("backend", ["rtlsim", "cppsim"])
def test_the_accelerator_is_whichever_is_chosen(deploy, backend):
    folder, x, golden = deploy
    assert not np.array_equal(golden[0], golden[1])
    with Accelerator(folder, backend) as accelerator:
        assert (accelerator.settings, accelerator.setting) == (NAMES, "w4")
        for name in ("w2", "w4", "w3", "w3"):
            accelerator.setting = name
            assert accelerator.setting == name
            number = NAMES.index(name)
            assert np.array_equal(accelerator.run_integers(x), golden[number])
            scale = packages.SCALE[0] * 2**number
            want = golden[number].reshape(4, *PIXELS, 3) * scale + packages.BIAS
            assert np.allclose(accelerator.run(x), want)
        assert accelerator.selftest() == 12
        assert accelerator.setting == "w3"


def test_frames_that_wait_meet_the_setting_they_were_sent_in(deploy):
    folder, x, golden = deploy
    with Accelerator(folder, "rtlsim", batch=2) as accelerator:
        host = accelerator.manifest.host_outputs
        before = [accelerator.submit(x) for _ in range(3)]
        accelerator.setting = "w2"
        for future in before:
            assert np.array_equal(future.result(), host.finish(golden[0])[0])
        assert np.array_equal(accelerator.run_integers(x), golden[2])


def test_a_setting_outlasts_a_reset_and_is_the_first_when_opened(deploy):
    folder, x, golden = deploy
    with Accelerator(folder, "rtlsim") as accelerator:
        accelerator.setting = "w3"
        accelerator._chip.reset()
        assert np.array_equal(accelerator.run_integers(x), golden[1])
        accelerator._backend.write(reg.SETTING, 3)
        assert accelerator._backend.read(reg.SETTING) == 1, "there is no such setting"
        with pytest.raises(DriverError, match=r"net: is in setting 1 where 3 was asked for; does another"):
            accelerator._chip.choose(3)


def test_a_chip_at_work_stays_in_its_setting(deploy):
    """The register does not take a setting while a batch is under way."""
    folder, x, golden = deploy
    with Accelerator(folder, "rtlsim") as accelerator:
        accelerator._jobs.close()
        slot = accelerator._slots[0]
        slot.pack(0, accelerator.manifest.host_input.quantize(x))
        accelerator._chip.start(len(x), [buffer.address for buffer in slot.buffers])
        accelerator._backend.write(reg.SETTING, 1)
        assert accelerator._backend.read(reg.STATUS) & reg.BUSY
        assert accelerator._backend.read(reg.SETTING) == 0
        accelerator._chip.wait()
        assert np.array_equal(accelerator._unpack(slot, len(x)), golden[0])
        accelerator._jobs = accelerator._new_jobs()


def test_a_setting_that_does_not_exist(deploy, tmp_path):
    with (
        Accelerator(deploy[0], "cppsim") as accelerator,
        pytest.raises(DriverError, match=r"net: setting 'w8' is unknown; use one of w4, w3, w2$"),
    ):
        accelerator.setting = "w8"
    packages.write(tmp_path / "plain")
    with Accelerator(tmp_path / "plain", "cppsim") as accelerator:
        assert accelerator.setting is None
        with pytest.raises(DriverError, match=r"tiny: setting 'w4' is unknown; it has one alone$"):
            accelerator.setting = "w4"


def test_the_manifest_lists_settings(deploy):
    read = manifests.read(deploy[0])
    assert [(one.name, one.weight_bits) for one in read.settings] == [("w4", 8), ("w3", 7), ("w2", 6)]


def test_parameters_of_several_settings_are_not_written():
    with pytest.raises(LevadaError, match=r"mvau_0: parameters of this mvau cannot be written; leave it out"):
        writable.opened(three(), ("mvau_0",))


def refused(*layers):
    graph_of = [graphs.chain([layer]) for layer in layers]
    with pytest.raises(LevadaError) as error:
        joined.joined(graph_of, [f"s{number}" for number in range(len(layers))])
    return str(error.value)


def test_what_settings_may_not_differ_in():
    plain = first(0)
    start, end = (
        "mvau_0 (mvau): cannot have the settings s0, s1: ",
        "; build the networks apart, or train them",
    )
    for other, why in (
        (replace(plain, base=1), "base would have to change in setting 1"),
        (
            replace(plain, weights=plain.weights[:, ::-1]),
            "the weights of setting 1 are not the upper planes of those of setting 0",
        ),
        (replace(plain, thresholds=plain.thresholds[:, 1:]), "setting 1 has another number of thresholds"),
    ):
        assert refused(plain, other).startswith(start + why + end)


def test_sums_of_bipolar_inputs():
    plain = graphs.mvau(np.random.default_rng(0), 4, 3, graphs.INT4, BIPOLAR)
    said = refused(plain, cut(plain, 2))
    assert "sums of bipolar inputs without thresholds start from the weights, which would change" in said


def test_layers_of_one_setting():
    random = np.random.default_rng(0)
    one, other = (graphs.thresholding(random, 4, graphs.UINT4, graphs.UINT2) for _ in range(2))
    said = refused(one, other)
    assert said.startswith(
        "thresholding_0 (thresholding): cannot have the settings s0, s1: thresholds would "
    )


def test_networks_that_are_all_the_same():
    said = refused(first(0), first(0))
    assert said == "net: its settings are all the same network; build one of them alone"


def test_networks_of_other_layers():
    with pytest.raises(
        LevadaError, match=r"setting b: has other layers than a \(1 of them\); export both from"
    ):
        joined.joined([network(0), graphs.chain([first(0)])], ["a", "b"])


def test_sums_that_would_grow():
    plain = graphs.Mvau(np.full((3, 9), -7), graphs.INT4, graphs.UINT4)
    wide = [graphs.chain([layer, graphs.Argmax(3, layer.result_type)]) for layer in (plain, plain)]
    other = replace(wide[1].nodes[0], layer=cut(plain, 1))
    with pytest.raises(
        LevadaError, match=r"mvau_0: its sums would have 12 bits .* which argmax_0 does not take"
    ):
        joined.joined([wide[0], wide[1].with_nodes((other, wide[1].nodes[1]))], ["a", "b"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("setting = 1", "setting must be 2 to 16 tables"),
        ("[[setting]]\nname='a'\nonnx='a'", "setting must be 2 to 16 tables"),
        (
            "[[setting]]\nname='a'\nonnx='a'\n[[setting]]\nname='a'\nonnx='b'",
            "two settings have the name 'a'",
        ),
        ("[[setting]]\nname='a'\n[[setting]]\nname='b'\nonnx='b'", "setting.onnx is missing; add it"),
        ("inputs='x'\nsetting=[]", "key inputs is unknown; use one of setting, input"),
        ("[setting", "cannot be read as TOML"),
    ],
)
def test_a_file_of_settings_that_is_none(tmp_path, text, said):
    path = tmp_path / "net.settings.toml"
    path.write_text(text)
    with pytest.raises(LevadaError) as error:
        files.read(path)
    assert said in str(error.value)
