"""An interpreter that runs a vendor's script, with every command of the vendor's recorded instead of done."""

from __future__ import annotations

import os
import subprocess

from tests.require_tools import require

# Each command prints itself, with a mark between its words, and where it was called.
PRELUDE = """\
proc record {name arguments} { puts "@[join [list $name [file tail [pwd]] {*}$arguments] \\x1f]" }
foreach name {%s} { proc $name {args} "record $name \\$args" }
"""


def run(script, folder, known, answers="", environment=None):
    """Runs a script in a folder; its exit code, what it says, and its calls as lists of words.

    `known` are the vendor's commands by name, `answers` the Tcl of those that do more than record.
    """
    prelude = folder.parent / "prelude.tcl"
    prelude.write_text(PRELUDE % " ".join(known) + answers + f"source {script}\n")
    done = subprocess.run(
        [require("tclsh"), prelude],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    said = [line for line in lines if not line.startswith("@")] + done.stderr.splitlines()
    return done.returncode, said, [line[1:].split("\x1f") for line in lines if line[:1] == "@"]


def parsed(call, known):
    """Options and other words of a call; an option that the vendor does not know is an error.

    `known` says of each command's options whether they take a value.
    """
    name, _, *words = call
    options, others = {}, []
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            options[word] = words.pop(0) if known[name][word] else None
        else:
            others.append(word)
    return options, others


def named(calls, name, known):
    """The calls of a command, parsed."""
    return [parsed(call, known) for call in calls if call[0] == name]
