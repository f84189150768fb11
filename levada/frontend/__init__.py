"""From a file to a cleaned QONNX network that is known to be buildable."""

from __future__ import annotations

from levada.frontend.check import Problem, check
from levada.frontend.load import load

__all__ = ["Problem", "check", "load"]
