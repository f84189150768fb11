"""The processors of boards as pynq knows them: their names in Linux, their own registers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from levada.emit.shell import HARDWARE_FILE


@dataclass(frozen=True)
class Processor:
    """The machine's name, and registers with what is in them before any design, by their address."""

    machine: str
    registers: Mapping[int, int]


# After reset (AMD UG585, appendix B): PLLs and FCLK 0 to 3.
_ZYNQ7 = Processor(
    "armv7l",
    {
        0xF8000100: 0x0002_8008,
        0xF8000104: 0x0002_0008,
        0xF8000108: 0x0001_E008,
        0xF8000170: 0x0010_0A00,
        0xF8000180: 0x0010_0A00,
        0xF8000190: 0x0010_0A00,
        0xF80001A0: 0x0010_0A00,
    },
)
# AMD UG1087, modules CRL_APB and CRF_APB: PLLs of 1,500 MHz, PL clocks of 100 MHz, the processor's own one.
# Ports are as wide as they can be: that of registers (FPD_SLCR.afi_fs), HP0 to HP3 both ways (AFIFM2 to 5).
_ZYNQMP = Processor(
    "aarch64",
    {
        **dict.fromkeys((0xFF5E0020, 0xFF5E0030, 0xFD1A0020, 0xFD1A002C, 0xFD1A0038), 0x0001_5A00),
        **dict.fromkeys(range(0xFF5E00C0, 0xFF5E00D0, 4), 0x0101_0F00),
        0xFD1A0060: 0x0300_0100,
        0xFD615000: 0x0000_0A00,
        **{0xFD380000 + 0x10000 * port + way: 0x3B0 for port in range(4) for way in (0x00, 0x14)},
    },
)
#: By the architecture that a .hwh states.
_PROCESSORS = {"zynq": _ZYNQ7, "zynquplus": _ZYNQMP}


def of(deploy: Path) -> Processor:
    """The processor that a deploy package is for."""
    found = re.search(r'\bARCH="(\w+)"', (deploy / HARDWARE_FILE).read_text(encoding="utf-8"))
    assert found, f"{deploy / HARDWARE_FILE} states no ARCH"
    return _PROCESSORS[found[1]]
