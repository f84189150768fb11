// serialsim: the chip at the end of a serial line in Verilator, its two pins joined to a pseudo terminal.
//
//   serialsim [FLIP LOSE SPARK SEED]  > the terminal's path, one line
//
// Whoever opens the terminal is the host. FLIP is the chance of a bit to be the other one, LOSE that of a byte to be
// lost, SPARK that of the quiet line to carry what looks like a start bit where a byte could begin: in either direction.
//
// Cycles pass while there is something on the line, and QUIET cycles longer: then the program sleeps until the host
// says something. A host that waits for a long batch asks how far it is, and so keeps the clock running. The program ends
// with its standard input.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "Vdut.h"
#include "ports.hpp"
#include "verilated.h"

namespace {

constexpr unsigned DIVISOR = LEVADA_DIVISOR;
constexpr unsigned BYTE = 10 * DIVISOR;  // cycles
constexpr uint64_t QUIET = 200'000;

struct Noise {
  double flip = 0, lose = 0, spark = 0;
  std::mt19937_64 random{1};
  bool happens(double chance) { return chance > 0 && std::uniform_real_distribution<>()(random) < chance; }
  unsigned below(unsigned most) { return unsigned(random() % most); }
};

// The host's transmitter: a level for every cycle.
class ToChip {
 public:
  explicit ToChip(Noise& noise) : noise_(noise) {}

  bool quiet() const { return bytes_.empty() && levels_.empty(); }
  void send(uint8_t byte) { bytes_.push_back(byte); }

  bool level() {
    if (levels_.empty()) begin();
    if (levels_.empty()) return true;
    const bool level = levels_.front();
    levels_.pop_front();
    return level;
  }

 private:
  void begin() {
    if (bytes_.empty()) {
      if (++idle_ % BYTE == 0 && noise_.happens(noise_.spark)) hold(false, 1 + noise_.below(2 * DIVISOR));
      return;
    }
    const unsigned frame = 0x200u | unsigned(bytes_.front()) << 1;
    bytes_.pop_front();
    if (noise_.happens(noise_.lose)) return;
    for (unsigned i = 0; i < 10; ++i) hold((frame >> i & 1) != noise_.happens(noise_.flip), DIVISOR);
  }
  void hold(bool level, unsigned cycles) { levels_.insert(levels_.end(), cycles, level); }

  Noise& noise_;
  std::deque<uint8_t> bytes_;
  std::deque<char> levels_;
  uint64_t idle_ = 0;
};

// The host's receiver: looks at each bit in its middle.
class FromChip {
 public:
  explicit FromChip(Noise& noise) : noise_(noise) {}

  bool quiet() const { return cycle_ == 0 && bytes.empty(); }

  void sample(bool level) {
    if (cycle_ == 0) {
      if (level && ++idle_ % BYTE == 0 && noise_.happens(noise_.spark))
        bytes.push_back(uint8_t(noise_.random()));
      if (level) return;
    }
    const unsigned bit = cycle_ / DIVISOR;
    if (cycle_ % DIVISOR == DIVISOR / 2) frame_ |= unsigned(level != noise_.happens(noise_.flip)) << bit;
    if (++cycle_ < BYTE - DIVISOR / 2 + 1) return;
    const bool whole = (frame_ & 0x201u) == 0x200u;
    if (whole && !noise_.happens(noise_.lose)) bytes.push_back(uint8_t(frame_ >> 1));
    cycle_ = frame_ = 0;
  }

  std::vector<uint8_t> bytes;

 private:
  Noise& noise_;
  unsigned cycle_ = 0, frame_ = 0;
  uint64_t idle_ = 0;
};

class Chip {
 public:
  Chip() : dut_(std::make_unique<Vdut>(&context_)) {
    dut_->receive = 1;
    dut_->rst_n = 0;
    for (int i = 0; i < 8; ++i) tick(true);
    dut_->rst_n = 1;
  }

  // One cycle; the level on the line to the host.
  bool tick(bool receive) {
    dut_->receive = receive;
    dut_->clk = 0;
    dut_->eval();
    dut_->clk = 1;
    dut_->eval();
    return dut_->transmit != 0;
  }

 private:
  VerilatedContext context_;
  std::unique_ptr<Vdut> dut_;
};

// The end of the terminal that the chip is at; nobody has to have opened the other one.
int open_terminal() {
  int chip = -1, host = -1;
  char name[256];
  termios raw{};
  cfmakeraw(&raw);
  if (openpty(&chip, &host, name, &raw, nullptr) != 0) std::exit(2);
  fcntl(chip, F_SETFL, O_NONBLOCK);
  std::printf("%s\n", name);
  std::fflush(stdout);
  return chip;
}

}  // namespace

int main(int argc, char** argv) {
  Noise noise;
  if (argc == 5) {
    noise.flip = std::atof(argv[1]);
    noise.lose = std::atof(argv[2]);
    noise.spark = std::atof(argv[3]);
    noise.random.seed(std::strtoull(argv[4], nullptr, 10));
  } else if (argc != 1) {
    return 2;
  }
  Chip chip;
  ToChip to_chip(noise);
  FromChip from_chip(noise);
  const int terminal = open_terminal();
  for (uint64_t quiet = 0;;) {
    pollfd ends[] = {{terminal, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(ends, 2, quiet < QUIET ? 0 : -1);
    if (ends[1].revents != 0) return 0;
    uint8_t said[256];
    const ssize_t count = to_chip.quiet() ? read(terminal, said, sizeof said) : 0;
    for (ssize_t i = 0; i < count; ++i) to_chip.send(said[i]);
    quiet = to_chip.quiet() && from_chip.quiet() ? quiet + BYTE : 0;
    for (unsigned i = 0; i < BYTE; ++i) from_chip.sample(chip.tick(to_chip.level()));
    // A host that does not read loses bytes, as on a real line.
    if (!from_chip.bytes.empty() && write(terminal, from_chip.bytes.data(), from_chip.bytes.size()) < 0)
      quiet = 0;
    from_chip.bytes.clear();
  }
}
