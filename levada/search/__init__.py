"""Bit widths for each layer: what may be chosen, and what a choice costs in hardware. See docs/search.md."""
