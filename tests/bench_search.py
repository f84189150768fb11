"""How long a candidate of bit widths takes to cost: `python -m tests.bench_search`, with models to name them.

Random candidates are costed for a model's own rate on the whole board, and for the highest rate within a
share of it, where the budget binds: at first with every layer new, then all of them again, with layers that
are known. Processor time, so that it matters less what else the machine does. How many different layers 5,000
random candidates have is counted, and the time for them all follows. Last, the candidates are folded with
proof, as a build folds them: how long one takes then, and how much higher its rate is on average.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from levada.build import Options, lowered
from levada.build.state import State, required
from levada.search.goal import budget
from levada.search.hardware import Cost, Evaluator
from levada.search.space import Candidate, space

#: The share that binds.
MODELS = {"tfc-w2a2": "15%", "digits-w4a4": "15%", "espcn-x2-w4a4": "15%", "resnet8-w4a4": "50%"}
WEIGHTS, ACTIVATIONS = (1, 2, 3, 4, 6, 8), (2, 3, 4, 6, 8)
MEASURED, MANY = 40, 5000


def milliseconds(function: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    function()
    return 1000 * (time.process_time() - start)


def row(model: str, state: State, share: str | None) -> list[str]:
    """What is measured of a lowered model for its own rate, or within a share of the board."""
    graph, board = required(state.graph), state.board
    fps = required(state.target_fps) if share is None else None
    found = space(graph, WEIGHTS, ACTIVATIONS)
    random = np.random.default_rng(0)
    candidates = [found.draw(random) for _ in range(MANY)]
    evaluator = Evaluator(graph, budget(board, share), board.clock_mhz)

    def measured() -> None:
        for candidate in candidates[:MEASURED]:
            evaluator.evaluate(candidate, fps)

    new, known = milliseconds(measured), milliseconds(measured)
    each, layer = known / MEASURED, (new - known) / evaluator.known
    proof = Evaluator(graph, budget(board, share), board.clock_mhz, quick=False)
    proof_each, gain = proven(evaluator, proof, candidates[:MEASURED], fps)
    for candidate in candidates:
        evaluator.graph_of(candidate)
    minutes = (MANY * each + evaluator.known * layer) / 60_000
    goal = f"{fps:,.0f} FPS" if fps is not None else f"most in {share}"
    sizes = f"{len(graph.nodes)}", f"{found.size:,}", goal
    counts = (f"{n:,.0f}" for n in (layer, each, evaluator.known))
    return [model, *sizes, *counts, f"{minutes:.1f}", f"{proof_each:,.0f}", f"{100 * gain:.1f} %"]


def proven(
    quick: Evaluator, proof: Evaluator, candidates: Sequence[Candidate], fps: float | None
) -> tuple[float, float]:
    """Milliseconds of a candidate that is folded with proof, and how much faster it is then."""
    sooner = [quick.evaluate(candidate, fps) for candidate in candidates]
    for candidate in candidates:
        proof.evaluate(candidate, fps)
    later: list[Cost] = []
    took = milliseconds(lambda: later.extend(proof.evaluate(candidate, fps) for candidate in candidates))
    gains = [b.fps / a.fps - 1 for a, b in zip(sooner, later, strict=True) if a.fits]
    return took / len(candidates), float(np.mean(gains))


def main() -> int:
    """Prints the table."""
    columns = ("layers", "candidates", "goal", "ms a new layer", "ms a candidate")
    table = Table(
        "model", *columns, f"layers of {MANY:,}", f"minutes for {MANY:,}", "ms proven", "faster", box=None
    )
    for model in sys.argv[1:] or MODELS:
        state = lowered(Options(model, samples=1))
        for share in (None, MODELS.get(model, "15%")):
            table.add_row(*row(model, state, share))
    Console(width=150).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
