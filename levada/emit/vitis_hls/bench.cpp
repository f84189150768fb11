// The test bench of a layer: frames from golden.dat through the top function, results against the golden ones.
//
// golden.dat has the number of frames, then of each frame the elements of every input and of every output. Returns 0
// if all of them are equal and no stream holds more than it should.
#include <cstdio>

#include "layer.hpp"

namespace {

std::FILE* data;
int wrong = 0;

long long next_value() {
  long long value = 0;
  if (std::fscanf(data, "%lld", &value) != 1) {
    std::printf("levada: golden.dat ends too early\n");
    ++wrong;
  }
  return value;
}

template <class T, unsigned N>
void feed(hls::stream<levada::vec<T, N>>& stream, unsigned beats) {
  for (unsigned beat = 0; beat < beats; ++beat) {
    levada::vec<T, N> x;
    for (unsigned i = 0; i < N; ++i) x[i] = T(next_value());
    stream.write(x);
  }
}

// An element as a number: a bipolar one converts to int, the others to any.
template <class T>
long long number(const T& value) {
  return (long long)value;
}
long long number(const levada::bipolar& value) { return int(value); }

template <class T, unsigned N>
void compare(hls::stream<levada::vec<T, N>>& stream, const char* port, unsigned beats, long long frame) {
  for (unsigned beat = 0; beat < beats; ++beat) {
    if (stream.empty()) {
      std::printf("levada: %s ends after %u of %u beats of frame %lld\n", port, beat, beats, frame);
      ++wrong;
      for (unsigned i = beat * N; i < beats * N; ++i) next_value();
      return;
    }
    const levada::vec<T, N> y = stream.read();
    for (unsigned i = 0; i < N; ++i) {
      const long long golden = next_value();
      if (number(y[i]) != golden && ++wrong == 1) {
        std::printf("levada: %s, frame %lld, index %u: expected %lld, got %lld\n", port, frame, beat * N + i,
                    golden, number(y[i]));
      }
    }
  }
  if (!stream.empty()) {
    std::printf("levada: %s gives more than %u beats in frame %lld\n", port, beats, frame);
    ++wrong;
  }
}

}  // namespace

int main() {
  data = std::fopen("golden.dat", "r");
  if (!data) {
    std::printf("levada: there is no golden.dat\n");
    return 1;
  }
  const long long frames = next_value();
#define STREAM(PORT, TYPE, BITS, ELEMENTS, BEATS) hls::stream<levada::vec<TYPE, ELEMENTS>> PORT(#PORT);
#define FEED(PORT, TYPE, BITS, ELEMENTS, BEATS) feed(PORT, BEATS);
#define COMPARE(PORT, TYPE, BITS, ELEMENTS, BEATS) compare(PORT, #PORT, BEATS, frame);
  LEVADA_INPUTS(STREAM)
  LEVADA_OUTPUTS(STREAM)
  for (long long frame = 0; frame < frames && !wrong; ++frame) {
    LEVADA_INPUTS(FEED)
    LEVADA_TOP(LEVADA_PORTS);
    LEVADA_OUTPUTS(COMPARE)
  }
  std::fclose(data);
  if (!wrong) std::printf("levada: %lld frames are as they should be\n", frames);
  return wrong ? 1 : 0;
}
