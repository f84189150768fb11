"""Programs that stand where those of openXC7 would, for tests of what calls them: they compute nothing.

The log is made up by the form that nextpnr-xilinx gives it (common/timing.cc); no nextpnr-xilinx wrote it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from levada import content
from levada.synth import databases, openxc7

LOGS = Path(__file__).parent / "openxc7_logs"
PART = "xc7z020clg400-1"
# Writes down how it is called, says what it is given, and leaves a word in the file that is named last.
SCRIPT = """\
#!/bin/sh
name=$(basename "$0")
if [ "$1" = --version ]; then cat "$STAND_IN/version" >&2; exit; fi
echo "$name $*" >>"$STAND_IN/calls"
if [ -f "$STAND_IN/$name.log" ]; then cat "$STAND_IN/$name.log"; fi
for last; do :; done
echo "of $name" >"$last"
! grep -qs ERROR "$STAND_IN/$name.log"
"""


def install(folder, monkeypatch):
    """Puts the programs on the path and databases beside them; returns the folder of what they say."""
    own = folder / "stand_in"
    shutil.copytree(LOGS, own)
    (own / "version").write_text('"nextpnr-xilinx" -- Next Generation Place and Route (Version 0.8.2)\n')
    for name in openxc7.PROGRAMS:
        content.write_whole(own / "bin" / name, SCRIPT)
        (own / "bin" / name).chmod(0o755)
    for variable, path in databases.needed(PART).items():
        content.write_whole(own / variable / path, "")
        monkeypatch.setenv(variable, str(own / variable))
    monkeypatch.setenv("PATH", f"{own / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(own))
    return own
