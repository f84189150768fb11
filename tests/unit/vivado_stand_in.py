"""A program that stands where Vivado would, for tests of what calls it: it computes nothing.

Its reports are made up by the form that Vivado's have (AMD UG906); no Vivado wrote them.
"""

from __future__ import annotations

import os
from pathlib import Path

from levada import content

REPORTS = {path.name: path.read_text() for path in (Path(__file__).parent / "vivado_reports").glob("*.rpt")}
# Says its release, or ends as it is told to, or leaves behind what it is given.
SCRIPT = """\
#!/bin/sh
if [ "$1" = -version ]; then cat "$STAND_IN/version"; exit; fi
echo "$*"
if [ -f "$STAND_IN/failure" ]; then cat "$STAND_IN/failure"; exit 1; fi
cp "$STAND_IN"/made/* .
"""


def install(folder, monkeypatch):
    """Puts the program on the path, with a cache of its own; returns the folder of what it says and makes."""
    own = folder / "stand_in"
    for name, text in (REPORTS | {"routed.dcp": "", "accelerator.bit": "bits"}).items():
        content.write_whole(own / "made" / name, text)
    (own / "version").write_text("vivado v2023.2 (64-bit)\nTool Version Limit: 2023.10\n")
    program = own / "bin" / "vivado"
    content.write_whole(program, SCRIPT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(own))
    monkeypatch.setenv("LEVADA_CACHE", str(folder / "cache"))
    return own
