// chipsim: the whole programmable logic in Verilator, with memory behind its memory ports and somebody who asks.
//
//   chipsim MEMORY BASE  < commands  > answers
//
// MEMORY is a file, mapped here and by whoever asks; its first byte has the address BASE. A line is a command and gets
// one line of answer. Time stands still between commands.
//
//   read OFFSET          -> the register's value
//   write OFFSET VALUE   -> ok
//   run CYCLES           -> cycles that passed: CYCLES, or less if the interrupt is or becomes high
//   stalls CHANCE SEED   -> ok: every channel pauses in a cycle with a chance of CHANCE / 256
//   latency CYCLES       -> ok: from a burst's address to its first word, and from its last word to its answer
//   fault WHAT N M       -> ok: see Fault
//   cycles               -> cycles since the start
//   restart              -> ok: as after power on; memory stays
//
// The memory ports are also checked: a burst that crosses 4 KiB, an offer that changes before it is taken, a last word at
// the wrong place and the like end the program with exit code 4 and one line that says so on stderr.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vdut.h"
#include "ports.hpp"
#include "stalls.hpp"
#include "verilated.h"

namespace {

constexpr unsigned WORD = 8;
constexpr unsigned OKAY = 0, SLVERR = 2, DECERR = 3;
constexpr unsigned MOST_UNDER_WAY = 8;  // bursts that a port takes before it answers

uint8_t* memory;
uint64_t memory_base, memory_size, cycle;
unsigned latency = 20;
levada::Stalls stalls;

[[noreturn]] void broken(const std::string& rule) {
  std::fprintf(stderr, "chipsim: cycle %llu: %s\n", (unsigned long long)cycle, rule.c_str());
  std::exit(4);
}

// What goes wrong: of the bursts from now on, the N-th one to read or write is answered with error M (2 or 3), or no
// channel of that kind moves for M cycles from its N-th handshake on.
struct Fault {
  bool armed = false;
  uint64_t left = 0;   // bursts or handshakes until it happens
  uint64_t value = 0;  // the error, or the cycles that are left
  bool happens() {
    if (!armed || left-- != 0) return false;
    armed = false;
    return true;
  }
};
Fault read_error, write_error;

struct Stuck {
  Fault fault;
  uint64_t until = 0;
  // Called for each cycle in which a handshake would be possible.
  bool holds() {
    if (cycle < until) return true;
    if (!fault.happens()) return false;
    until = cycle + fault.value;
    return true;
  }
};
Stuck stuck_ar, stuck_r, stuck_aw, stuck_w, stuck_b;

struct Burst {
  uint64_t address;
  unsigned left;  // words
  unsigned answer;
  uint64_t ready;  // the cycle from which on it may be answered
};

unsigned answer_to(uint64_t address, unsigned words, Fault& fault, const char* name) {
  const uint64_t last = address + uint64_t(words) * WORD - 1;
  if (address % WORD != 0) broken(std::string(name) + ": the address is no multiple of 8");
  if (address >> 12 != last >> 12) broken(std::string(name) + ": the burst crosses 4 KiB");
  if (fault.happens()) return unsigned(fault.value);
  const bool inside = address >= memory_base && last - memory_base < memory_size;
  return inside ? OKAY : DECERR;
}

// An offer must stay as it is until it is taken.
struct Offer {
  bool open = false;
  uint64_t data = 0;
  void check(bool valid, bool ready, uint64_t now, const char* name) {
    if (open && (!valid || now != data)) broken(std::string(name) + ": an offer changed before it was taken");
    open = valid && !ready;
    data = now;
  }
};

struct ReadPort {
  IData* address;
  CData *length, *valid, *ready;
  QData* data;
  CData *answer, *data_valid, *data_ready;
  std::deque<Burst> bursts;
  Offer offer;

  void drive() {
    *ready = bursts.size() < MOST_UNDER_WAY && stalls.awake() && !(*valid && stuck_ar.holds());
    // A word that was offered stays on offer.
    if (!*data_valid && !bursts.empty() && bursts.front().ready <= cycle && stalls.awake() &&
        !stuck_r.holds()) {
      const Burst& burst = bursts.front();
      if (burst.answer == OKAY)
        std::memcpy(data, memory + (burst.address - memory_base), WORD);
      else
        *data = stalls.next();
      *answer = CData(burst.answer);
      *data_valid = 1;
    }
  }

