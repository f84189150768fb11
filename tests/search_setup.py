"""What commands that look at a search's parts ask for, and what they begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from levada import boards
from levada.search.goal import Goal
from levada.search.subject import subject
from levada.train import recipe as recipes

BOARD = "pynq-z2"


def add_arguments(parser, *, bits, epochs, out):
    """A model, the bits to choose from, epochs (of what the help says), a seed and a folder."""
    parser.add_argument("model", nargs="?", default="digits-w4a4")
    parser.add_argument("--epochs", type=int, help=f"{epochs}  [default: the recipe's]")
    parser.add_argument("--weights", default=bits, help="bits to choose from")
    parser.add_argument("--activations", default=bits, help="bits to choose from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(out))


def prepared(options):
    """The subject, the whole board as a goal, the recipe, and the folder."""
    bits = (tuple(map(int, text.split(","))) for text in (options.weights, options.activations))
    found = subject(options.model, BOARD, None, *bits)
    board = boards.load(BOARD)
    recipe = recipes.find(found.model)
    recipe = replace(recipe, seed=options.seed, epochs=options.epochs or recipe.epochs)
    return found, Goal(board, board.usable, board.clock_mhz), recipe, options.out / options.model
