"""The cost model: terms, samples and coefficients belong together, and the estimates are near the counts."""

from __future__ import annotations

import re
import tomllib

import numpy as np
import pytest
from hypothesis import given
from levada_driver.datatype import IntType

from levada import memory, models, partition, terms
from levada import thresholds as th
from levada.adders import adder_tree
from levada.cost import fit, networks, samples, sampling
from levada.layer import Resources, registered
from levada.terms import Terms
from tests.unit import graphs
from tests.unit.test_golden import KINDS, cases

SAMPLES = samples.read()
BY_FAMILY = fit.by_family(SAMPLES)
COEFFICIENTS = tomllib.loads(terms.FILE.read_text())
# Most error in percent, of a kind on the average and of a single sample: what the model must not fall behind.
# The worst is 9,216 words of weights in LUTs, which Yosys maps as one piece.
MEAN = {"xc7": {"lut": 9, "ff": 11}, "ecp5": {"lut": 24, "ff": 11}}
WORST = {"xc7": {"lut": 19, "ff": 12}, "ecp5": {"lut": 29, "ff": 17}}
# On what all samples take together.
WHOLE = {"lut": 5, "ff": 3}
# The largest coefficient: a LUT of six inputs is four of four inputs.
LARGEST = {"xc7": 2, "ecp5": 6}

kinds = pytest.mark.parametrize("kind", KINDS)
counts = pytest.mark.parametrize("counted", fit.COUNTED)
families = pytest.mark.parametrize("family", MEAN)


def percent(family, kind, counted):
    own = [sample for sample in BY_FAMILY[family] if sample.kind == kind]
    return [100 * abs(fit.error(sample, counted, COEFFICIENTS[family])) for sample in own]


def test_the_coefficients_are_those_that_the_samples_give():
    fitted = {family: fit.fit(own) for family, own in BY_FAMILY.items()}
    assert terms.FILE.read_text() == fit.to_toml(fitted)


@families
def test_coefficients_are_not_negative_and_near_one(family):
    values = [value for own in COEFFICIENTS[family].values() for value in own.values()]
    assert min(values) >= 0
    assert max(values) < LARGEST[family]


@families
@counts
def test_estimates_of_a_kind_are_near_the_counts(counted, family):
    errors = {kind: found for kind in KINDS if (found := percent(family, kind, counted))}
    mean, worst = MEAN[family][counted], WORST[family][counted]
    assert {kind: np.mean(found) for kind, found in errors.items() if np.mean(found) > mean} == {}
    assert {kind: max(found) for kind, found in errors.items() if max(found) > worst} == {}


@families
@counts
def test_estimates_of_all_together_are_near_the_counts(counted, family):
    have = sum(getattr(sample.counted, counted) for sample in BY_FAMILY[family])
    made = sum(fit.estimated(sample, counted, COEFFICIENTS[family]) for sample in BY_FAMILY[family])
    assert 100 * abs(made - have) / have < WHOLE[counted]


def test_slices_and_block_ram_are_exact():
    assert fit.inexact(SAMPLES) == []


def test_ultrascale_has_the_luts_of_the_7_series():
    assert terms.coefficients("xcup") == terms.coefficients("xc7") != terms.coefficients("ecp5")


def test_samples_hold_the_terms_of_today():
    chosen = [sample for sample in SAMPLES if sample.model == "tfc-w1a1"]
    assert chosen
    assert fit.refreshed(chosen) == chosen


@pytest.mark.parametrize("model", networks.known())
def test_estimates_of_whole_networks_are_near_the_counts(model):
    network = networks.read(model)
    assert {
        name: network.percent(name)
        for name in networks.MOST
        if abs(network.percent(name)) > networks.MOST[name]
    } == {}
    estimated, counted = network.estimated, network.counted
    assert (estimated.dsp, estimated.bram18) == (counted.dsp, counted.bram18)


def test_every_network_is_counted():
    assert networks.known() == sorted(models.names())


def test_counts_of_networks_survive_being_written(tmp_path, monkeypatch):
    network = networks.read("tfc-w1a1")
    text = (networks.FOLDER / "tfc-w1a1.jsonl").read_text()
    monkeypatch.setattr(networks, "FOLDER", tmp_path)
    networks.write(networks.refreshed(network))
    assert (tmp_path / "tfc-w1a1.jsonl").read_text() == text


def test_samples_survive_being_written(tmp_path):
    samples.write(reversed(SAMPLES), tmp_path / "again")
    assert (tmp_path / "again").read_text() == samples.FILE.read_text()
    assert samples.read(tmp_path / "none") == []


@kinds
def test_terms_are_not_negative(kind):
    @given(cases(kind))
    def run(case):
        made = case.layer.terms(case.folding)
        every = [*made.lut.values(), *made.ff.values(), made.dsp, made.bram18]
        assert min(every) >= 0
        assert all(type(value) is int for value in every)

    run()


def test_a_term_without_a_coefficient_counts_as_it_is():
    assert "new" not in COEFFICIENTS["ecp5"]["lut"]
    weights = (Terms({"new": 7}) + Terms({"new": 2})).weights("ecp5")
    assert weights == (9, 0)
    assert [terms.rounded(weight) for weight in weights] == [9, 1]


