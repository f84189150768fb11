"""Synthesis back ends: each turns generated sources into a netlist, resource counts or a bitstream."""