  void sample() {
    offer.check(*valid, *ready, uint64_t(*address) << 8 | *length, "AR");
    if (*valid && *ready) {
      const unsigned words = *length + 1u;
      bursts.push_back({*address, words, answer_to(*address, words, read_error, "AR"), cycle + latency});
    }
  }

  // After the clock: what was taken goes.
  void settle(bool took) {
    if (!took) return;
    *data_valid = 0;
    Burst& burst = bursts.front();
    burst.address += WORD;
    if (--burst.left == 0) bursts.pop_front();
  }
};

struct WritePort {
  IData* address;
  CData *length, *valid, *ready;
  QData* data;
  CData *strobe, *last, *data_valid, *data_ready, *answer, *answer_valid, *answer_ready;
  std::deque<Burst> bursts;   // whose words are not all here
  std::deque<Burst> answers;  // whose words are
  Offer offer, word_offer;

  void drive() {
    *ready = bursts.size() < MOST_UNDER_WAY && stalls.awake() && !(*valid && stuck_aw.holds());
    *data_ready = !bursts.empty() && stalls.awake() && !(*data_valid && stuck_w.holds());
    if (!*answer_valid && !answers.empty() && answers.front().ready <= cycle && stalls.awake() &&
        !stuck_b.holds()) {
      *answer = CData(answers.front().answer);
      *answer_valid = 1;
    }
  }

  void sample() {
    offer.check(*valid, *ready, uint64_t(*address) << 8 | *length, "AW");
    word_offer.check(*data_valid, *data_ready, *data ^ uint64_t(*strobe) << 1 ^ *last, "W");
    if (*data_valid && *data_ready) {
      Burst& burst = bursts.front();
      if ((*last != 0) != (burst.left == 1)) broken("W: WLAST is not at the burst's last word");
      for (unsigned i = 0; i < WORD && burst.answer == OKAY; ++i) {
        if (*strobe >> i & 1) memory[burst.address - memory_base + i] = uint8_t(*data >> (8 * i));
      }
      burst.address += WORD;
      if (--burst.left == 0) {
        answers.push_back({0, 0, burst.answer, cycle + latency});
        bursts.pop_front();
      }
    }
    if (*valid && *ready) {
      const unsigned words = *length + 1u;
      bursts.push_back({*address, words, answer_to(*address, words, write_error, "AW"), 0});
    }
  }

  void settle(bool took) {
    if (!took) return;
    *answer_valid = 0;
    answers.pop_front();
  }
};

class Chip {
 public:
  Chip() { restart(); }

  void restart() {
    dut_ = std::make_unique<Vdut>(&context_);
#define READ_PORT(N)          \
  {&dut_->m_axi##N##_araddr,  \
   &dut_->m_axi##N##_arlen,   \
   &dut_->m_axi##N##_arvalid, \
   &dut_->m_axi##N##_arready, \
   &dut_->m_axi##N##_rdata,   \
   &dut_->m_axi##N##_rresp,   \
   &dut_->m_axi##N##_rvalid,  \
   &dut_->m_axi##N##_rready,  \
   {},                        \
   {}},
#define WRITE_PORT(N)         \
  {&dut_->m_axi##N##_awaddr,  \
   &dut_->m_axi##N##_awlen,   \
   &dut_->m_axi##N##_awvalid, \
   &dut_->m_axi##N##_awready, \
   &dut_->m_axi##N##_wdata,   \
   &dut_->m_axi##N##_wstrb,   \
   &dut_->m_axi##N##_wlast,   \
   &dut_->m_axi##N##_wvalid,  \
   &dut_->m_axi##N##_wready,  \
   &dut_->m_axi##N##_bresp,   \
   &dut_->m_axi##N##_bvalid,  \
   &dut_->m_axi##N##_bready,  \
   {},                        \
   {},                        \
   {},                        \
   {}},
    reads_ = {LEVADA_READ_PORTS(READ_PORT)};
    writes_ = {LEVADA_WRITE_PORTS(WRITE_PORT)};
    dut_->rst_n = 0;
    for (int i = 0; i < 8; ++i) tick();
    dut_->rst_n = 1;
  }

