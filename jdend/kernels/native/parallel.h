// Work shared between the calling thread and XLA's thread pool.
#ifndef JDEND_KERNELS_NATIVE_PARALLEL_H_
#define JDEND_KERNELS_NATIVE_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace jdend {

constexpr size_t kCacheLine = 64;

// Floats of which vectors begin at a cache line.
class AlignedFloats {
 public:
  explicit AlignedFloats(int64_t count)
      : data_(static_cast<float*>(
            ::operator new(sizeof(float) * count, std::align_val_t{kCacheLine}))) {}
  ~AlignedFloats() { ::operator delete(data_, std::align_val_t{kCacheLine}); }
  AlignedFloats(const AlignedFloats&) = delete;
  AlignedFloats& operator=(const AlignedFloats&) = delete;
  float* get() const { return data_; }

 private:
  float* const data_;
};

// A call of this library, in whichever of the process's programs, as long as it lives.
class RunningCall {
 public:
  RunningCall() = default;
  ~RunningCall() { count_.fetch_sub(1, std::memory_order_relaxed); }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

  // How many run now.
  static int64_t count() { return count_.load(std::memory_order_relaxed); }

  // How many others ran when it began.
  const int64_t others = count_.fetch_add(1, std::memory_order_relaxed);

 private:
  static inline std::atomic<int64_t> count_{0};
};

// Parts of each trial, with which few trials keep every thread that other calls leave busy.
inline int64_t parts_for_threads(const xla::ffi::ThreadPool& pool, int64_t trials) {
  const int64_t threads = pool.num_threads() - RunningCall::count();
  const int64_t wanted = threads > 1 ? 4 * threads : 1;
  return (wanted + trials - 1) / std::max<int64_t>(trials, 1);
}

// Calls body(item, scratch) once for each item in [0, items), on the calling thread and on as many
// of the pool's threads as come in time; `scratch` is `scratch_floats` floats of a thread's own.
// It asks for no more threads than other calls leave, each of which has its own at least: those of
// programs that run side by side would only wait for each other.
//
// Each thread begins with a range of its own, the calling thread with the first one, and then helps
// with the others. Calls whose items are ordered alike so read what the same core has in its cache.
//
// The handler may itself run on a thread of the pool, so waiting for a scheduled task could wait
// for ever. Threads take items from the ranges' counters instead, and the caller, once all are used
// up, waits for the items that others are working on and for nothing else. A task that starts later
// finds no item left and touches nothing but the state, which it shares the ownership of.
template <typename Body>
void parallel_for(xla::ffi::ThreadPool& pool, int64_t items, int64_t scratch_floats, Body body) {
  struct alignas(kCacheLine) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  struct State {
    State(int64_t items, int64_t threads, int64_t scratch_floats, Body body)
        : items(items), scratch_floats(scratch_floats), body(std::move(body)), ranges(threads) {
      for (int64_t r = 0; r < threads; ++r) {
        ranges[r].next.store(items * r / threads, std::memory_order_relaxed);
        ranges[r].end = items * (r + 1) / threads;
      }
    }

    // The next item of the range, or of those after it; -1 if none is left.
    int64_t take(size_t& range) {
      for (size_t tried = 0; tried < ranges.size(); ++tried) {
        Range& own = ranges[range];
        const int64_t item = own.next.fetch_add(1, std::memory_order_relaxed);
        if (item < own.end) return item;
        range = (range + 1) % ranges.size();
      }
      return -1;
    }

    void work(size_t range) {
      int64_t item = take(range);
      if (item < 0) return;
      const AlignedFloats scratch(scratch_floats);
      int64_t finished = 0;
      for (; item >= 0; item = take(range)) {
        body(item, scratch.get());
        ++finished;
      }
      if (done.fetch_add(finished, std::memory_order_acq_rel) + finished == items) {
        const std::lock_guard<std::mutex> lock(mutex);
        all_done.notify_all();
      }
    }

    void wait() {
      std::unique_lock<std::mutex> lock(mutex);
      all_done.wait(lock, [this] { return done.load(std::memory_order_acquire) == items; });
    }

    const int64_t items, scratch_floats;
    const Body body;
    std::vector<Range> ranges;
    std::atomic<int64_t> done{0};
    std::mutex mutex;
    std::condition_variable all_done;
  };

  if (items == 0) return;
  const RunningCall call;
  const int64_t threads =
      std::max<int64_t>(std::min<int64_t>(pool.num_threads() - call.others, items), 1);
  const auto state = std::make_shared<State>(items, threads, scratch_floats, std::move(body));
  for (int64_t thread = 1; thread < threads; ++thread) {
    pool.Schedule([state, thread] { state->work(thread); });
  }
  state->work(0);
  state->wait();
}

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_PARALLEL_H_
