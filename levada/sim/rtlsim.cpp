// rtlsim's main loop: drives the verilated accelerator cycle by cycle, with random stalls where asked for.
//
//   rtlsim FRAMES STALL SEED LIMIT QUIET SETTING [TRACE.vcd]  < input bytes  > header line, output bytes, cycles
//
// STALL/256 is the chance that a stream pauses in a cycle. Input and output bytes are those of each port in
// turn, all frames. After them come, as uint64, the cycle in which each input beat was taken and each output
// beat was given, port by port. The header line is "ok CYCLES" or "stuck CYCLE: what", the latter if QUIET
// cycles pass without a beat at any port, or LIMIT cycles in all; then nothing follows it. A design that has several
// settings is put into SETTING first.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vdut.h"
#include "ports.hpp"
#include "stalls.hpp"
#include "verilated.h"
#ifdef LEVADA_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

struct Port {
  const char* name;
  void* data;  // Verilator keeps a signal's bytes from the lowest up, so a beat is copied as it is
  CData* valid;
  CData* ready;
  size_t beat_bytes;
  uint64_t beats;  // of all frames
  uint64_t done = 0;
  bool offered = false;
  std::vector<uint8_t> bytes;
  std::vector<uint64_t> cycles;
};

template <class T>
bool probe(const T& signal, unsigned index) {
  return (reinterpret_cast<const uint8_t*>(&signal)[index / 8] >> (index % 8)) & 1;
}

std::string stuck_streams(const Vdut& dut) {
  std::string waiting;
  for (unsigned i = 0; i < LEVADA_PROBES; ++i) {
    const bool valid = probe(dut.probe_valid, i);
    const bool ready = probe(dut.probe_ready, i);
    waiting += std::string(i ? ", " : "") + levada_probe_names[i] +
               (valid   ? ready ? " moves" : " is not taken"
                : ready ? " is empty"
                        : " is idle");
  }
  return waiting;
}

void put(const void* data, size_t bytes) {
  if (bytes != 0 && std::fwrite(data, 1, bytes, stdout) != bytes) std::exit(3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  const uint64_t frames = std::strtoull(argv[1], nullptr, 10);
  levada::Stalls stalls(unsigned(std::atoi(argv[2])), std::strtoull(argv[3], nullptr, 10));
  const uint64_t limit = std::strtoull(argv[4], nullptr, 10);
  const uint64_t quiet = std::strtoull(argv[5], nullptr, 10);

  auto context = std::make_unique<VerilatedContext>();
#ifdef LEVADA_TRACE
  context->traceEverOn(true);
#endif
  auto dut = std::make_unique<Vdut>(context.get());
#define PORT(NAME, TYPE, BITS, ELEMENTS, BEATS) \
  {#NAME,                                       \
   &dut->NAME##_tdata,                          \
   &dut->NAME##_tvalid,                         \
   &dut->NAME##_tready,                         \
   ((BITS) * (ELEMENTS) + 7) / 8,               \
   frames * (BEATS)},
  std::vector<Port> inputs = {LEVADA_INPUTS(PORT)};
  std::vector<Port> outputs = {LEVADA_OUTPUTS(PORT)};
  for (Port& port : inputs) {
    port.bytes.resize(port.beats * port.beat_bytes);
    if (std::fread(port.bytes.data(), 1, port.bytes.size(), stdin) != port.bytes.size()) return 2;
  }
  for (Port& port : outputs) port.bytes.resize(port.beats * port.beat_bytes);
  for (Port& port : inputs) port.cycles.resize(port.beats);
  for (Port& port : outputs) port.cycles.resize(port.beats);

#ifdef LEVADA_TRACE
  std::unique_ptr<VerilatedVcdC> trace;
  if (argc > 7) {
    trace = std::make_unique<VerilatedVcdC>();
    dut->trace(trace.get(), 99);
    trace->open(argv[7]);
  }
#define DUMP() \
  if (trace) trace->dump(context->time())
#else
#define DUMP()
#endif
  const auto tick = [&](int clk) {
    dut->clk = CData(clk);
    dut->eval();
    DUMP();
    context->timeInc(1);
  };

  dut->rst_n = 0;
  for (Port& port : inputs) *port.valid = 0;
  for (Port& port : outputs) *port.ready = 0;
  for (int i = 0; i < 4; ++i) {
#ifdef LEVADA_SETTINGS
    // {valid, address, data} on the bus of param_pkg, in the first of these cycles.
    dut->param[0] = unsigned(std::atoi(argv[6]));
    dut->param[1] = 0;
    dut->param[2] = i == 0;
#endif
    tick(0);
    tick(1);
  }
  dut->rst_n = 1;
  // One cycle for the credits and ready flags that reset holds down.
  tick(0);
  tick(1);

  uint64_t cycle = 0;
  uint64_t last_move = 0;
  uint64_t open_ports = 0;
  for (const Port& port : inputs) open_ports += port.beats != 0;
  for (const Port& port : outputs) open_ports += port.beats != 0;
  for (; open_ports != 0; ++cycle) {
    if (cycle >= limit || cycle - last_move > quiet) {
      dut->eval();
      std::printf("stuck %llu: %s\n", (unsigned long long)cycle, stuck_streams(*dut).c_str());
      return 0;
    }
    for (Port& port : inputs) {
      if (!port.offered && port.done < port.beats && stalls.awake()) {
        std::memcpy(port.data, &port.bytes[port.done * port.beat_bytes], port.beat_bytes);
        port.offered = true;
      }
      *port.valid = port.offered;
    }
    for (Port& port : outputs) *port.ready = stalls.awake();
    tick(0);
    for (Port& port : inputs) {
      if (*port.valid && *port.ready) {
        port.cycles[port.done++] = last_move = cycle;
        port.offered = false;
        open_ports -= port.done == port.beats;
      }
    }
    for (Port& port : outputs) {
      if (*port.valid && *port.ready) {
        if (port.done == port.beats) {
          std::printf(
              "stuck %llu: %s gives more beats than it should\n", (unsigned long long)cycle, port.name);
          return 0;
        }
        std::memcpy(&port.bytes[port.done * port.beat_bytes], port.data, port.beat_bytes);
        port.cycles[port.done++] = last_move = cycle;
        open_ports -= port.done == port.beats;
      }
    }
    tick(1);
  }
#ifdef LEVADA_TRACE
  if (trace) trace->close();
#endif
  std::printf("ok %llu\n", (unsigned long long)cycle);
  for (const Port& port : outputs) put(port.bytes.data(), port.bytes.size());
  for (const Port& port : inputs) put(port.cycles.data(), port.cycles.size() * sizeof(uint64_t));
  for (const Port& port : outputs) put(port.cycles.data(), port.cycles.size() * sizeof(uint64_t));
  return 0;
}
