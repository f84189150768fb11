"""The benchmark of methods: selections, cells, and what is kept of them."""

import importlib
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from levada import report
from levada.errors import LevadaError
from levada.train import as_floats, execute, methods
from levada.train.publish import run_torch
from tests import once, qbench
from tests import qbench_page as page
from tests.method_effects import spec, uniform
from tests.qbench import Cell
from tests.require_tools import require
from tests.unit.test_qbench_page import entry, results
from tests.unit.test_report import example


def test_all_is_selected_but_what_is_on_request():
    cells = qbench.selected([], 2, None)
    assert {cell.network for cell in cells} == set(qbench.NETWORKS)
    assert {cell.way for cell in cells} == set(qbench.WAYS) - set(qbench.ON_REQUEST)
    assert {cell.seed for cell in cells} == {1, 2}
    assert {(c.network, c.bits) for c in cells} == {
        (n, b) for n, w in qbench.NETWORKS.items() for b in w.bits
    }
    assert len({cell.key for cell in cells}) == len(cells)


def test_a_selection_names_networks_methods_and_bits():
    cells = qbench.selected(["4/3", "hero", "digits", "baseline"], 1, 7)
    assert cells == [Cell("digits", way, (4, 3), 1, 7) for way in ("baseline", "hero")]


def test_trainings_have_the_epochs_of_the_recipe():
    (cell,) = qbench.selected(["digits", "baseline", "2/2"], 1, None)
    assert (cell.epochs, cell.recipe.epochs) == (4, 4)


def test_an_unknown_word():
    with pytest.raises(
        LevadaError, match=r"^'sag' is no network, no method and no bits; name some of digits, "
    ):
        qbench.selected(["digits", "sag"], 1, None)


def test_methods_of_the_recipe_stay_unless_they_are_excluded():
    own, shifted, hero, saq = (spec(name) for name in ("bn_reestimation", "bias_correction", "hero", "saq"))
    assert qbench.together([own], (saq,)) == (own, saq)
    assert qbench.together([own], (shifted,)) == (shifted,)  # which excludes it
    assert qbench.together([hero], (saq,)) == (saq,)  # which it excludes


def test_each_way_is_a_recipe():
    for name, way in qbench.WAYS.items():
        names = [method.name for method in Cell("digits", name, (2, 2), 1, 1).recipe.methods]
        assert set(names) <= set(methods.names())
        assert len(set(names)) == len(names)
        assert not set(names) & set().union(*(methods.find(one).excludes for one in names))
        assert bool(way.why) == (way.classifiers or way.weights != (1, 8))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Cell("digits", "baseline", (1, 2), 1, 1), None),
        (Cell("digits", "information_retaining", (1, 2), 1, 1), None),
        (
            Cell("digits", "information_retaining", (2, 2), 1, 1),
            "it is for weights of one bit",
        ),
        (Cell("espcn-x2", "distillation", (4, 4), 1, 1), "it learns a teacher's classes"),
        (
            Cell("espcn-x2", "baseline", (2, 2), 1, 1),
            "espcn: weights of layer 0: 2 bits cannot be built; choose 3 to 8",
        ),
    ],
)
def test_what_does_not_exist_says_why(cell, reason):
    assert cell.missing() == reason


def test_a_key_changes_with_all_that_matters(monkeypatch):
    cell = Cell("digits", "saq", (2, 2), 1, 4)
    keys = {Cell("digits", *rest).key for rest in (("saq", (2, 2), 2, 4), ("saq", (2, 2), 1, 5))}
    keys |= {cell.key, Cell("digits", "saq", (2, 3), 1, 4).key, Cell("digits", "baseline", (2, 2), 1, 4).key}
    monkeypatch.setitem(qbench.WAYS, "saq", qbench.Way((spec("saq", radius=0.1),)))
    keys.add(cell.key)
    monkeypatch.setattr(qbench, "LANES", "split")
    keys.add(cell.key)
    assert len(keys) == 7


def test_a_key_does_not_change_with_the_bits_of_other_cells(monkeypatch):
    cell = Cell("digits", "saq", (2, 2), 1, 4)
    before = cell.key
    monkeypatch.setitem(qbench.NETWORKS, "digits", replace(qbench.NETWORKS["digits"], bits=((5, 5),)))
    assert cell.key == before


