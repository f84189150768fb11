// Runs Verilator's model of a design of benches: dot_bench VECTORS SEED prints each bench's errors.
#include "Vdut.h"
#include "verilated.h"
#include <cstdio>
#include <cstdlib>

int main(int, char** argv) {
  VerilatedContext context;
  context.randSeed(std::atoi(argv[2]));
  Vdut dut{&context};
  for (long cycle = std::atol(argv[1]); cycle > 0; --cycle) {
    dut.clk = 0;
    dut.eval();
    dut.clk = 1;
    dut.eval();
  }
  for (const unsigned errors : dut.errors.m_storage) {
    std::printf("%u\n", errors);
  }
}