  void tick() {
    for (ReadPort& port : reads_) port.drive();
    for (WritePort& port : writes_) port.drive();
    dut_->clk = 0;
    dut_->eval();
    if (dut_->rst_n) {
      for (ReadPort& port : reads_) port.sample();
      for (WritePort& port : writes_) port.sample();
    }
    taken_.clear();
    for (ReadPort& port : reads_) taken_.push_back(*port.data_valid && *port.data_ready);
    for (WritePort& port : writes_) taken_.push_back(*port.answer_valid && *port.answer_ready);
    dut_->clk = 1;
    dut_->eval();
    size_t at = 0;
    for (ReadPort& port : reads_) port.settle(taken_[at++]);
    for (WritePort& port : writes_) port.settle(taken_[at++]);
    ++cycle;
  }

  uint64_t run(uint64_t cycles) {
    const uint64_t start = cycle;
    while (cycle - start < cycles && !dut_->irq) tick();
    return cycle - start;
  }

  uint32_t read(uint32_t offset) {
    dut_->s_axi_arid = 1;
    dut_->s_axi_araddr = SData(offset);
    dut_->s_axi_arlen = 0;
    dut_->s_axi_arvalid = 1;
    while (!handshake(dut_->s_axi_arready)) {
    }
    dut_->s_axi_arvalid = 0;
    dut_->s_axi_rready = 1;
    uint32_t value = 0;
    do value = dut_->s_axi_rdata;
    while (!handshake(dut_->s_axi_rvalid, &value));
    dut_->s_axi_rready = 0;
    return value;
  }

  void write(uint32_t offset, uint32_t value) {
    dut_->s_axi_awid = 1;
    dut_->s_axi_awaddr = SData(offset);
    dut_->s_axi_awvalid = 1;
    while (!handshake(dut_->s_axi_awready)) {
    }
    dut_->s_axi_awvalid = 0;
    dut_->s_axi_wdata = value;
    dut_->s_axi_wstrb = 15;
    dut_->s_axi_wlast = 1;
    dut_->s_axi_wvalid = 1;
    while (!handshake(dut_->s_axi_wready)) {
    }
    dut_->s_axi_wvalid = 0;
    dut_->s_axi_bready = 1;
    while (!handshake(dut_->s_axi_bvalid)) {
    }
    dut_->s_axi_bready = 0;
  }

 private:
  // One cycle; true if the other side's signal was high in it, `data` then what was read.
  bool handshake(const CData& other, uint32_t* data = nullptr) {
    dut_->clk = 0;
    dut_->eval();
    const bool moved = other != 0;
    if (moved && data != nullptr) *data = dut_->s_axi_rdata;
    tick();
    return moved;
  }

  VerilatedContext context_;
  std::unique_ptr<Vdut> dut_;
  std::vector<ReadPort> reads_;
  std::vector<WritePort> writes_;
  std::vector<char> taken_;
};

bool set_fault(const std::string& what, uint64_t number, uint64_t value) {
  Fault* fault =
      what == "read-error"    ? &read_error
      : what == "write-error" ? &write_error
      : what == "ar"          ? &stuck_ar.fault
      : what == "r"           ? &stuck_r.fault
      : what == "aw"          ? &stuck_aw.fault
      : what == "w"           ? &stuck_w.fault
      : what == "b"           ? &stuck_b.fault
                              : nullptr;
  if (fault == nullptr) return false;
  *fault = {true, number, value};
  return true;
}

std::string answer(Chip& chip, const std::string& line) {
  std::istringstream words(line);
  std::string command, what;
  uint64_t first = 0, second = 0;
  words >> command;
  if (command == "fault") words >> what;
  words >> first >> second;
  if (command == "read") return std::to_string(chip.read(uint32_t(first)));
  if (command == "run") return std::to_string(chip.run(first));
  if (command == "cycles") return std::to_string(cycle);
  if (command == "write")
    chip.write(uint32_t(first), uint32_t(second));
  else if (command == "latency")
    latency = unsigned(first);
  else if (command == "restart")
    chip.restart();
  else if (command == "stalls") {
    stalls = levada::Stalls(unsigned(first), second);
  } else if (command != "fault" || !set_fault(what, first, second))
    return "unknown";
  return "ok";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int file = open(argv[1], O_RDWR);
  struct stat status{};
  if (file < 0 || fstat(file, &status) != 0) return 2;
  memory_size = uint64_t(status.st_size);
  memory_base = std::strtoull(argv[2], nullptr, 10);
  void* mapped = mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) return 2;
  memory = static_cast<uint8_t*>(mapped);
  Chip chip;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer(chip, line) << '\n' << std::flush;
  }
  return 0;
}