def test_a_failed_cell_is_kept_and_the_others_go_on(tmp_path, monkeypatch):
    done = []

    def trained(cell, folder):
        done.append(cell.way)
        if cell.way == "saq":
            raise LevadaError("the loss is nan\nat step 3")
        return {"quality": 90.0, "unit": "%"}

    monkeypatch.setattr(qbench, "trained", trained)
    monkeypatch.setattr(qbench, "built", lambda cell, folder: {"lut": 1000})
    cells = qbench.selected(["digits", "saq", "freezing", "2/2"], 1, 1)
    found = once.work(cells, tmp_path, qbench.do)
    assert once.work(cells, tmp_path, qbench.do) == found
    assert done == ["saq", "freezing"]
    assert found[cells[0].key]["failed"] == "LevadaError: the loss is nan"
    assert found[cells[1].key]["quality"] == 90.0


def test_a_cell_goes_on_from_what_is_there(tmp_path, monkeypatch):
    """With the exported network it is not trained again; with its report it is not built again."""

    def never(*_):
        raise AssertionError("done again")

    monkeypatch.setattr(qbench, "fit", never)
    monkeypatch.setattr(qbench.build, "build", never)
    (tmp_path / "quality.json").write_text('{"quality": 98.25, "unit": "%"}')
    cell = Cell("digits", "baseline", (2, 2), 1, 4)
    assert qbench.trained(cell, tmp_path) == {"quality": 98.25, "unit": "%"}
    assert qbench.do(cell, tmp_path)["failed"] == "AssertionError: done again"


def test_quality_is_that_of_the_exported_file(tmp_path, monkeypatch):
    """For a classifier percent of the test images; the network is exported before the task looks at it."""
    cell = Cell("digits", "baseline", (2, 2), 1, 4)
    network = uniform("digits-w4a4", cell.bits).eval()
    seen = []

    class Task:
        unit = "%"

        def tested(self, file):
            seen.append(execute(file, as_floats(cell.model, images)))
            return 12.5

    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), np.uint8)
    monkeypatch.setattr(qbench, "task_of", lambda model, recipe: Task())
    monkeypatch.setattr(qbench, "fit", lambda job: network)
    assert qbench.trained(cell, tmp_path) == {"quality": 12.5, "unit": "%"}
    np.testing.assert_allclose(seen[0], run_torch(network, as_floats(cell.model, images))[0], atol=1e-4)
    assert (tmp_path / "digits-w2a2-baseline-1.onnx").is_file()


def test_quality_of_photographs_is_the_mean_of_their_psnr(tmp_path, monkeypatch):
    require("skimage")
    cell = Cell("espcn-x2", "baseline", (4, 4), 1, 1)
    upscaling = importlib.import_module("levada.models.espcn.upscaling")
    monkeypatch.setattr(qbench, "fit", lambda job: uniform("espcn-x2-w8a8", cell.bits).eval())
    given = []

    def measure(network, factor, *, colour):
        given.append((factor, colour))
        return {"one": (20.0, 30.0), "other": (20.0, 33.0)}

    monkeypatch.setattr(upscaling, "measure", measure)
    assert qbench.trained(cell, tmp_path) == {"quality": 31.5, "unit": "dB"}
    assert given == [(2, False)]


def test_figures_are_those_of_the_report(tmp_path, monkeypatch):
    """As Yosys counts and the RTL runs, not as was estimated."""
    built = []

    def build(options, log):
        built.append(options)
        options.out.mkdir()
        report.save(example(), options.out)

    monkeypatch.setattr(qbench.build, "build", build)
    cell = Cell("digits", "baseline", (2, 2), 1, 4)
    found = qbench.built(cell, tmp_path)
    assert qbench.built(cell, tmp_path) == found
    assert [options.model for options in built] == [str(tmp_path / "digits-w2a2-baseline-1.onnx")]
    counts = {name: found[name] for name in page.COUNTS}
    assert counts == {"lut": 15_100, "ff": 2500, "dsp": 4, "bram18": 300}
    assert (found["cycles"], found["predicted_cycles"], found["fps"]) == (130, 128, 100e6 / 130)
    assert found["levels"]["cppsim"] == [10_000, 0]


