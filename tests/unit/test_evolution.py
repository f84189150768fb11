"""Evolution, the model of losses, and the file of costs that a search by a supernet goes on with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from levada import boards, models
from levada.errors import LevadaError
from levada.precision import Precision
from levada.search import evolution, hardware, strategies
from levada.search.clock import Deadline
from levada.search.context import Search
from levada.search.front import front
from levada.search.goal import Goal
from levada.search.hardware import Cost
from levada.search.ledger import Ledger
from levada.search.predictor import Predictor, correlation
from levada.search.space import Candidate, Knob, Space, space
from levada.search.strategies import oneshot
from levada.search.subject import Subject
from levada.search.workers import Local
from levada.train import Recipe
from tests.unit.test_search import chain

BITS = (2, 3, 4, 6, 8)
SITES = tuple(f"layer_{number}" for number in range(5))
SPACE = Space(
    "net",
    Candidate(tuple((site, Precision(weight=4)) for site in SITES)),
    tuple(Knob("weight", (site,), BITS) for site in SITES),
)
#: How much a layer's rounding errors cost.
WEIGHTS = np.array([1.0, 0.1, 3.0, 0.5, 2.0])
COST = Cost(1000, 1e5, 500, 400, 3, 2, True, 0.0)


def bits_of(candidates):
    return np.array([[c.value(knob) for knob in SPACE.knobs] for c in candidates])


def loss(candidates):
    """Errors add, and those of neighbours meet."""
    steps = 2.0 ** -bits_of(candidates)
    return 0.02 + steps @ WEIGHTS + 4 * (steps[:, 1:] * steps[:, :-1]).sum(axis=1)


def area(candidates):
    return bits_of(candidates).sum(axis=1).astype(float)


def judge(candidates):
    """Those with more than 25 bits in all do not fit."""
    return np.stack([loss(candidates), area(candidates)], axis=1), np.maximum(0, area(candidates) / 25 - 1)


def evolved(seed=0, generations=20, **changes):
    options = {"objectives": 2, "start": [], "population": 40, "go_on": lambda: True}
    return evolution.evolve(SPACE, judge, seed=seed, generations=generations, **(options | changes))


def test_it_finds_nearly_the_front_of_all_that_fits():
    """Judged by the hypervolume: 800 candidates evolve to 99 % of what all 3,125 give."""
    candidates = list(SPACE.all())
    assert len(set(candidates)) == SPACE.size == 3125
    points, excess = judge(candidates)
    fits = points[excess == 0]
    best = fits[front([tuple(point) for point in fits])]
    found, missing = judge(evolved())
    assert (missing == 0).all()
    volume = evolution.HV(ref_point=fits.max(axis=0))
    assert volume(found) > 0.99 * volume(best)
    drawn = np.random.default_rng(0).choice(len(candidates), 800, replace=False)
    assert volume(found) > volume(points[drawn][excess[drawn] == 0])


def test_of_one_objective_the_best_that_fits_is_found():
    def judged(candidates):
        points, excess = judge(candidates)
        return points[:, :1], excess

    found = judge(
        evolution.evolve(
            SPACE, judged, objectives=1, start=[], population=40, generations=20, seed=0, go_on=lambda: True
        )
    )
    points, excess = judge(list(SPACE.all()))
    assert found[0][found[1] == 0, 0].min() == points[excess == 0, 0].min()


def test_seed_decides():
    one, same, other = evolved(), evolved(), evolved(seed=1)
    assert one == same
    assert one != other
    assert len(set(one)) == len(one) == 40


def test_it_starts_with_what_is_known_and_ends_when_it_is_told():
    asked = []
    start = [SPACE.own]
    found = evolved(start=start, go_on=lambda: asked.append(1) or len(asked) < 3)
    assert len(asked) == 3
    assert found != evolved(start=start)
    assert SPACE.own in evolved(start=start, generations=1)


def test_a_space_smaller_than_a_generation():
    space = Space("net", SPACE.own, SPACE.knobs[:1])
    options = {"objectives": 2, "start": [], "population": 20, "generations": 9, "seed": 0}
    found = evolution.evolve(space, judge, go_on=lambda: True, **options)
    assert 1 <= len(found) == len(set(found)) <= len(BITS)


def test_spread_takes_the_ends_of_a_front_and_leaves_out_neighbours():
    points = np.array([[1.0, 100.0], [1.01, 99.0], [10.0, 10.0], [10.1, 9.9], [100.0, 1.0]])
    chosen = evolution.spread(points, 3)
    assert {index // 2 for index in chosen} == {0, 1, 2}
    assert sorted(evolution.spread(points, 9)) == [0, 1, 2, 3, 4]
    assert evolution.spread(points[:1], 2) == [0]
    assert evolution.spread(np.array([[1.0, 0.0], [2.0, 0.0]]), 1) == [0]


def test_the_model_ranks_what_it_has_not_seen():
    random = np.random.default_rng(3)
    known, unknown = ([SPACE.draw(random) for _ in range(150)] for _ in range(2))
    predictor = Predictor(SPACE, known, loss(known))
    assert predictor.correlation > 0.95
    assert np.corrcoef(predictor(unknown), loss(unknown))[0, 1] > 0.95
    assert correlation([1.0, 2.0, 3.0], [5.0, 9.0, 7.0]) == pytest.approx(0.5)
    assert correlation([1.0], [1.0]) is correlation([1.0, 2.0], [3.0, 3.0]) is None
    shuffled = random.permutation(loss(known))
    assert abs(Predictor(SPACE, known, shuffled).correlation) < 0.4


def test_costs_survive_for_the_same_search_only(tmp_path):
    path = tmp_path / "deep" / "costs.json"
    ledger = Ledger(path, "one")
    ledger.add({"a=w4": COST})
    assert "a=w4" in ledger
    assert Ledger(path, "one")["a=w4"] == COST
    assert "a=w4" not in Ledger(path, "other")
    for damage in ("", "[]", '{"digest": "one", "costs": {"a=w4": [1]}}', path.read_text()[:-9]):
        path.write_text(damage)
        assert "a=w4" not in Ledger(path, "one")


def test_excess_is_what_the_budget_and_the_rate_lack():
    board = boards.load("pynq-z2")
    goal = Goal(board, board.usable, 100.0, 1000.0)
    assert goal.excess(COST) == 0
    large = Cost(1000, 2000.0, 2 * board.usable.lut, 1, 0, 0, False, 0.0)
    assert goal.excess(large) == pytest.approx(1)
    slow = Cost(1000, 250.0, 1, 1, 0, 0, False, 0.0)
    assert goal.excess(slow) == pytest.approx(3)
    assert 0 < goal.excess(Cost(1000, 2000.0, 1, 1, 0, 0, False, 0.0)) < 1e-3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("loss,area", r"'area' is none; write some of loss, effort, cycles, lut, ff, dsp, bram18$"),
        ("effort,lut", r"write loss, and others, each once$"),
        ("loss,lut,lut", r"write loss, and others, each once$"),
    ],
)
def test_objectives_that_are_none(text, error):
    strategy = strategies.create("oneshot", {"objectives": text})
    with pytest.raises(LevadaError, match=rf"^--set objectives={text}: {error}"):
        strategy.propose(None)


def searching(folder, jobs) -> Search:
    """A search over a chain of four layers, of which nothing is trained."""
    graph = chain()
    board = boards.load("pynq-z2")
    found = Subject(models.find("digits-w4a4"), graph, space(graph, (2, 4), (2, 4)), ())
    return Search(
        subject=found,
        goal=Goal(board, board.usable, 100.0),
        recipe=Recipe(1, 1, 1, 0.1),
        finetune=None,
        folder=folder,
        designs=3,
        seed=0,
        deadline=Deadline(),
        proposing=Deadline(),
        workers=Local(jobs),
        storage=None,
        log=[].append,
    )


def test_shapes_take_turns_and_the_one_of_the_least_loss_begins(tmp_path):
    losses = {"deep": [0.4, 0.2, 0.3, 0.6], "flat": [0.5, 0.7], "wide": [0.9]}
    shaped = {
        Candidate(((f"layer_{number}", Precision(4)),), (("depth", shape),)): loss
        for shape, own in enumerate(losses.values())
        for number, loss in enumerate(own)
    }
    search = dataclasses.replace(searching(tmp_path, 1), designs=5)
    search.costs = lambda candidates: [COST for _ in candidates]
    found = oneshot.Evolution(oneshot.OneShot(), search, ["loss"])
    found.losses = shaped
    assert [shaped[candidate] for candidate in found.best()] == [0.2, 0.5, 0.9, 0.3, 0.7]


def test_evolution_by_predicted_costs_is_the_same_in_any_number_of_processes(tmp_path, monkeypatch):
    def evolved_by(search):
        def points(candidates):
            costs = search.costs(candidates)
            bits = [sum(c.value(knob) for knob in search.subject.space.knobs) for c in candidates]
            return np.array([[-b, cost.lut] for b, cost in zip(bits, costs, strict=True)]), np.zeros(
                len(bits)
            )

        options = {"objectives": 2, "start": [], "population": 6, "generations": 3, "seed": 2}
        return evolution.evolve(search.subject.space, points, go_on=lambda: True, **options)

    one, two = searching(tmp_path / "one", 1), searching(tmp_path / "two", 2)
    found = evolved_by(one)
    assert evolved_by(two) == found
    assert one.evaluated == two.evaluated > 6
    assert (tmp_path / "one/costs.json").read_bytes() == (tmp_path / "two/costs.json").read_bytes()
    # What is killed now has all it needs in its file.
    again = searching(tmp_path / "one", 1)
    monkeypatch.setattr(hardware.Evaluator, "evaluate", None)
    assert evolved_by(again) == found
    assert again.evaluated == one.evaluated
