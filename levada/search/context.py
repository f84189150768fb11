"""What a strategy sees of a search."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from optuna.storages import BaseStorage

from levada import __version__, content
from levada.search import work
from levada.search.clock import Deadline
from levada.search.goal import Goal
from levada.search.hardware import Cost, Evaluator
from levada.search.ledger import Ledger
from levada.search.space import Candidate
from levada.search.subject import Subject
from levada.search.trials import Result, Trials
from levada.search.work import Work
from levada.search.workers import Workers
from levada.train.recipe import Recipe

#: Candidates that one call costs.
_CHUNK = 16
Log = Callable[[str], None]


@dataclass
class Search:
    """What a strategy sees of a search.

    Attributes:
        subject: the network and the widths it may have.
        goal: what is searched for.
        recipe: how candidates are trained.
        finetune: how many epochs, if they begin with the weights of the widest one.
        folder: for what has to survive an interruption.
        designs: how many candidates are trained at most.
        seed: of all chance.
        deadline: when all has to end.
        proposing: when proposals have to be there.
        workers: where work is done that takes long.
        storage: of all results.
        notes: figures that a strategy found out and the report shows.
        shortened: there are fewer proposals than there would be with more time.
    """

    subject: Subject
    goal: Goal
    recipe: Recipe
    finetune: int | None
    folder: Path
    designs: int
    seed: int
    deadline: Deadline
    proposing: Deadline
    workers: Workers
    storage: BaseStorage
    log: Log
    notes: dict[str, object] = field(default_factory=dict)
    shortened: bool = False
    _asked: set[str] = field(default_factory=set)

    @cached_property
    def name(self) -> str:
        """Of the studies of all searches for the same goal, whatever their strategy."""
        goal, model = self.goal, self.subject.model
        digest = content.digest(
            model.onnx.read_bytes(),
            repr((goal.board.name, goal.budget, goal.clock_mhz, goal.target_fps, self.recipe, self.finetune)),
            self.work.task.digest(),
        )
        return f"{model.name} on {goal.board.name} {digest[:12]}"

    @property
    def work(self) -> Work:
        """What other processes need of this, wherever they run; proposals end with their own deadline."""
        folder = self.folder.absolute()
        return Work(self.subject, self.goal, self.recipe, self.finetune, folder, self.proposing)

    def evaluate(self, kind: str, texts: Sequence[str], function: Callable[[str], Result]) -> list[Result]:
        """Results of a function of candidates that are remembered, a kind of them in a study of its own."""
        trials = Trials(self.storage, f"{self.name} {kind}", ("minimize",))
        return trials.results(texts, function, lambda r: (r["loss"],), self.workers, self.proposing)

    def train_widest(self) -> Result:
        """The score of the widest candidate, whose weights others may begin with (`Work.start`).

        Where another machine has trained it, its score is known here and its weights are not: it is trained
        here, too.
        """
        widest = str(self.subject.widest)
        self.log(f"training the widest candidate, {widest}")
        (found,) = self.evaluate("widest", [widest], partial(work.train_widest, self.work))
        if not self.work.start.is_file():
            self.log("its weights are where another machine trained it; training it here, too")
            self.workers.all(work.train_widest, [(self.work, widest)])
        return found

    def cost_at(self, candidate: Candidate, interval: int) -> Cost:
        """What a candidate takes at least at a rate other than the goal's, of `interval` cycles a frame."""
        return work.cost_at(self.work, candidate, interval)

    @property
    def evaluated(self) -> int:
        """Candidates of which it was found out what they cost."""
        return len(self._asked)

    @cached_property
    def evaluator(self) -> Evaluator:
        """Of the largest shape, in this process."""
        return work.evaluator_of(self.work)

    @cached_property
    def _ledger(self) -> Ledger:
        """Costs that an earlier run of the same search found out."""
        goal = self.goal
        asked = repr((goal.board.name, goal.budget, goal.clock_mhz, goal.target_fps))
        digest = content.digest(self.subject.model.onnx.read_bytes(), asked, __version__)
        return Ledger(self.folder / "costs.json", digest)

    def costs(self, candidates: Sequence[Candidate]) -> list[Cost]:
        """What candidates take in hardware, as predicted; by several processes. It is kept in the folder."""
        texts = list(dict.fromkeys(map(str, candidates)))
        new = [text for text in texts if text not in self._ledger]
        chunks = [new[start : start + _CHUNK] for start in range(0, len(new), _CHUNK)]
        found = self.workers.all(work.costs, [(self.work, chunk) for chunk in chunks])
        self._ledger.add(dict(zip(new, itertools.chain.from_iterable(found), strict=True)))
        self._asked.update(texts)
        return [self._ledger[str(candidate)] for candidate in candidates]
