"""Runs levada accelerators: on a PYNQ board or on their simulators."""

from levada_driver.accelerator import Accelerator
from levada_driver.errors import ChipError, DriverError, StuckError

__all__ = ["Accelerator", "ChipError", "DriverError", "StuckError"]
__version__ = "0.1.0"
