// Measures one core's rates: fused multiply-adds, and reads from each level of the memory.
// Built and run by machine_rates.py; prints a JSON object of GFLOP/s and GB/s.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

typedef float Vector __attribute__((vector_size(64)));
constexpr int kChains = 12;

template <typename Body>
double fastest_seconds(Body body) {
  double fastest = 1e9;
  for (int round = 0; round < 7; ++round) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() < fastest) fastest = taken.count();
  }
  return fastest;
}

double multiply_add_rate() {
  constexpr long kRounds = 2000000;
  volatile float sink = 0.5f;
  const Vector factor = Vector{} + sink;
  const double seconds = fastest_seconds([&] {
    Vector sums[kChains];
    for (int c = 0; c < kChains; ++c) sums[c] = factor * static_cast<float>(c);
    for (long round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
      for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + factor;
    }
    for (const Vector& sum : sums) sink = sink + sum[0];
  });
  return 2.0 * 16 * kChains * kRounds / seconds / 1e9;
}

double read_rate(long bytes) {
  const long vectors = bytes / sizeof(Vector) / kChains * kChains;
  Vector* data = static_cast<Vector*>(std::aligned_alloc(4096, bytes));
  std::memset(data, 0, bytes);
  const long rounds = 400000000 / bytes + 1;
  Vector sums[kChains] = {};
  const double seconds = fastest_seconds([&] {
    for (long round = 0; round < rounds; ++round) {
      for (long v = 0; v < vectors; v += kChains) {
#pragma GCC unroll 12
        for (int c = 0; c < kChains; ++c) sums[c] += data[v + c];
      }
      asm volatile("" ::: "memory");
    }
  });
  volatile float sink = 0;
  for (const Vector& sum : sums) sink = sink + sum[0];
  std::free(data);
  return 1.0 * sizeof(Vector) * vectors * rounds / seconds / 1e9;
}

int main() {
  std::printf("{\"multiply_add_gflops\": %.0f", multiply_add_rate());
  for (long kilobytes : {16L, 128L, 512L, 8192L, 131072L}) {
    std::printf(", \"read_%ld_kb_gbs\": %.0f", kilobytes, read_rate(kilobytes * 1024));
  }
  std::printf("}\n");
}
