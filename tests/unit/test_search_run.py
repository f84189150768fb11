"""Whole searches: what they leave behind, interruptions, mistakes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from levada import boards, cli, cost, models, partition
from levada.build import Options as BuildOptions
from levada.build import lowered
from levada.errors import LevadaError
from levada.search import annealed, clock, probes, result
from levada.search import search as searching
from levada.search.clock import TimeUpError
from levada.search.places import lowered_network
from levada.search.search import search
from levada.search.subject import subject
from levada.train.classification import Classification
from levada.train.task import wide_family_of
from tests.require_tools import require
from tests.unit import searches

ROOT = Path(__file__).parents[2]
TIMES = {"seconds"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few images, and the same subject for all searches with the same widths."""
    require("lightning_fabric")
    monkeypatch.setattr(models, "load_data", searches.few_images())
    monkeypatch.setattr(searching, "subject", searches.remembering(subject))


def run(folder, **others):
    """Runs a search and saves it: what it found and its JSON."""
    found = search(searches.options(folder, **others))
    return found, result.save(found)


def lasting(json_):
    """What has to be the same on each run."""
    return {key: value for key, value in json_.items() if key not in TIMES}


@pytest.fixture(scope="module", params=["uniform", "integer", "oneshot", "stochastic", "bitlevel"])
def searched(request, tmp_path_factory):
    """A finished search, made in a process of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run(
        [sys.executable, "-m", "tests.unit.searches", folder, "0", request.param], check=True, cwd=ROOT
    )
    return request.param, folder, json.loads((folder / "out" / result.FILE).read_text(encoding="utf-8"))


def test_the_front_is_ready_to_be_built(searched):
    _, _, found = searched
    front = [design for design in found["designs"] if design["front"]]
    assert [design["front"] for design in front] == list(range(1, len(front) + 1))
    assert front
    board = boards.load("pynq-z2")
    for design in front:
        words = shlex.split(design["build"])
        assert words[:2] == ["levada", "build"]
        made = lowered(BuildOptions(words[2], samples=1, input="uint8/255")).graph
        bits = {node.name: str(node.layer.precision) for node in made.nodes}
        wanted = dict(part.split("=") for part in design["candidate"].split(","))
        assert {site: bits[site] for site in wanted} == wanted
        foldings = partition.from_toml(Path(words[words.index("--partition") + 1]))
        folded = partition.with_foldings(made, foldings)
        used = cost.total(folded, board.usable)
        took = design["cost"]
        assert took["fits"]
        assert took["lut"] <= found["budget"]["lut"] == 7980
        # Without the FIFOs, which come on top.
        assert 0.7 * took["lut"] < used.lut <= took["lut"]
        assert used.dsp == took["dsp"]


def test_designs_off_the_front_are_beaten(searched):
    _, _, found = searched
    front = [design for design in found["designs"] if design["front"]]
    for design in found["designs"]:
        better = [
            other
            for other in front
            if other["quality"] >= design["quality"] and other["cost"]["fps"] >= design["cost"]["fps"]
        ]
        assert better
    assert [d["quality"] for d in front] == sorted((d["quality"] for d in front), reverse=True)


@pytest.mark.parametrize("step", [7, 25])
def test_a_killed_search_ends_with_the_same_result(searched, tmp_path, step):
    """In the first training, after its first epoch, and in a later one."""
    strategy, _, whole = searched
    command = [sys.executable, "-m", "tests.unit.searches", tmp_path, str(step), strategy]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / result.FILE).exists()
    _, again = run(tmp_path, strategy=strategy)
    moved = json.loads(json.dumps(lasting(again)).replace(str(tmp_path), ""))
    folder = str(searched[1])
    assert moved == json.loads(json.dumps(lasting(whole)).replace(folder, ""))


def test_sensitivities_are_told(searched):
    strategy, _, found = searched
    if strategy != "integer":
        assert "sensitivities" not in found
        return
    rows = found["sensitivities"]
    assert [row["knob"] for row in rows][:2] == ["activations of thresholding_0", "weights of mvau_0"]
    assert all(row["loss"]["4"] == 0.0 <= row["loss"]["2"] for row in rows)
    assert any(row["loss"]["2"] > 0 for row in rows)


@pytest.mark.parametrize("source", ["hessian", "gradient"])
def test_sensitivities_of_other_sources_are_remembered(tmp_path, monkeypatch, source):
    settings = (("sensitivity", source), ("batches", "2"), ("vectors", "3"))
    _, first = run(tmp_path, settings=settings)
    rows = first["sensitivities"]
    assert first["sensitivity"] == source
    assert all(row["loss"]["4"] == 0.0 < row["loss"]["2"] for row in rows)

    def again(*arguments):
        raise AssertionError("they are known")

    monkeypatch.setattr(probes, "transplanted", again)
    assert lasting(run(tmp_path, settings=settings)[1]) == lasting(first)


def test_what_the_supernet_is_worth_is_told(searched):
    strategy, _, found = searched
    if strategy != "oneshot":
        assert "rounds" not in found
        return
    # Of 16 candidates four have the same widths everywhere, and ten are drawn; then those that survive.
    first, second = found["rounds"]
    assert 4 < first["scored"] <= second["scored"] == found["subnets"] <= 16
    assert all(one["correlation"] is None or -1 <= one["correlation"] <= 1 for one in (first, second))
    assert found["evaluated"] >= found["subnets"]
    assert set(found["seconds"]) == {"supernet", "scores", "predictor", "evolution", "costs"}


def test_learned_widths_are_told(searched):
    strategy, _, found = searched
    if strategy not in {"stochastic", "bitlevel"}:
        assert not {"stochastic", "bitlevel"} & found.keys()
        return
    rungs = found[strategy]
    assert len(rungs) == 3
    assert [rung["interval"] for rung in rungs] == sorted((r["interval"] for r in rungs), reverse=True)
    for rung in rungs:
        assert rung["true"] <= rung["share"] == 1.0
        assert 0.3 < rung["expected"] < 3.0
        assert list(rung["probabilities"])[:2] == ["activations of thresholding_0", "weights of mvau_0"]
        for own in rung["probabilities"].values():
            assert list(own) == ["2", "4"]
            assert sum(own.values()) == pytest.approx(1.0, abs=1e-5)
    proposed = {rung["candidate"] for rung in rungs}
    assert {design["candidate"] for design in found["designs"]} == proposed
    for design in found["designs"]:
        slowest = max(r["interval"] for r in rungs if r["candidate"] == design["candidate"])
        assert design["predicted"]["cycles"] <= slowest
    assert set(found["seconds"]) == {"costs of layers", "training", "settling"}


def test_time_that_is_over_keeps_what_is_trained(tmp_path):
    first, _ = run(tmp_path, strategy="uniform", designs=1)
    begun = time.time()
    found, json_ = run(tmp_path, strategy="uniform", time="0.01s", epochs=2)
    assert not json_["complete"]
    assert time.time() - begun < 60
    assert [str(design.candidate) for design in found.designs] == [str(first.designs[0].candidate)]


def test_time_for_proposals_that_is_over_is_none_for_the_weights_of_designs(tmp_path, monkeypatch):
    monkeypatch.setattr(clock.Deadline, "part", lambda whole, share: clock.Deadline(1.0))
    _, json_ = run(tmp_path, strategy="uniform", designs=1, finetune=1, time="1h")
    assert json_["complete"]


@pytest.mark.parametrize("strategy", ["uniform", "oneshot"])
def test_machines_with_folders_of_their_own_share_a_storage(tmp_path, strategy):
    """The second one knows results of the first, but has none of its files; it trains more designs."""
    storage = str(tmp_path / "shared.log")
    one, other, alone = (tmp_path / name for name in ("one", "other", "alone"))
    for folder in (one, other, alone):
        folder.mkdir()
    ran = {"strategy": strategy, "finetune": 1}
    _, first = run(one, storage=storage, designs=1, **ran)
    _, both = run(other, storage=storage, **ran)
    _, whole = run(alone, **ran)
    assert len(both["designs"]) > len(first["designs"]) == 1

    def told(json_):
        designs = [{k: v for k, v in design.items() if k != "build"} for design in json_["designs"]]
        return lasting(json_) | {"designs": designs}

    assert told(both) == told(whole)
    assert told(run(one, storage=storage, **ran)[1]) == told(whole)


def test_time_that_is_over_before_anything_is_trained(tmp_path):
    with pytest.raises(LevadaError) as error:
        search(searches.options(tmp_path, strategy="integer", time="1s"))
    assert str(error.value).startswith(
        "digits-w4a4: the time (1s) was over before a design was trained; the same command goes on from here;"
    )


def test_time_that_is_over_while_widths_are_learned_keeps_the_rungs_that_are_done(tmp_path, monkeypatch):
    class Late(clock.Stopwatch):
        def epoch_start(self, run):
            if run.epoch == 1:
                raise TimeUpError("the time is over")

    monkeypatch.setattr(annealed, "Stopwatch", Late)
    found, json_ = run(tmp_path, strategy="bitlevel")
    assert len(json_["bitlevel"]) == len(found.designs) == 1
    assert not json_["complete"]


def test_a_budget_that_nothing_fits(tmp_path):
    with pytest.raises(LevadaError) as error:
        search(searches.options(tmp_path, budget="lut=900"))
    said = str(error.value)
    assert said.startswith("digits-w4a4: not even the narrowest candidate fits, thresholding_0=a2,mvau_0=w2")
    assert "lut: " in said
    assert " of 900, " in said


def test_a_rate_that_nothing_reaches(tmp_path):
    with pytest.raises(LevadaError, match=r"not even the narrowest candidate fits.*2e\+07 FPS"):
        search(searches.options(tmp_path, target_fps=2e7))


def test_a_rate_and_a_budget(tmp_path):
    found, json_ = run(tmp_path, target_fps=20000.0, strategy="uniform", designs=2)
    assert all(design.cost.fps >= 20000 for design in found.designs)
    assert json_["target_fps"] == 20000.0
    efforts = [found.search.goal.share(found.designs[index].cost) for index in found.front]
    assert efforts == sorted(efforts, reverse=True)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"model": "tfc-w2a2"}, "tfc-w2a2: the family tfc has no widths to choose; give its module"),
        ({"model": "digits"}, "model 'digits' is unknown; did you mean"),
        ({"keep": ("mvau_9",)}, "mvau_9: no such site in digits_w4a4; it has thresholding_0, mvau_0"),
        ({"weights": (9,)}, "weights of 9 bits cannot be searched; choose 1 to 8"),
        ({"activations": (1,), "weights": ()}, "digits-w4a4: there is no bit width to choose: "),
        ({"strategy": "magic"}, "strategy 'magic' is unknown; known: "),
        ({"board": "pynq-z3"}, "board 'pynq-z3' is unknown; did you mean"),
        ({"designs": 0}, "--designs: at least 1 design is needed"),
        ({"time": "soon"}, "--time 'soon' is no time; write 90s, 30m or 1.5h"),
        ({"budget": "all"}, "--budget 'all' is no budget; write 15% or some of lut="),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes(tmp_path, others, said):
    with pytest.raises(LevadaError) as error:
        search(searches.options(tmp_path, **others))
    assert str(error.value).startswith(said)
    assert not (tmp_path / "out").exists()


def test_loss_that_is_no_number(tmp_path, monkeypatch):
    monkeypatch.setattr(Classification, "loss", lambda task, outputs, targets: outputs.sum() * float("nan"))
    with pytest.raises(LevadaError, match=r"^thresholding_0=.*: the loss is nan at step 1 of "):
        search(searches.options(tmp_path, strategy="uniform", designs=1))


@pytest.mark.parametrize("clock", [None, 100.0, 150.0])
def test_networks_are_lowered_for_the_clock(clock):
    """As a build of the design is; 150 MHz is more than serial window units of this chip do as they are."""
    model = models.find("digits-w4a4")
    graph = lowered_network(model, wide_family_of(model).build("w4a4"), "pynq-z2", clock)
    assert {node.layer.pipelining.ahead for node in graph.nodes} == {clock == 150.0}


def test_the_command(tmp_path, capsys):
    words = ["search", "digits-w4a4", "--budget", "15%", "--weights", "2,x"]
    assert cli.main(words) == 1
    assert capsys.readouterr().err.endswith(
        "--weights '2,x': write bits with commas between, such as 2,4,8\n"
    )
    words = ["search", "digits-w4a4", "--strategy", "integer", "--set", "steps=0", "--out", str(tmp_path)]
    assert cli.main(words) == 1
    assert capsys.readouterr().err == "levada: --set steps=0: write a number from 1 to 1e+06\n"
