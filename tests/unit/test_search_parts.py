"""The parts of a search: goals, times, fronts, remembered results, widths chosen with foldings."""

from __future__ import annotations

import itertools
import os
import socket
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levada import boards
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Device
from levada.search import clock, strategies, trials
from levada.search.front import front
from levada.search.goal import Goal, budget
from levada.search.hardware import Cost
from levada.search.joint import Layer, choose
from levada.search.workers import workers

BOARD = boards.load("pynq-z2")
COST = Cost(cycles=1000, fps=1e5, lut=4000, ff=1000, dsp=33, bram18=0, fits=True, gap=0.0)


def test_budget_of_a_share():
    assert budget(BOARD, " 15% ") == Device("xc7", 7980, 15960, 33, 42)


def test_budget_of_counts():
    assert budget(BOARD, "lut=20000, dsp=0") == Device("xc7", 20000, BOARD.usable.ff, 0, BOARD.usable.bram18)
    assert budget(BOARD, None) == BOARD.usable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lots", "--budget 'lots' is no budget; write 15% or some of lut="),
        ("lut=", "--budget 'lut=' is no budget"),
        ("gates=3", "--budget 'gates=3' is no budget"),
        ("lut=-3", "--budget 'lut=-3' is no budget"),
        ("", "--budget '' is no budget"),
        ("95%", "--budget 95%: lut is 50,540; pynq-z2 offers up to"),
        ("0%", "--budget 0%: lut is 0; pynq-z2 offers up to"),
        ("dsp=221", "--budget dsp=221: dsp is 221; pynq-z2 offers up to"),
    ],
)
def test_budgets_refused(text, said):
    with pytest.raises(LevadaError) as error:
        budget(BOARD, text)
    assert str(error.value).startswith(said)


def test_effort_of_a_goal():
    whole = budget(BOARD, "15%")
    assert Goal(BOARD, whole, 100.0).effort(COST) == 1000
    assert Goal(BOARD, whole, 100.0, 500.0).effort(COST) == 1.0  # all DSP slices of the budget
    none = Goal(BOARD, budget(BOARD, "dsp=0"), 100.0, 500.0)
    assert none.effort(COST) == 1.0
    assert none.missing(COST) == "dsp: 33 of 0"


def test_times():
    now = time.time()
    assert clock.deadline("1.5h").at == pytest.approx(now + 5400, abs=5)
    assert clock.deadline("90s").part(0.5).at == pytest.approx(now + 45, abs=5)
    assert clock.deadline(None) == clock.Deadline()
    assert not clock.Deadline().passed
    assert clock.Deadline().part(0.5) == clock.Deadline()
    with pytest.raises(clock.TimeUpError):
        clock.Deadline(now - 1).check()


@pytest.mark.parametrize("text", ["30", "m", "-3m", "0s", "3 days", "nan"])
def test_times_refused(text):
    with pytest.raises(LevadaError, match=r"is no time; write 90s, 30m or 1\.5h$"):
        clock.deadline(text)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_front_is_what_nothing_beats(points):
    found = front(points)
    kept = [points[index] for index in found]
    assert len(set(kept)) == len(kept)
    for index, point in enumerate(points):
        beaten = any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points
        )
        first = points.index(point) == index
        assert (index in found) == (first and not beaten)


def test_strategies_and_their_options():
    assert {"integer", "uniform"} <= set(strategies.names())
    assert strategies.create("integer", {"steps": "7"}).steps == 7


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("magic", {}, "strategy 'magic' is unknown; known: "),
        (
            "integer",
            {"colour": "1"},
            "--set colour: the strategy integer has no such option; it has sensitivity, ",
        ),
        ("uniform", {"steps": "1"}, "--set steps: the strategy uniform has no such option; it has none"),
        ("integer", {"steps": "many"}, "--set steps=many: write a whole number"),
        ("integer", {"steps": "0"}, "--set steps=0: write a number from 1 to 1e+06"),
    ],
)
def test_strategies_refused(name, options, said):
    with pytest.raises(LevadaError) as error:
        strategies.create(name, options)
    assert str(error.value).startswith(said)


def squared(folder, text):
    """Notes that it was called, and when."""
    number = int(text)
    (folder / f"{number}-{time.time_ns()}").touch()
    if number == 13:
        raise LevadaError("13 is not squared")
    if number == 99:
        raise clock.TimeUpError("the time is over")
    return {"square": number**2}


def calls(folder):
    return sorted(int(path.name.split("-")[0]) for path in folder.iterdir())


@pytest.fixture
def kept(tmp_path):
    """A storage in a file, opened anew at each call."""
    return lambda: trials.Trials(trials.storage(str(tmp_path / "trials.log")), "squares", ("maximize",))


@pytest.fixture
def noted(tmp_path):
    folder = tmp_path / "calls"
    folder.mkdir()
    return folder


NEVER = clock.Deadline()


def ask(study, folder, *numbers, jobs=1, until=NEVER):
    keys = [str(number) for number in numbers]
    found = study.results(keys, partial(squared, folder), lambda r: (r["square"],), workers(jobs), until)
    return [result["square"] for result in found]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_are_remembered(kept, noted, jobs):
    assert ask(kept(), noted, 3, 1, 3, jobs=jobs) == [9, 1, 9]
    assert ask(kept(), noted, 2, 3, jobs=jobs) == [4, 9]
    assert calls(noted) == [1, 2, 3]


