"""The boards that come with levada, and what a board.toml of one's own must hold."""

import pytest

from levada import boards, content
from levada.errors import LevadaError
from levada.layer import Device

NAMES = ["colorlight-i9", "kv260", "pynq-z1", "pynq-z2", "ultra96-v2", "ulx3s-85f", "zc706", "zcu104"]
BOARD = (content.root("boards") / "pynq-z2" / "board.toml").read_text()


@pytest.mark.parametrize("name", ["pynq-z1", "pynq-z2"])
def test_pynq_boards(name):
    board = boards.load(name)
    assert (board.name, board.part, board.clock_mhz) == (name, "xc7z020clg400-1", 100)
    assert board.device == Device("xc7", lut=53200, ff=106400, dsp=220, bram18=280)
    assert board.usable == Device("xc7", lut=45220, ff=106400, dsp=220, bram18=266)
    assert board.memory_ports == tuple(boards.MemoryPort(f"HP{i}", 64) for i in range(4))
    assert {board: 1}[boards.load(name)] == 1  # equal and hashable


def test_a_larger_chip():
    assert boards.load("zc706").device == Device("xc7", lut=218600, ff=437200, dsp=900, bram18=1090)


@pytest.mark.parametrize(
    ("name", "part", "device"),
    [
        ("ultra96-v2", "xczu3eg-sbva484-1-i", Device("xcup", lut=70560, ff=141120, dsp=360, bram18=432)),
        ("kv260", "xck26-sfvc784-2LV-c", Device("xcup", lut=117120, ff=234240, dsp=1248, bram18=288)),
        ("zcu104", "xczu7ev-ffvc1156-2-e", Device("xcup", lut=230400, ff=460800, dsp=1728, bram18=624)),
    ],
)
def test_ultrascale_boards(name, part, device):
    board = boards.load(name)
    assert (board.part, board.device, len(board.memory_ports)) == (part, device, 4)


@pytest.mark.parametrize(
    ("name", "part", "device", "baud"),
    [
        ("ulx3s-85f", "LFE5U-85F-6BG381C", Device("ecp5", 83640, 83640, 156, 208), 3_000_000),
        ("colorlight-i9", "LFE5U-45F-6BG381C", Device("ecp5", 43848, 43848, 72, 108), 2_000_000),
    ],
)
def test_ecp5_boards(name, part, device, baud):
    board = boards.load(name)
    assert (board.part, board.device, board.shell.baud) == (part, device, baud)
    assert (board.shell.registers, len(board.memory_ports)) == (0, 1)


def test_names():
    assert boards.names() == NAMES


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("pynq-z3", "did you mean pynq-z2 or pynq-z1? "),
        ("ulx3s", "did you mean ulx3s-85f? "),
        ("abc", ""),
        ("no/such/board.toml", ""),
    ],
)
def test_unknown_name(name, guess):
    with pytest.raises(LevadaError) as error:
        boards.load(name)
    assert str(error.value) == (
        f"board '{name}' is unknown; {guess}known: {', '.join(NAMES)}; or give the path of a board.toml"
    )


