// What every HLS layer shares: beats, bipolar numbers and constant tables.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <cstdint>
#include <type_traits>

namespace levada {

// A beat of N elements; element 0 is packed into the least significant bits.
template <class T, unsigned N>
struct vec {
  T data[N];
  T& operator[](unsigned i) { return data[i]; }
  const T& operator[](unsigned i) const { return data[i]; }
};

// -1 or +1 in one bit.
struct bipolar {
  ap_uint<1> code;
  bipolar() = default;
  bipolar(int value) : code(value > 0) {}
  operator int() const { return code ? 1 : -1; }
};

// Bits, range and code of an element type.
template <class T>
struct traits;
template <int BITS>
struct traits<ap_int<BITS>> {
  static constexpr int bits = BITS;
  static constexpr int step = 1;
};
template <int BITS>
struct traits<ap_uint<BITS>> {
  static constexpr int bits = BITS;
  static constexpr int step = 1;
};
template <>
struct traits<bipolar> {
  static constexpr int bits = 1;
  static constexpr int step = 2;
};

#ifdef __SYNTHESIS__
// Tables have exactly the width of their elements.
template <class T>
using rom_t = T;
template <class T>
using calc_t = T;
#else
// In simulation native integers hold the same values: tables then need no constructors, and arithmetic runs
// at the machine's speed.
template <class T>
using rom_t =
    std::conditional_t<traits<T>::bits <= 7, int8_t,
                       std::conditional_t<traits<T>::bits <= 15, int16_t,
                                          std::conditional_t<traits<T>::bits <= 31, int32_t, int64_t>>>;
template <class T>
using calc_t = std::conditional_t<traits<T>::bits <= 31, int32_t, int64_t>;
#endif

// BASE + step * (number of thresholds that x reaches), step 2 for a bipolar TO.
template <class TO, int BASE, class TX, class TT, unsigned LEVELS>
TO activated(TX x, const TT (&thresholds)[LEVELS]) {
#pragma HLS inline
  int reached = 0;
  for (unsigned level = 0; level < LEVELS; ++level) {
#pragma HLS unroll
    reached += x >= thresholds[level];
  }
  return TO(BASE + traits<TO>::step * reached);
}

}  // namespace levada
