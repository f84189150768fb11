"""ESPCN, small super-resolution networks for the brightness of photographs."""