def test_a_build_is_for_one_rate_with_lanes_in_luts(tmp_path):
    cell = Cell("espcn-x2", "baseline", (4, 4), 1, 1)
    found = qbench.options(cell, tmp_path)
    assert (found.target_fps, found.lanes, found.input) == (1000, "lut", "uint8/256")
    with np.load(found.data) as frames:
        assert frames["x"].shape == (64, 1, 32, 32)
    assert qbench.options(Cell("digits", "baseline", (4, 4), 1, 1), tmp_path).data == "mnist"


def known_cells(*cells):
    """Written down by an earlier run, built as cells are now."""
    return results(*cells) | {"networks": {name: network.how for name, network in qbench.NETWORKS.items()}}


def test_collected_are_the_cells_and_what_compares_with_them():
    cells = qbench.selected(["digits", "baseline", "information_retaining", "2/2"], 1, 4)
    done = {cells[0].key: entry(key=cells[0].key, seconds=3.0, quality=97.0)}
    known = known_cells(
        entry(quality=11.0),
        entry("saq"),
        entry("freezing", epochs=5),
        entry("forgotten"),
        entry(network="espcn-x2", bits=(4, 4), epochs=60),
    )
    found = qbench.collected(cells, done, known)
    places = [(cell["network"], cell["way"]) for cell in found["cells"]]
    assert places == [
        ("digits", "baseline"),
        ("digits", "saq"),
        ("digits", "information_retaining"),
        ("espcn-x2", "baseline"),
    ]
    assert found["cells"][0] == entry(quality=97.0)
    assert found["cells"][2]["missing"] == "it is for weights of one bit"
    assert list(found["networks"]) == ["digits", "espcn-x2"]


@pytest.mark.parametrize("changed", [{"board": "zc706"}, {"lanes": "split"}])
def test_what_was_built_in_another_way_is_forgotten(changed):
    cells = qbench.selected(["digits", "baseline", "2/2"], 1, 4)
    known = known_cells(entry("saq"))
    assert [cell["way"] for cell in qbench.collected(cells, {}, known)["cells"]] == ["saq"]
    assert qbench.collected(cells, {}, known | changed)["cells"] == []
    known["networks"]["digits"] = known["networks"]["digits"] | {"fps": 1}
    assert qbench.collected(cells, {}, known)["cells"] == []


def test_what_is_not_done_yet_is_left_out():
    found = qbench.collected(qbench.selected(["digits", "baseline", "2/2"], 1, 4), {}, None)
    assert found["cells"] == []
    assert found["networks"] == {}


def test_the_page_of_the_repository_is_that_of_its_numbers():
    """And it has a place for each network."""
    text = (page.DOCS / page.PAGE).read_text()
    for network in qbench.NETWORKS:
        assert f"<!-- {network}: python -m tests.qbench -->" in text
    if found := page.measured():
        assert page.between_marks(text, page.tables(found)) == text
    assert all(f"`{way}`" in text for way in qbench.WAYS)


def test_the_command_writes_what_is_done(tmp_path, monkeypatch):
    """A second run, and one that only writes, do nothing anew."""
    done = []
    monkeypatch.setattr(qbench, "FOLDER", tmp_path / "work")
    monkeypatch.setattr(qbench, "do", lambda cell, folder: done.append(cell.bits) or entry(bits=cell.bits))
    monkeypatch.setattr(page, "write", lambda found: (tmp_path / "found.json").write_text(json.dumps(found)))
    monkeypatch.setattr(page, "measured", lambda: None)
    for more in ([], [], ["3/3", "--write"]):
        monkeypatch.setattr(sys, "argv", ["qbench", "digits", "baseline", "2/2", *more])
        assert qbench.main() == 0
    assert done == [(2, 2)]
    assert [cell["bits"] for cell in json.loads((tmp_path / "found.json").read_text())["cells"]] == [[2, 2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nets"], "'nets' is no network, no method and no bits"),
        (["--seeds", "0"], "--seeds and --epochs need 1 or more"),
        (["--epochs", "0"], "--seeds and --epochs need 1 or more"),
    ],
)
def test_a_faulty_command_line(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["qbench", *arguments])
    with pytest.raises(SystemExit, match="2"):
        qbench.main()
    assert re.search(re.escape(message), capsys.readouterr().err)
