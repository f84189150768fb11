"""Where the registers of an accelerator are, in bytes from its first one: those of axi/control.sv."""

MAGIC, MAP, DIGEST, SHAPE = 0x000, 0x004, 0x008, 0x010
CONTROL, STATUS, INTERRUPT = 0x014, 0x018, 0x01C
BATCHES, SEEN, ERRORS, CYCLES = 0x020, 0x024, 0x028, 0x030

#: What MAGIC and MAP hold: "LVDA", and the version of this map.
MAGIC_WORD, MAP_VERSION = 0x4144564C, 1

# Bits of CONTROL and STATUS.
START, RESET = 1, 2
BUSY, TAKES_MORE, RESETTING, FAILED = 1, 2, 4, 8

# The stream that is watched: which one, and the cycles in which it did what.
SELECT, MOVING, STARVED, STALLED, NOW = 0x040, 0x044, 0x048, 0x04C, 0x050

# Parameters that can be written: where the next word goes, a word, and what went out. Which setting there is.
PARAM_ADDRESS, PARAM_DATA, PARAM_CHECKSUM, SETTING = 0x060, 0x064, 0x068, 0x06C

# The registers of an engine, from `engine(number)` on; those that read memory come first.
ADDRESS, WORDS, MOVED, FRAMES, CHECKSUM = 0x00, 0x08, 0x0C, 0x10, 0x14

#: Bytes of all registers, and the bits that a register counts with.
SIZE, BITS = 0x1000, 32


def engine(number: int) -> int:
    """Where the registers of an engine begin."""
    return 0x100 + 0x20 * number
