"""What is proved of the modules that beats pass through, and that each proof notices a mistake.

Every proof runs on the module as it is, and once more for each mistake made in it, which must be refuted.
docs/proofs.md tells how.
"""

import pytest

from tests.formal.proofs import OWN, Proof, RefutedError, prove
from tests.require_tools import require

LUT = [Proof("fifo", {"DEPTH": depth, "BLOCK": 0}) for depth in (1, 2, 3, 4)]
BLOCK = [Proof("fifo", {"DEPTH": depth, "BLOCK": 1}) for depth in (2, 3, 4)]
FORK = Proof("stream_fork")
DWC = [
    Proof("dwc", {"IN": taken, "OUT": given})
    for taken, given in [(2, 2), (1, 4), (4, 1), (2, 3), (3, 2), (4, 6), (5, 3)]
]
CREDITS = [Proof("credit_fifo", {"SLOTS": slots}) for slots in (1, 2, 3)]
REGS = Proof("axi_regs")
BURSTS = Proof("burst_command", {"BURST": 4, "WORD_BITS": 4})
LONG_BURSTS = Proof("burst_command", {"BURST": 16, "WORD_BITS": 5})
READ = Proof("axi_read", {"BURST": 2, "DEPTH": 4, "WORD_BITS": 2})
WRITE = Proof("axi_write", {"BURST": 2, "DEPTH": 4, "WORD_BITS": 2})
SOURCE = Proof("axi_source")
SINK = Proof("axi_sink")

PROOFS = [*LUT, *BLOCK, FORK, *DWC, *CREDITS, REGS, BURSTS, READ, WRITE, SOURCE, SINK]
PROOFS += [pytest.param(LONG_BURSTS, marks=pytest.mark.slow)]
# A mistake in the module of a proof: what becomes of what, and a property that it breaks.
MISTAKES = {
    "takes a beat when full": (
        LUT[2],
        ("ready_q <= count_q != COUNT_WIDTH'(DEPTH - 1);", "ready_q <= 1'b1;"),
        "fits",
    ),
    "wraps at a power of two": (LUT[2], ("(write_q == LAST) ? '0 : write_q", "write_q"), "kept"),
    "moves on without being taken": (LUT[3], ("valid_q && m_axis_tready", "valid_q"), "stays"),
    "never ready": (LUT[1], ("ready_q <= count_q != COUNT_WIDTH'(DEPTH);", "ready_q <= 1'b0;"), "moves"),
    "reads before the write": (BLOCK[1], ("use_fresh_q <= push &&", "use_fresh_q <= 1'b0 &&"), "kept"),
    "does not wait for room": (FORK, ("s_axis_tvalid && s_axis_tready", "s_axis_tvalid"), "was_there"),
    "waits for one output alone": (FORK, ("s_axis_tready = room && room1", "s_axis_tready = room"), "fits"),
    "gives when the output stalls": (DWC[1], ("(m_axis_tready || !valid_q || !gives)", "1'b1"), "stays"),
    "takes what it has no room for": (DWC[2], ("s_axis_tready = takes &&", "s_axis_tready ="), "fits"),
    "elements exchanged": (DWC[1], ("{s_axis_tdata, stored_q}", "{stored_q, s_axis_tdata}"), "kept"),
    "keeps what left": (DWC[3], ("gives ? all >> (OUT * BITS) : all", "all"), "kept"),
    "a credit too many": (
        CREDITS[2],
        ("credit_q <= claimed_q != COUNT_WIDTH'(SLOTS - 1);", "credit_q <= 1'b1;"),
        OWN,
    ),
    "no credit": (
        CREDITS[1],
        ("credit_q <= claimed_q != COUNT_WIDTH'(SLOTS);", "credit_q <= 1'b0;"),
        "credit_comes",
    ),
    "answers before the last word": (
        REGS,
        ("s_axi_wvalid && s_axi_wlast", "s_axi_wvalid"),
        "write_answers_due",
    ),
    "takes its answer back": (
        REGS,
        ("default: if (s_axi_bready) writing_q <= ADDRESS;", "default: writing_q <= ADDRESS;"),
        "write_stays",
    ),
    "marks another word as last": (
        REGS,
        ("s_axi_rlast = words_left_q == '0", "s_axi_rlast = words_left_q == 8'd1"),
        "reads_words",
    ),
    "reads a cycle early": (
        REGS,
        ("s_axi_arvalid) reading_q <= DATA", "s_axi_arvalid) reading_q <= ANSWER"),
        "reads_words",
    ),
    "crosses a border": (BURSTS, ("5'(BURST) - 5'(at[3+:PLACE_BITS])", "5'(BURST)"), "legal"),
    "forgets the range that waits": (
        BURSTS,
        ("left <= waiting_q ? waiting_words_q : '0", "left <= '0"),
        "all_moved",
    ),
    "steps too short": (
        BURSTS,
        ("(ADDRESS_BITS'(length) << 3)", "(ADDRESS_BITS'(length) << 2)"),
        "legal",
    ),
    "asks without room": (READ, ("!m_axi_arvalid && room &&", "!m_axi_arvalid &&"), OWN),
    "changes its request": (
        READ,
        ("ask = left_q != '0 && !m_axi_arvalid &&", "ask = left_q != '0 &&"),
        "request_stays",
    ),
    "marks the last but one word": (WRITE, ("sent_left_q == 5'd1", "sent_left_q == 5'd2"), "in_burst"),
    "begins a burst without its words": (WRITE, ("stored_q >= COUNT_WIDTH'(length)", "1'b1"), "was_there"),
    "takes its address back": (
        WRITE,
        ("else if (m_axi_awready) m_axi_awvalid", "else m_axi_awvalid"),
        "request_stays",
    ),
    "never begins": (
        WRITE,
        ("stored_q >= COUNT_WIDTH'(length)", "stored_q > COUNT_WIDTH'(DEPTH)"),
        "goes_on",
    ),
    "answers nobody": (SOURCE, ("owed_q != '0 && (word_valid", "(word_valid"), "was_asked"),
    "keeps the bus in a flush": (SOURCE, ("word_valid || flush", "word_valid"), "flushes"),
    "forgets what it owes": (
        SOURCE,
        ("if (!rst_n) owed_q <= '0;", "if (!rst_n || flush) owed_q <= '0;"),
        "asks",
    ),
    "keeps words in a flush": (SOURCE, ("(rst_n && !flush)", "(rst_n)"), "was_there"),
    "answers a burst of which words are to come": (
        SINK,
        ("COUNT_WIDTH'(stored && s_axi_wlast)", "COUNT_WIDTH'(stored)"),
        "answer_due",
    ),
    "takes words without room": (SINK, ("(room || flush)", "1'b1"), "kept"),
    "takes words without an address": (SINK, ("open_q != whole_q && ", ""), "in_burst"),
    "does not count its bursts": (
        SINK,
        ("s_axi_awready = open_q != COUNT_WIDTH'(MOST)", "s_axi_awready = 1'b1"),
        "addresses",
    ),
}


@pytest.fixture(autouse=True)
def tools():
    require("pyosys")


@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_proved(proof, tmp_path):
    prove(proof, tmp_path)


@pytest.mark.parametrize(("proof", "change", "broken"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_refuted(proof, change, broken, tmp_path):
    with pytest.raises(RefutedError) as refuted:
        prove(proof, tmp_path, change)
    assert broken in refuted.value.broken