def test_a_board_of_ones_own(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(BOARD.replace("pynq-z2", "mine").replace("clock_mhz = 100", "clock_mhz = 62.5"))
    board = boards.load(str(path))
    assert (board.name, board.clock_mhz) == ("mine", 62.5)
    assert boards.load(str(tmp_path)) == board


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('part = "xc7z020clg400-1"\n', "", "part is missing; add it"),
        ('"xc7"', '""', "family is ''; write one line of text in quotes"),
        ('"xc7"', '"xc8"', "family is 'xc8'; use one of ecp5, xc7, xcup"),
        ('"xc7"', "7", "family is 7; write one line of text in quotes"),
        ("clock_mhz = 100", "clock_mhz = 0", "clock_mhz is 0; write a number of MHz above 0"),
        ("clock_mhz = 100", "clock_mhz = inf", "clock_mhz is inf; write a number of MHz above 0"),
        ("lut = 53200\n", "", "resources.lut is missing; add it"),
        ("53200", "0", "resources.lut is 0; write a whole number of at least 1"),
        ("53200", "true", "resources.lut is True; write a whole number of at least 1"),
        ("220", "220.0", "resources.dsp is 220.0; write a whole number of at least 0"),
        ("0.85", "85", "caps.lut is 85; write a fraction above 0 and up to 1"),
        ("0.85", "nan", "caps.lut is nan; write a fraction above 0 and up to 1"),
        ("lut = 0.85", "luts = 0.85", "key caps.luts is unknown; use one of lut, ff, dsp, bram18"),
        ("bits = 64", "bits = 4", "memory_port[0].bits is 4; write a whole number of at least 8"),
        ("bits = 64", "width = 64", "key memory_port[0].width is unknown; use one of name, bits"),
        (
            "clock_mhz",
            "clock",
            "key clock is unknown; use one of name, part, family, clock_mhz, resources, caps, memory_port, "
            "shell",
        ),
        ('"zynq7"', '"zynq8"', "shell.kind is 'zynq8'; use one of ecp5, zynq7, zynqmp"),
        ("pll_mhz = 1000", "pll_mhz = -1", "shell.pll_mhz is -1; write a number of MHz above 0"),
        ("pll_mhz = 1000\n", "", "shell.pll_mhz is missing; add it"),
        ("0x43C00000", "-4", "shell.registers is -4; write a whole number of at least 0"),
        (BOARD[BOARD.index("[resources]") :], "resources = 1\ncaps = 1\nmemory_port = 1\n", None),
    ],
)
def test_faulty_board_toml(tmp_path, old, new, text):
    path = tmp_path / "board.toml"
    assert old in BOARD
    path.write_text(BOARD.replace(old, new, 1))
    with pytest.raises(LevadaError) as error:
        boards.load(str(path))
    assert str(error.value) == f"{path}: {text or 'resources is 1; write a table [resources]'}"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("baud = 3_000_000\n", "", "shell.baud is missing; add it"),
        ("3_000_000", '"fast"', "shell.baud is 'fast'; write a whole number of at least 1"),
        (
            "oscillator_mhz = 25",
            "oscillator_mhz = 0",
            "shell.oscillator_mhz is 0; write a number of MHz above 0",
        ),
        ('"M1"', "1", "shell.receive_pin is 1; write one line of text in quotes"),
        ('["L2"]', '"L2"', "shell.high_pins is 'L2'; write a list, [] for none"),
        ('["L2"]', "[2]", "shell.high_pins is 2; write one line of text in quotes"),
        (
            "baud",
            "speed",
            "key shell.speed is unknown; use one of kind, oscillator_mhz, baud, clock_pin, receive_pin, "
            "transmit_pin, high_pins",
        ),
    ],
)
def test_faulty_serial_shell(tmp_path, old, new, text):
    good = (content.root("boards") / "ulx3s-85f" / "board.toml").read_text()
    path = tmp_path / "board.toml"
    path.write_text(good.replace(old, new, 1))
    with pytest.raises(LevadaError) as error:
        boards.load(str(path))
    assert str(error.value) == f"{path}: {text}"


def test_memory_ports_must_be_tables(tmp_path):
    path = tmp_path / "board.toml"
    head = BOARD[: BOARD.index("[[memory_port]]")]
    path.write_text(head.replace("[resources]", "memory_port = [1]\n[resources]"))
    with pytest.raises(LevadaError) as error:
        boards.load(str(path))
    assert str(error.value) == f"{path}: memory_port is [1]; write one table [[memory_port]] a port"


def test_not_toml(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text("name = ")
    with pytest.raises(LevadaError) as error:
        boards.load(str(path))
    assert str(error.value).startswith(f"{path}: cannot be read as TOML (Invalid value")
    assert str(error.value).endswith("); mend it")
