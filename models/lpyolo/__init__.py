"""LPYOLO, a low-precision detector of faces."""
