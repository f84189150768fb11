"""The databases of openXC7: where they are, and what of them a part needs."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Variables of the environment, as openXC7's own projects use them: each names a folder.
CHIPS, BITS = "CHIPDB", "PRJXRAY_DB_DIR"
#: The part of the second with all Zynq-7000.
FAMILY = "zynq7"


def needed(part: str) -> dict[str, Path]:
    """The file that must be below the folder of each variable: chips are told apart without speed grades."""
    package = re.sub(r"-\d\w*$", "", part)
    return {CHIPS: Path(f"{package}.bin"), BITS: Path(FAMILY) / part / "part.yaml"}


def missing(part: str) -> dict[str, str]:
    """What is wrong with each variable by which not all is found that a part needs, in words."""
    wrong = {}
    for variable, path in needed(part).items():
        folder = os.environ.get(variable)
        if not folder:
            wrong[variable] = f"{variable} is not set; it names the folder with {path}"
        elif not (Path(folder) / path).is_file():
            wrong[variable] = f"{variable} is {folder}, and there is no {path} in it"
    return wrong
