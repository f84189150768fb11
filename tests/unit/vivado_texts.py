"""Reports as Vivado writes them, made up by their documented form (AMD UG906): no Vivado wrote these."""

from __future__ import annotations

from pathlib import Path

REPORTS = {path.name: path.read_text() for path in (Path(__file__).parent / "vivado_reports").glob("*.rpt")}
