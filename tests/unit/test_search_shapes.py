"""Searches over shapes: channels and depth beside bit widths."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from levada import boards, cli, models
from levada.errors import LevadaError
from levada.precision import Precision
from levada.report import searching
from levada.search import result
from levada.search.hardware import Evaluator
from levada.search.places import lowered_network
from levada.search.predictor import Predictor
from levada.search.search import search
from levada.search.shapes import shaped
from levada.search.space import Candidate, Dim, Knob, Space
from levada.search.subject import subject
from levada.search.transplant import transplanted
from levada.train.run import write
from tests.require_tools import require
from tests.unit import searches

BOARD, CLOCK = "pynq-z2", 80.0
OWN = Candidate((("one", Precision(8, 8)), ("two", Precision(8))), (("channels", 8), ("depth", 2)))
SPACE = Space(
    "small",
    OWN,
    (
        Knob("weight", ("one",), (2, 8)),
        Knob("activation", ("one",), (4, 8)),
        Knob("weight", ("two",), (2, 8)),
    ),
    dims=(Dim("channels", (4, 8)), Dim("depth", (0, 2))),
    idle=(("depth", 0, (0, 1)),),
)


class TestSpace:
    def test_shapes_are_all_there(self):
        every = [(("channels", c), ("depth", d)) for c in (4, 8) for d in (0, 2)]
        assert SPACE.shapes() == every
        assert Space("flat", OWN, SPACE.knobs).shapes() == [()]

    def test_knobs_without_a_layer_make_no_candidates(self):
        every = list(SPACE.all())
        assert len(every) == len(set(every)) == SPACE.size == 2 * (8 + 2)
        assert len({str(candidate) for candidate in every}) == SPACE.size
        flat = [candidate for candidate in every if dict(candidate.shape)["depth"] == 0]
        assert {candidate.precisions["one"] for candidate in flat} == {Precision(8, 8)}

    def test_texts_are_read_back(self):
        for candidate in SPACE.all():
            assert SPACE.parse(str(candidate)) == candidate
        assert str(SPACE.at_places((0, -1, 0, 0, -1))) == "channels=4,depth=2,one=w2a4,two=w8"
        assert SPACE.parse("depth=0,one=w2a4,two=w2") == SPACE.parse("two=w2,depth=0")

    def test_draws_and_neighbours_are_candidates(self):
        random, every = np.random.default_rng(1), set(SPACE.all())
        for _ in range(20):
            drawn = SPACE.draw(random)
            near = list(SPACE.neighbours(drawn))
            assert {drawn, *near} <= every
            assert drawn not in near

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("width=4", "width is no number that is searched; channels, depth is"),
            ("depth=1", "depth may be 0, 2, not 1"),
            ("depth=two", "is no choice of widths; write SITE=w4a2"),
        ],
    )
    def test_other_numbers_are_refused(self, text, error):
        with pytest.raises(LevadaError, match=error):
            SPACE.parse(text)


@functools.cache
def espcn():
    return subject(
        "espcn-x2-w4a4", BOARD, None, (3, 8), (2, 8), shape={"depth": (0, 1, 2), "channels": (4, 8)}
    )


def test_losses_are_predicted_for_networks_without_a_layer_that_others_have():
    random = np.random.default_rng(0)
    known = [SPACE.draw(random) for _ in range(60)]
    losses = [1 + dict(one.shape)["channels"] / 8 + 1 / (1 + dict(one.shape)["depth"]) for one in known]
    predictor = Predictor(SPACE, known, losses)
    assert predictor.correlation > 0.9
    np.testing.assert_allclose(predictor(known), losses, rtol=0.05)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_widths_go_to_the_layers_that_the_family_gives_them(depth):
    """Of all depths: the hardware of the candidate has the widths of the network that torch builds of it."""
    found, random = espcn(), np.random.default_rng(depth)
    for _ in range(3):
        drawn = found.space.draw(random)
        candidate = found.space.parse(str(drawn.turned(found.space.dims[1], depth)))
        here = shaped(found, candidate.shape, BOARD, CLOCK)
        graph = Evaluator(here.graph, boards.load(BOARD).usable, CLOCK).graph_of(here.local(candidate))
        real = lowered_network(found.model, found.network(candidate), BOARD)
        assert [n.name for n in graph.nodes] == [n.name for n in real.nodes]
        assert [n.layer.precision for n in graph.nodes] == [n.layer.precision for n in real.nodes]
        assert sum(n.layer.macs() for n in graph.nodes) == sum(n.layer.macs() for n in real.nodes)


def test_fewer_channels_take_less():
    found = espcn()
    small, large = found.narrowest, found.uniform(3, 2)
    luts = []
    for candidate in (small, large):
        here = shaped(found, candidate.shape, BOARD, CLOCK)
        evaluator = Evaluator(here.graph, boards.load(BOARD).usable, CLOCK)
        luts.append(evaluator.evaluate(here.local(candidate), 50).lut)
    assert dict(small.shape) == {"channels": 4, "depth": 0}
    assert luts[0] < luts[1]


def test_smaller_networks_begin_with_the_first_channels(tmp_path):
    found = espcn()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        large = found.network(found.widest)
    write(tmp_path / "trained.pt", large.state_dict())
    candidate = found.space.parse("channels=4,depth=1")
    own, widest = found.widths(candidate), found.widths(found.space.widest_of(candidate.shape))
    small = transplanted(found.model, tmp_path / "trained.pt", widest, own)
    parts = dict(small.named_parameters())
    assert parts["layers.middle1.weight"].shape[:2] == (4, 4)
    assert "layers.middle2.weight" not in parts
    for name, value in large.named_parameters():
        if name in parts:
            assert torch.equal(parts[name], value[tuple(map(slice, parts[name].shape))]), name


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ({"width": (4,)}, r"^espcn: has no 'width' to choose; it has channels, depth$"),
        ({"depth": (1, 99)}, r"^espcn: depth=99 cannot be built; choose 0 to 16$"),
        ({"channels": (0,)}, r"^espcn: channels=0 cannot be built; choose 1 to 1024$"),
        ({"channels": ()}, r"^espcn-x2-w4a4: no value is given for channels$"),
    ],
)
def test_shapes_that_the_family_has_not(shape, error):
    with pytest.raises(LevadaError, match=error):
        subject("espcn-x2-w4a4", BOARD, None, (3, 8), (2, 8), shape=shape)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--shape", "conv1"), "--shape 'conv1': write a name and numbers, such as channels=8,16"),
        (("--shape", "conv1=x"), "--shape conv1 'x': write numbers with commas between, such as 2,4,8"),
        (
            ("--shape", "conv1=4,8"),
            "--shape: the strategy integer chooses widths alone; use one of oneshot, uniform",
        ),
    ],
)
def test_mistakes_of_a_user(words, error, capsys):
    assert cli.main(["search", "digits-w4a4", *words]) == 1
    assert error in capsys.readouterr().err


@pytest.mark.parametrize("strategy", ["uniform", "oneshot"])
def test_a_whole_search(monkeypatch, tmp_path, strategy):
    require("lightning_fabric")
    monkeypatch.setattr(models, "load_data", searches.few_images())
    shape = (("conv1", (4, 8)), ("hidden", (8, 16)))
    options = searches.options(tmp_path, strategy=strategy, shape=shape, designs=2, finetune=1)
    found = search(options)
    report = searching.checked(result.save(found), tmp_path)
    assert [dim.name for dim in report.dims] == ["conv1", "hidden"]
    for design in report.front:
        layers = {layer.name: layer for layer in design.layers or report.layers}
        assert set(design.shape) == {"conv1", "hidden"}
        # 3 x 3 on 28 x 28 of one channel, and the last product.
        assert layers["mvau_0"].macs == 28 * 28 * 9 * design.shape["conv1"]
        assert layers["mvau_4"].macs == 10 * design.shape["hidden"]
        assert 0.5 < design.cost.lut / design.predicted.lut < 2
        numbers = " ".join(f"{name}={number}" for name, number in design.shape.items())
        assert numbers in (found.folder / searching.PAGE).read_text()


def test_a_network_without_a_layer_is_trained_and_reported(tmp_path):
    require("lightning_fabric")
    options = searches.options(
        tmp_path,
        model="espcn-x2-w4a4",
        shape=(("channels", (4,)), ("depth", (0, 1))),
        weights=(4,),
        activations=(4,),
        keep=(),
        strategy="uniform",
        designs=4,
        epochs=1,
    )
    found = search(options)
    report = searching.checked(result.save(found), tmp_path)
    weights = {dict(d.shape)["depth"]: sum(row.weight is not None for row in d.bits) for d in report.designs}
    assert weights == {0: 2, 1: 3}
