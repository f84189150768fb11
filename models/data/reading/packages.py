"""Files that other Python packages ship: they are installed with the package, and never fetched."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from levada.errors import LevadaError

_WHEELS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def shipped(name: str) -> Path:
    """Where a file is, such as "skimage/data/coins.png".

    Raises:
        LevadaError: the package is not installed, or has no such file.
    """
    package, _, rest = name.partition("/")
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / rest if spec is not None and spec.origin else Path(name)
    if not path.is_file():
        raise LevadaError(f"the file {name} is not here; `pip install {_WHEELS[package]}` brings it")
    return path
