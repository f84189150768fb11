"""Simulators of a connected graph: C++ (bit-exact, fast) and RTL (bit- and cycle-exact)."""
