"""What has been evaluated: results by key, in a storage that outlives a search and that machines may share.

A search proposes the same keys in the same order whenever it is run, so it goes on after an interruption by
asking for all of them again: what is known is not done twice. Several searches with one storage share the
work: what one is at, the others leave out, and wait for at the end.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from levada.errors import LevadaError
from levada.search.clock import Deadline, TimeUpError
from levada.search.workers import Workers

Result = dict[str, Any]
Direction = Literal["minimize", "maximize"]
#: A process of another machine that has not ended a trial for so long, in seconds, is given up.
PATIENCE = 6 * 3600.0
_POLL = 1.0


def storage(place: str) -> BaseStorage:
    """A file that processes of several machines may write to, or a data base: "mysql://...", "sqlite:///...".

    Raises:
        LevadaError: it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if "://" in place:
            return RDBStorage(place)
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(place))
    except Exception as error:  # data bases of all kinds raise what they like
        raise LevadaError(f"{place}: cannot be opened as a storage of trials ({error!r:.120})") from error


class Trials:
    """The results of one kind of evaluation, as a study of Optuna."""

    def __init__(self, storage: BaseStorage, name: str, directions: Sequence[Direction]) -> None:
        self._mine: set[int] = set()  # numbers of the trials that this process is at
        self._study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=list(directions),
            sampler=optuna.samplers.RandomSampler(seed=0),
            load_if_exists=True,
        )

    def known(self) -> dict[str, Result]:
        """All results, by key."""
        complete = (trial.user_attrs for trial in self._in(TrialState.COMPLETE))
        return {attributes["key"]: json.loads(attributes["result"]) for attributes in complete}

    def _in(self, state: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(state,))

    def results(
        self,
        keys: Sequence[str],
        evaluate: Callable[[str], Result],
        values: Callable[[Result], Sequence[float]],
        workers: Workers,
        deadline: Deadline,
    ) -> list[Result]:
        """The results of all keys, in their order; `evaluate` runs in other processes.

        Args:
            keys: what is evaluated.
            evaluate: gives the result of a key, of JSON's types; TimeUpError ends it without one.
            values: what Optuna shows of a result, a number for each direction.
            workers: where `evaluate` runs.
            deadline: up to when to begin with others.

        Raises:
            TimeUpError: the time is over; what was evaluated is kept.
        """
        while True:
            self._evaluate(keys, evaluate, values, workers, deadline)
            known = self.known()
            if all(key in known for key in keys):
                return [known[key] for key in keys]
            deadline.check()
            time.sleep(_POLL)  # others are at it

    def _evaluate(
        self,
        keys: Sequence[str],
        evaluate: Callable[[str], Result],
        values: Callable[[Result], Sequence[float]],
        workers: Workers,
        deadline: Deadline,
    ) -> None:
        claimed: dict[str, optuna.Trial] = {}

        def claims() -> Iterator[tuple[Callable[[str], Result], str]]:
            for key in dict.fromkeys(keys):
                if not deadline.passed and key not in self._taken():
                    claimed[key] = self._claim(key)
                    yield evaluate, key

        failed: Exception | None = None
        for key, found in workers.each(_attempt, claims()):
            trial = claimed.pop(key)
            if isinstance(found, Exception):
                self._study.tell(trial, state=TrialState.FAIL)
                failed = failed or (None if isinstance(found, TimeUpError) else found)
            else:
                trial.set_user_attr("result", json.dumps(found))
                self._study.tell(trial, list(values(found)))
            self._mine.discard(trial.number)
        if failed is not None:
            raise failed

    def _claim(self, key: str) -> optuna.Trial:
        trial = self._study.ask()
        self._mine.add(trial.number)
        owner = {"key": key, "host": socket.gethostname(), "process": os.getpid(), "since": time.time()}
        for name, value in owner.items():
            trial.set_user_attr(name, value)
        return trial

    def _taken(self) -> set[str]:
        """The keys whose results are known, or that a process is at."""
        running = (t for t in self._in(TrialState.RUNNING) if t.number in self._mine or _alive(t))
        return {trial.user_attrs["key"] for trial in (*self._in(TrialState.COMPLETE), *running)}


def _alive(trial: FrozenTrial) -> bool:
    """Whether another process that began a trial may still end it."""
    owner: Mapping[str, Any] = trial.user_attrs
    if "since" not in owner:  # its owner has not said all yet, or never will
        return False
    if owner["host"] != socket.gethostname():
        return time.time() - float(owner["since"]) < PATIENCE
    if owner["process"] == os.getpid():  # of an earlier process with this number
        return False
    try:
        os.kill(owner["process"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _attempt(evaluate: Callable[[str], Result], key: str) -> tuple[str, Result | Exception]:
    """Errors are returned: what is raised ends all other calls, too."""
    try:
        return key, evaluate(key)
    except LevadaError as error:
        return key, error