def test_an_error_ends_them_and_is_not_remembered(kept, noted):
    for _ in range(2):
        with pytest.raises(LevadaError, match="13 is not squared"):
            ask(kept(), noted, 2, 13)
    assert calls(noted) == [2, 13, 13]


def test_time_that_is_over_keeps_what_is_done(kept, noted):
    with pytest.raises(clock.TimeUpError):
        ask(kept(), noted, 2, 99, until=clock.Deadline(time.time() + 3))
    assert kept().known() == {"2": {"square": 4}}


def claim(study, key, **owner):
    trial = study._study.ask()
    own = {"key": key, "host": socket.gethostname(), "process": os.getppid(), "since": time.time()}
    for name, value in (own | owner).items():
        trial.set_user_attr(name, value)
    return trial


def test_what_another_process_is_at_is_left_to_it(kept, noted):
    trial = claim(kept(), "5")

    class Other(clock.Deadline):
        """While this search waits, the other one ends its trial."""

        def check(self):
            trial.set_user_attr("result", '{"square": 25}')
            kept()._study.tell(trial.number, [25.0])

    assert ask(kept(), noted, 4, 5, until=Other()) == [16, 25]
    assert calls(noted) == [4]


@pytest.mark.parametrize(
    "owner",
    [
        {"process": 2**22 + 1},  # beyond the numbers that Linux gives
        {"process": os.getpid()},
        {"host": "elsewhere", "since": time.time() - trials.PATIENCE - 1},
    ],
    ids=["died", "same number", "silent for long"],
)
def test_what_a_dead_process_was_at_is_done_again(kept, noted, owner):
    claim(kept(), "5", **owner)
    assert ask(kept(), noted, 5) == [25]


def test_half_a_claim_is_none(kept, noted):
    kept()._study.ask()
    assert ask(kept(), noted, 5) == [25]


def test_a_storage_that_cannot_be_opened(tmp_path):
    with pytest.raises(LevadaError, match="cannot be opened as a storage of trials"):
        trials.storage("nothing://here")
    (tmp_path / "file").touch()
    with pytest.raises(LevadaError, match="cannot be opened as a storage of trials"):
        trials.storage(str(tmp_path / "file" / "trials.log"))


def test_a_data_base_is_a_storage(tmp_path, noted):
    study = trials.Trials(trials.storage(f"sqlite:///{tmp_path}/trials.db"), "squares", ("maximize",))
    assert ask(study, noted, 6) == [36]


def test_workers_keep_the_order():
    assert workers(2).all(pow, [(n, 2) for n in range(9)]) == [n**2 for n in range(9)]
    assert sorted(workers(2).each(pow, [(n, 2) for n in range(9)])) == [n**2 for n in range(9)]


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolMissingError, match="Ray is missing, which --ray needs; `pip install 'levada"):
        workers(ray="auto")


@st.composite
def problems(draw):
    """Two or three knobs of two or three widths, and layers that depend on one or two of them."""
    knobs = [draw(st.sampled_from([(2, 4), (2, 4, 8)])) for _ in range(draw(st.integers(2, 3)))]
    losses = [{bits: draw(st.integers(0, 9)) / 4 for bits in own} for own in knobs]
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        own = tuple(sorted(draw(st.sets(st.integers(0, len(knobs) - 1), max_size=2))))
        offers = {}
        for bits in itertools.product(*(knobs[index] for index in own)):
            count = draw(st.integers(1, 3))
            cycles = draw(st.lists(st.integers(1, 6), min_size=count, max_size=count))
            used = [[draw(st.integers(0, 9)) for _ in range(4)] for _ in range(count)]
            offers[bits] = np.array(cycles), np.array(used)
        layers.append(Layer(own, offers))
    return losses, layers, draw(st.integers(1, 6)), np.array([draw(st.integers(4, 25)) for _ in range(4)])


def least(losses, layers, interval, budget):
    """The least loss of all combinations, by trying them."""
    found = []
    for bits in itertools.product(*losses):
        options = []
        for layer in layers:
            cycles, used = layer.offers[tuple(bits[index] for index in layer.knobs)]
            options.append(used[cycles <= interval])
        if any((sum(rows) <= budget).all() for rows in itertools.product(*options)):
            found.append(sum(own[width] for own, width in zip(losses, bits, strict=True)))
    return min(found, default=None)


@given(problems())
@settings(max_examples=60, deadline=None)
def test_widths_and_foldings_chosen_together_are_the_best(problem):
    losses, layers, interval, budget = problem
    answer = choose(losses, [layer.within(interval) for layer in layers], budget)
    wanted = least(*problem)
    if wanted is None:
        assert answer is None
    else:
        assert answer.loss == pytest.approx(wanted, abs=1e-4)
        assert answer.bound <= answer.loss + 1e-9
        chosen = [{bits: own[bits]} for own, bits in zip(problem[0], answer.bits, strict=True)]
        assert least(chosen, *problem[1:]) == pytest.approx(wanted, abs=1e-4)
