"""Runs one Yosys script in this process: `python -m levada.synth._yosys_worker -s SCRIPT`, like `yosys`.

Yosys keeps global state and ends the process on an error, so each script gets a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    from pyosys import libyosys

    design = libyosys.Design()
    for line in Path(sys.argv[2]).read_text().splitlines():
        if line and not line.startswith("#"):
            libyosys.run_pass(line, design)
