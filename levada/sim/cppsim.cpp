// cppsim's entry: frames as AXI-Stream bytes through the generated C++, one call for many frames.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "accelerator.hpp"
#include "ports.hpp"

namespace {

// `bits` <= 57 bits from position `bit` of a buffer that is readable 8 bytes past its end.
uint64_t read_bits(const uint8_t* data, size_t bit, unsigned bits) {
  uint64_t word;
  std::memcpy(&word, data + bit / 8, sizeof(word));
  return (word >> (bit % 8)) & ((uint64_t(1) << bits) - 1);
}

void write_bits(uint8_t* data, size_t bit, unsigned bits, uint64_t value) {
  for (unsigned i = 0; i < bits; ++i) {
    data[(bit + i) / 8] |= uint8_t(((value >> i) & 1) << ((bit + i) % 8));
  }
}

template <class T>
struct code {
  static T decode(uint64_t bits) { return T(bits); }
  static uint64_t encode(T value) { return uint64_t(int64_t(value)); }
};
template <>
struct code<levada::bipolar> {
  static levada::bipolar decode(uint64_t bits) { return bits ? 1 : -1; }
  static uint64_t encode(levada::bipolar value) { return uint64_t(value.code); }
};
// An ap_int is built from a signed number: shift the sign into place first.
template <int BITS>
struct code<ap_int<BITS>> {
  static ap_int<BITS> decode(uint64_t bits) { return int64_t(bits << (64 - BITS)) >> (64 - BITS); }
  static uint64_t encode(ap_int<BITS> value) {
    return uint64_t(int64_t(value)) & (~uint64_t(0) >> (64 - BITS));
  }
};

template <class T, unsigned N>
void feed(hls::stream<levada::vec<T, N>>& stream, const uint8_t* data, unsigned bits, unsigned beats) {
  for (unsigned beat = 0; beat < beats; ++beat, data += (bits * N + 7) / 8) {
    levada::vec<T, N> x;
    for (unsigned i = 0; i < N; ++i) x[i] = code<T>::decode(read_bits(data, size_t(i) * bits, bits));
    stream.write(x);
  }
}

// False if the stream does not hold exactly `beats` beats.
template <class T, unsigned N>
bool drain(hls::stream<levada::vec<T, N>>& stream, uint8_t* data, unsigned bits, unsigned beats) {
  for (unsigned beat = 0; beat < beats; ++beat, data += (bits * N + 7) / 8) {
    if (stream.empty()) return false;
    const levada::vec<T, N> y = stream.read();
    for (unsigned i = 0; i < N; ++i) write_bits(data, size_t(i) * bits, bits, code<T>::encode(y[i]));
  }
  return stream.empty();
}

}  // namespace

// in[port], out[port]: `frames` frames of each port's bytes; `out` is zero and both have 8 bytes to spare. A design of
// one setting does not look at `setting`.
// Returns 0, or 1 + the index of the first frame after which a stream did not hold what it should.
extern "C" __attribute__((visibility("default"))) uint64_t
levada_cppsim(const uint8_t* const* in, uint8_t* const* out, uint64_t frames, uint64_t setting) {
  (void)setting;
  for (uint64_t frame = 0; frame < frames; ++frame) {
#define STREAM(PORT, TYPE, BITS, ELEMENTS, BEATS) hls::stream<levada::vec<TYPE, ELEMENTS>> PORT(#PORT);
#define FEED(PORT, TYPE, BITS, ELEMENTS, BEATS) \
  feed(PORT, in[port++] + frame * (BEATS) * (((BITS) * (ELEMENTS) + 7) / 8), BITS, BEATS);
#define DRAIN(PORT, TYPE, BITS, ELEMENTS, BEATS) \
  whole &= drain(PORT, out[port++] + frame * (BEATS) * (((BITS) * (ELEMENTS) + 7) / 8), BITS, BEATS);
    LEVADA_INPUTS(STREAM)
    LEVADA_OUTPUTS(STREAM)
    unsigned port = 0;
    LEVADA_INPUTS(FEED)
    accelerator(LEVADA_PORTS);
    bool whole = true;
    port = 0;
    LEVADA_OUTPUTS(DRAIN)
    if (!whole) return frame + 1;
  }
  return 0;
}
