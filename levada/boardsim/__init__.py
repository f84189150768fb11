"""A board that is simulated, for the driver as it is: the chip in Verilator behind what the host talks to.

Of a board with a serial line that is a pseudo terminal, of a PYNQ board pynq's own remote protocol.

With PYNQ_REMOTE_DEVICES=127.0.0.1 the package `pynq`, as it comes, finds this board. Overlay, MMIO and
allocate work as on a real one, in the pace of the simulation.
"""

from levada.boardsim.board import Board
from levada.boardsim.line import line_package, open_line
from levada.boardsim.package import PORT, client_package
from levada.boardsim.server import serve

__all__ = ["PORT", "Board", "client_package", "line_package", "open_line", "serve"]
