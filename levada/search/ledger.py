"""What candidates cost, in a file: a search that goes on does not ask the solver again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from levada import content
from levada.search.hardware import Cost


class Ledger:
    """Costs by the text of a candidate, for one network and goal.

    What a file holds for another one is not read, and is lost when something is written; so is a file that is
    damaged, as all of it can be found out again.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path, self._digest = path, digest
        self._costs: dict[str, Cost] = self._read()

    def __contains__(self, text: str) -> bool:
        return text in self._costs

    def __getitem__(self, text: str) -> Cost:
        return self._costs[text]

    def add(self, found: Mapping[str, Cost]) -> None:
        """Writes more of them, the whole file or none."""
        if found:
            self._costs |= found
            costs = {text: list(asdict(cost).values()) for text, cost in self._costs.items()}
            content.write_whole(self._path, json.dumps({"digest": self._digest, "costs": costs}))

    def _read(self) -> dict[str, Cost]:
        try:
            state = json.loads(self._path.read_text())
            costs = state["costs"] if state["digest"] == self._digest else {}
            return {text: Cost(*values) for text, values in costs.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}