def test_what_terms_take_depends_on_the_family():
    made = Terms({"rom": 10}) + Terms({"rom": 10})
    assert made.weights("ecp5")[0] == pytest.approx(20 * COEFFICIENTS["ecp5"]["lut"]["rom"])
    assert made.weights("xc7")[0] == pytest.approx(20 * COEFFICIENTS["xc7"]["lut"]["rom"])


def test_terms_add_up_by_name():
    made = terms.both(tree=2) * 3 + Terms({"rom": 1}, {"tree": 1}, dsp=1, bram18=2) * 2
    assert made == Terms({"tree": 6, "rom": 2}, {"tree": 8}, 2, 4)


@pytest.mark.parametrize(
    ("words", "bits", "blocks"), [(1024, 18, 1), (2048, 20, 3), (512, 36, 1), (2049, 8, 2), (5000, 3, 2)]
)
def test_blocks_in_the_best_shape(words, bits, blocks):
    assert memory.blocks(words, bits) == blocks


@pytest.mark.parametrize(
    ("words", "bits", "blocks"),
    [(1024, 18, 1), (4096, 5, 2), (5000, 3, 1), (32768, 8, 15), (12800, 6, 5), (9216, 8, 4), (2304, 64, 9)],
)
def test_blocks_of_a_memory_that_is_only_read(words, bits, blocks):
    assert memory.block_rom(words, bits).bram18 == blocks


def test_deep_levels_of_a_search_take_blocks_where_they_are_wanted_there():
    table = np.sort(np.random.default_rng(0).integers(-9000, 9000, (16, 255)), axis=1)
    search = th.search(table, 0, IntType(8, signed=False), -9000, 9000)
    assert search.deep(16) == [1024, 2048]
    assert search.deep(1) == []
    in_luts, in_blocks = (th.search_terms(search, 16, search.width, place) for place in ("lut", "block"))
    assert in_luts.bram18 == 0
    assert in_blocks.bram18 == memory.blocks(1024, search.width) + memory.blocks(2048, search.width)
    assert in_blocks.lut["candidates"] < in_luts.lut["candidates"] / 2


@pytest.mark.parametrize(("depth", "lut", "ff"), [(2, 11, 7), (7, 20, 14), (64, 31, 27), (100, 40, 30)])
def test_control_of_a_fifo(depth, lut, ff):
    made = memory.fifo(depth, 8)
    assert (made.lut["fifo"], made.ff["fifo"]) == (lut, ff)


def test_a_lone_term_of_an_adder_tree_waits_in_shift_registers():
    assert adder_tree(9, 8) == Terms({"tree": 32 + 18 + 10 + 8, "delay": 8}, {"tree": 36 + 20 + 11 + 12})
    assert adder_tree(1, 8) == Terms({"tree": 0, "delay": 0}, {"tree": 0})


def test_low_bits_that_no_threshold_has_are_not_compared():
    coarse, fine = (
        th.search(np.array([thresholds]), 0, IntType(2, signed=False), 0, 255)
        for thresholds in ([64, 128, 192], [63, 127, 191])
    )
    assert (coarse.width, coarse.first_bits, fine.first_bits) == (10, 3, 10)


@kinds
def test_sampling_goes_on_where_it_was(kind):
    offered = [pick for pick in sampling.drawn(kind) if pick.sensible]
    first = list(sampling.Chooser([]).take(offered, kind, 3))
    known = [pick.sample(Resources()) for pick in first[:1]]
    rest = list(sampling.Chooser(known).take(offered, kind, 3))
    assert [pick.key for pick in first[1:]] == [pick.key for pick in rest]
    assert list(sampling.Chooser([pick.sample(Resources()) for pick in first]).take(offered, kind, 3)) == []


def test_no_two_layers_of_a_batch_have_one_name():
    picks = [pick for kind in registered() for pick in sampling.drawn(kind)[:3]] * 2
    made = sampling.batches(picks)
    assert sorted(id(pick) for batch in made for pick in batch) == sorted(id(pick) for pick in picks)
    assert all(len({pick.node.name for pick in batch}) == len(batch) for batch in made)


def test_no_two_layers_of_a_batch_are_of_two_families():
    picks = list(sampling.drawn("fork")[:3])
    made = sampling.batches([*picks, *(pick.on("ecp5") for pick in picks)])
    assert all(len({pick.layer.family for pick in batch}) == 1 for batch in made)


def test_products_with_constants_are_no_samples():
    layer = graphs.mvau(np.random.default_rng(0), 2, 2)
    sensible = {fold.memory: sampling.Pick("m", "n", layer, fold).sensible for fold in layer.foldings()}
    assert sensible == {"lut": True, "block": True, "constant": False}


def test_adapters_and_buffers_are_named_after_their_numbers():
    """By the tensor in front of them and what else tells them apart, in a network as it is counted."""
    graph, fps = sampling.lowered("tfc-w1a1")
    board = sampling.board()
    connected = partition.fold(graph, board.usable, board.clock_mhz, fps).connected
    names = [pick.name for pick in sampling.joined("tfc-w1a1", connected)]
    assert len(set(names)) == len(names) == len(connected.nodes)
    added = [name for name in names if name.startswith(("dwc ", "fifo "))]
    assert added
    tensors = "|".join(map(re.escape, graph.tensors))
    assert all(re.fullmatch(rf"(dwc|fifo) ({tensors}) \d+ \d+", name) for name in added)
