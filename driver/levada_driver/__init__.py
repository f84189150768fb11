"""Runs levada accelerators: on a PYNQ board or on their simulators."""
