// The highest values of rows, for drawing inputs without replacement.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "dispatch.h"
#include "parallel.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

// Rows that a thread takes at a time.
constexpr int64_t kRows = 32;

// A number that is larger where the value is, or where values are equal, the position smaller. With
// both in one word nothing else is looked up while they are sorted.
uint64_t key_of(float value, int64_t position) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (uint64_t{ordered} << 32) | (0xffffffffu - static_cast<uint32_t>(position));
}

float value_of(uint64_t key) {
  const uint32_t ordered = static_cast<uint32_t>(key >> 32);
  const uint32_t bits = ordered >> 31 ? ordered & 0x7fffffffu : ~ordered;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// The keys of the k highest of n values, in descending order. What is not above k of those before
// is passed over; there are few others, and of these k are kept now and then.
void keep_highest(const float* values, int64_t n, int64_t k, std::vector<uint64_t>& keys) {
  keys.clear();
  uint64_t least = 0;
  for (int64_t i = 0; i < n && k > 0; ++i) {
    const uint64_t key = key_of(values[i], i);
    if (key <= least) continue;
    keys.push_back(key);
    if (static_cast<int64_t>(keys.size()) < 2 * k) continue;
    std::nth_element(keys.begin(), keys.begin() + k - 1, keys.end(), std::greater<uint64_t>());
    keys.resize(k);
    least = keys.back();
  }
  std::sort(keys.begin(), keys.end(), std::greater<uint64_t>());
}

// values [F] -> the highest ones [K], in descending order, and their positions [K].
ffi::Error top_k(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> values,
                 ffi::Result<ffi::Buffer<ffi::F32>> highest,
                 ffi::Result<ffi::Buffer<ffi::S32>> positions) {
  Trials rows(highest->dimensions(), 1);
  if (values.dimensions().size() < 1) rows.bind<float>("values", values, {-1, -1});
  if (!rows.fit()) return rows.error("top_k");
  const int64_t n = values.dimensions().back(), k = highest->dimensions().back();
  const auto values_of = rows.bind<const float>("values", values, {n});
  const auto highest_of = rows.bind<float>("the highest values", *highest, {k});
  const auto positions_of = rows.bind<int32_t>("positions", *positions, {k});
  if (k > n) rows.bind<float>("values", values, {-1, -1});
  if (!rows.fit()) return rows.error("top_k");
  parallel_for(pool, (rows.count() + kRows - 1) / kRows, 0, [&](int64_t item, float*) {
    std::vector<uint64_t> keys;
    keys.reserve(2 * k);
    const int64_t end = std::min((item + 1) * kRows, rows.count());
    for (int64_t row = item * kRows; row < end; ++row) {
      keep_highest(values_of[row], n, k, keys);
      for (int64_t i = 0; i < k; ++i) {
        highest_of[row][i] = value_of(keys[i]);
        positions_of[row][i] = static_cast<int32_t>(0xffffffffu - static_cast<uint32_t>(keys[i]));
      }
    }
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace jdend

JDEND_EXPORT XLA_FFI_Error* jdend_top_k(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_top_k, jdend::top_k,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::F32>>()
                                  .Ret<xla::ffi::Buffer<xla::ffi::F32>>()
                                  .Ret<xla::ffi::Buffer<xla::ffi::S32>>());
