"""Compiler from trained low-bit networks to verified FPGA dataflow accelerators."""

__version__ = "0.1.0"
