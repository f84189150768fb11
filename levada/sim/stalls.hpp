// Random pauses of simulated ports, the same for a seed on every machine.
#pragma once

#include <cstdint>

namespace levada {

class Stalls {
 public:
  // A port pauses in a cycle with a chance of CHANCE / 256.
  explicit Stalls(unsigned chance = 0, uint64_t seed = 0)
      : chance_(chance), state_(seed * 2654435761u + 88172645463325252u) {}

  bool awake() { return (next() & 255) >= chance_; }

  uint64_t next() {  // xorshift64
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  unsigned chance_;
  uint64_t state_;
};

}  // namespace levada
