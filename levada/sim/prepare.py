"""Compiles what all simulations share, once, at set-up: `python -m levada.sim.prepare`."""

from __future__ import annotations

from levada.sim import cppsim, rtlsim


def prepare() -> None:
    """Fills the cache with Verilator's own code and the precompiled headers of both simulators."""
    rtlsim.prepare()
    cppsim.unit_flags()


if __name__ == "__main__":
    prepare()
