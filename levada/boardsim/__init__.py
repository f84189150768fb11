"""A PYNQ board that is simulated: pynq's own remote protocol over the chip in Verilator.

With PYNQ_REMOTE_DEVICES=127.0.0.1 the package `pynq`, as it comes, finds this board. Overlay, MMIO and
allocate work as on a real one, in the pace of the simulation.
"""

from levada.boardsim.board import Board
from levada.boardsim.package import PORT, client_package
from levada.boardsim.server import serve

__all__ = ["PORT", "Board", "client_package", "serve"]
