"""What a search leaves in its folder: search.json, its page, and files that a build takes."""

from __future__ import annotations

import itertools
import json
import re
import shlex

import pytest

from levada import boards, models
from levada.cli import app
from levada.errors import LevadaError
from levada.report import searching
from levada.search import result, work
from levada.search.clock import Deadline
from levada.search.context import Search
from levada.search.goal import Goal, budget
from levada.search.hardware import Cost
from levada.search.search import Design, Found, Options
from levada.search.space import space
from levada.search.subject import Subject
from levada.search.trials import storage
from levada.search.workers import Local
from levada.train import Recipe
from levada.train.classification import Classification
from tests.unit import trainings
from tests.unit.test_search import residual

BOARD = boards.load("pynq-z2")
RECIPE = Recipe(0, 3, 16, 0.01)


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Three designs of a small residual network, two of them on the front; their files are their names."""
    model = models.find("tfc-w2a2")
    task = Classification(model, RECIPE, trainings.dataset(60, 20))
    monkeypatch.setattr(work, "_task", lambda model, recipe: task)
    graph = residual()
    own = space(graph, (2, 4), (2, 4), keep=("quant",))
    subject = Subject(model, graph, own, tuple(range(len(own.knobs))))
    search = Search(
        subject,
        Goal(BOARD, budget(BOARD, "lut=8000,dsp=0"), 80.0),
        RECIPE,
        None,
        tmp_path / "it's here",
        designs=3,
        seed=0,
        deadline=Deadline(),
        proposing=Deadline(),
        workers=Local(1),
        storage=storage(str(tmp_path / "trials.log")),
        log=print,
        notes={"rounds": 2, "seconds": {"solving": 1.5}},
    )
    designs = []
    for bits, quality in zip(itertools.product((4, 2), repeat=2), (90.0, 80.0, 85.0), strict=False):
        candidate = own.own.turned(own.knobs[0], bits[0]).turned(own.knobs[1], bits[1])
        place = search.work.place_of(candidate)
        place.mkdir(parents=True)
        (place / work.NETWORK).write_text(str(candidate))
        (place / work.PARTITION).write_text("")
        cost = Cost(1000 * bits[0], 80e3 / bits[0], 2000, 4000, 0, 3, fits=True, gap=0.0)
        designs.append(Design(candidate, quality, 0.5, None, cost, cost))
    options = Options("tfc-w2a2", strategy="uniform", designs=3)
    return Found(options, search, tuple(designs), (0, 2), complete=False, folder=search.folder)


def test_what_is_saved_is_read_again_and_shown(found, capsys):
    report = searching.checked(result.save(found), found.folder)
    assert searching.load(found.folder) == report
    assert (found.folder / searching.PAGE).read_text() == searching.page(report)
    assert json.loads((found.folder / searching.FILE).read_text()) == searching.as_json(report)
    texts = [str(found.designs[index].candidate) for index in (0, 2, 1)]
    assert [design.candidate for design in report.designs] == texts
    assert [design.front for design in report.designs] == [1, 2, None]
    assert {file.name for file in (found.folder / "front").iterdir()} == {
        "tfc-w2a2-1.onnx",
        "tfc-w2a2-2.onnx",
        "1.partition.toml",
        "2.partition.toml",
    }
    assert report.notes == {"rounds": 2}
    assert report.seconds == {"solving": 1.5}
    assert (report.designs[0].cost.share, report.budget.dsp) == (2000 / 8000, 0)


def test_files_of_another_machine_have_no_command(found):
    (found.search.work.place_of(found.designs[2].candidate) / work.NETWORK).unlink()
    report = searching.checked(result.save(found), found.folder)
    assert [design.build is None for design in report.designs] == [False, True, True]
    page = (found.folder / searching.PAGE).read_text()
    assert (page.count("where another machine trained it"), page.count("keeps no files")) == (1, 1)


def test_layers_and_knobs_are_those_of_the_network(found):
    report = searching.checked(result.save(found), found.folder)
    assert [(layer.name, layer.kind) for layer in report.layers][:3] == [
        ("quant", "thresholding"),
        ("cut", "swu"),
        ("conv", "mvau"),
    ]
    reads = {layer.name: layer.reads for layer in report.layers}
    assert (reads["quant"], reads["cut"], reads["add"]) == ((), ("quant",), ("main", "side"))
    assert {layer.name: layer.macs for layer in report.layers}["conv"] == 16 * 36 * 4
    assert report.knobs[2].sites == ("main", "side")
    (row,) = (row for row in report.designs[1].bits if row.site == "conv")
    assert (row.weight, row.activation) == (4, 2)
    page = (found.folder / searching.PAGE).read_text()
    assert page.count("reads main, side") == 3


def test_a_command_is_one_that_levada_knows(found):
    for design in searching.checked(result.save(found), found.folder).front:
        words = shlex.split(design.build)
        assert words[:2] == ["levada", "build"]
        context = app.commands["build"].make_context("levada build", words[2:])
        assert (found.folder / "front" / f"tfc-w2a2-{design.front}.onnx").read_text() == design.candidate
        assert context.params["model"] == str(found.folder / "front" / f"tfc-w2a2-{design.front}.onnx")
        assert context.params["clock_mhz"] == 80.0


def test_notes_that_cannot_be_shown_do_not_lose_the_result(found):
    found.search.notes["seconds"] = {"solving": "long"}
    with pytest.raises(LevadaError, match=re.escape("search.json: not a report: seconds.solving: ")):
        result.save(found)
    assert json.loads((found.folder / searching.FILE).read_text())["seconds"] == {"solving": "long"}
