"""Arrays that take long to make from published files: made once, and read from the cache then."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levada import content
from levada.errors import LevadaError

from .sources import Published, cache

Arrays = Mapping[str, NDArray[Any]]


def made_once(published: Published, code: tuple[ModuleType, ...], make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, from the cache if it is there: mapped from files, so that large ones cost no memory.

    Args:
        published: the files that the arrays are made from; `make` finds them.
        code: the modules that make them; with other code, or of other files, arrays are made anew.
        make: gives arrays by their names.

    Raises:
        LevadaError: what is in the cache is damaged.
    """
    key = content.digest(*published.files.values(), *map(inspect.getsource, code))
    folder = cache(published.name) / f"arrays-{key[:16]}"
    if not folder.is_dir():
        with content.folder_made_whole(folder) as work:
            for name, array in make().items():
                np.save(work / f"{name}.npy", array, allow_pickle=False)
    try:
        return {path.stem: np.load(path, "r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}
    except (OSError, ValueError, EOFError) as error:
        raise LevadaError(f"{folder}: holds a damaged array ({error}); delete this folder") from error
