"""A search: a strategy proposes candidates, they are trained and folded, and the best ones are the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from levada import boards, train
from levada.errors import LevadaError
from levada.search import strategies, work
from levada.search.clock import Deadline, TimeUpError, deadline
from levada.search.context import Log, Search
from levada.search.front import front
from levada.search.goal import Goal, budget
from levada.search.hardware import Cost
from levada.search.space import Candidate, Space
from levada.search.subject import subject
from levada.search.trials import Result, Trials, storage
from levada.search.workers import workers
from levada.train import recipe as recipes


@dataclass(frozen=True)
class Options:
    """A search as the user asks for it.

    `budget` is as `levada.search.goal.budget` reads it, `time` as `levada.search.clock.deadline` does;
    `weights` and `activations` are the bits to choose from; sites in `keep` stay as they are. `designs` are
    trained at most. `shape` are numbers of the network's shape, each with
    what it may be. `storage` is a file or a data base, a file in the folder `out` unless given; `jobs`
    processes work, as many as there are processors unless given, or those of a cluster of Ray. None: levada
    chooses. With `finetune`, designs begin with the weights of the widest candidate, which is trained by the
    recipe, and are trained for so many epochs.
    """

    model: str
    board: str = "pynq-z2"
    budget: str | None = None
    target_fps: float | None = None
    clock_mhz: float | None = None
    strategy: str = "integer"
    settings: tuple[tuple[str, str], ...] = ()
    weights: tuple[int, ...] = (2, 3, 4, 5, 6, 8)
    activations: tuple[int, ...] = (2, 3, 4, 5, 6, 8)
    keep: tuple[str, ...] = ()
    designs: int = 12
    recipe: Path | None = None
    epochs: int | None = None
    finetune: int | None = None
    shape: tuple[tuple[str, tuple[int, ...]], ...] = ()
    seed: int = 0
    time: str | None = None
    out: Path | None = None
    storage: str | None = None
    jobs: int | None = None
    ray: str | None = None


@dataclass(frozen=True)
class Design:
    """A trained candidate: what it reached, and what it takes, as folded for the goal.

    `quality` and `loss` are on examples for validation, `tested` percent of those for testing, where the
    network is a classifier. `cost` is of the trained network, `predicted` what the search had taken it for.
    """

    candidate: Candidate
    quality: float
    loss: float
    tested: float | None
    cost: Cost
    predicted: Cost


@dataclass(frozen=True)
class Found:
    """What a search found: all trained designs, those of the front by index, and how complete that is."""

    options: Options
    search: Search
    designs: tuple[Design, ...]
    front: tuple[int, ...]
    complete: bool
    folder: Path


def search(options: Options, log: Log = lambda _line: None) -> Found:
    """Searches, or goes on with what is left of an earlier search with the same options.

    The result is the same with and without interruptions. Files of the designs and the report are written by
    `levada.search.result`.

    Raises:
        LevadaError: anything that the user can mend; the time is over before there is a single design.
    """
    until = deadline(options.time)
    strategy = strategies.create(options.strategy, dict(options.settings))
    if options.shape and not strategy.shapes:
        known = ", ".join(name for name in strategies.names() if strategies.create(name, {}).shapes)
        raise LevadaError(
            f"--shape: the strategy {options.strategy} chooses widths alone; use one of {known}"
        )
    context = _prepared(options, until, log)
    complete = True
    try:
        proposals = strategy.propose(context)
        complete = not context.shortened
    except TimeUpError:
        proposals, complete = [], False
    log(f"{options.strategy}: {len(proposals)} candidates to train")
    trials = Trials(context.storage, context.name, ("maximize", "maximize"))
    try:
        if options.finetune:
            # No proposal any more, so it may take as long as the designs.
            replace(context, proposing=context.deadline).train_widest()
        _train(context, trials, proposals)
    except TimeUpError:
        complete = False
    designs = _designs(context, trials, proposals)
    fitting = [index for index, design in enumerate(designs) if design.cost.fits]
    points = [(-designs[index].quality, context.goal.effort(designs[index].cost)) for index in fitting]
    best = tuple(fitting[index] for index in sorted(front(points), key=points.__getitem__))
    if not best:
        raise LevadaError(_nothing(options, context, complete, designs))
    return Found(options, context, tuple(designs), best, complete, context.folder)


def _prepared(options: Options, until: Deadline, log: Log) -> Search:
    board = boards.load(options.board)
    goal = Goal(
        board, budget(board, options.budget), options.clock_mhz or board.clock_mhz, options.target_fps
    )
    if options.designs < 1:
        raise LevadaError("--designs: at least 1 design is needed")
    log("subject ...")
    found = subject(
        options.model,
        options.board,
        options.clock_mhz,
        options.weights,
        options.activations,
        options.keep,
        dict(options.shape),
    )
    for reason in found.space.refused:
        log(reason)
    log(f"{options.model}: {_choices(found.space)} to choose, {found.space.size:,} candidates")
    recipe = recipes.find(found.model, options.recipe)
    recipe = replace(recipe, seed=options.seed, epochs=options.epochs or recipe.epochs)
    train.Machine().check(recipe)
    folder = options.out or Path("build/search") / f"{options.model}-{board.name}"
    place = options.storage or str(folder / "trials.log")
    context = Search(
        subject=found,
        goal=goal,
        recipe=recipe,
        finetune=options.finetune,
        folder=folder,
        designs=options.designs,
        seed=options.seed,
        deadline=until,
        proposing=until.part(0.5),
        workers=workers(options.jobs, options.ray),
        storage=storage(place),
        log=log,
    )
    _require_possible(context)
    return context


def _choices(space: Space) -> str:
    numbers = f"{len(space.dims)} numbers of the shape and " if space.dims else ""
    return f"{numbers}{len(space.knobs)} widths"


def _require_possible(context: Search) -> None:
    """Refuses a budget that even the narrowest candidate exceeds."""
    narrowest = context.subject.narrowest
    found = work.cost(context.work, narrowest, context.goal.target_fps)
    if not found.fits:
        raise LevadaError(
            f"{context.subject.model.name}: not even the narrowest candidate fits, {narrowest}: "
            + work.misfit(context.work, narrowest)
        )


def _train(context: Search, trials: Trials, candidates: Sequence[Candidate]) -> None:
    timed = replace(context.work, deadline=context.deadline)
    trials.results(
        [str(candidate) for candidate in candidates],
        partial(work.design, timed),
        lambda result: (result["quality"], result["cost"]["fps"]),
        context.workers,
        context.deadline,
    )


def _designs(context: Search, trials: Trials, candidates: Sequence[Candidate]) -> list[Design]:
    known = trials.known()
    trained = [candidate for candidate in candidates if str(candidate) in known]
    predicted = context.costs(trained)
    return [
        _design(candidate, known[str(candidate)], cost)
        for candidate, cost in zip(trained, predicted, strict=True)
    ]


def _design(candidate: Candidate, result: Result, predicted: Cost) -> Design:
    own = {name: result[name] for name in ("quality", "loss", "tested")}
    return Design(candidate, **own, cost=Cost(**result["cost"]), predicted=predicted)


def _nothing(options: Options, context: Search, complete: bool, designs: Sequence[Design]) -> str:
    if not complete:
        return (
            f"{options.model}: the time ({options.time}) was over before a design was trained; the same "
            "command goes on from here; give it more --time or fewer --epochs"
        )
    if designs:
        missing = "; ".join(f"{d.candidate}: {context.goal.missing(d.cost)}" for d in designs[:3])
        return f"{options.model}: none of {len(designs)} trained designs fits: {missing}; raise --budget"
    return f"{options.model}: the strategy {options.strategy} found nothing that fits; raise --budget"
