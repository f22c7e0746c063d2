// Work shared between the calling thread and XLA's thread pool.
#ifndef JDEND_KERNELS_NATIVE_PARALLEL_H_
#define JDEND_KERNELS_NATIVE_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "xla/ffi/api/ffi.h"

namespace jdend {

// Calls body(item, scratch) once for each item in [0, items), on the calling thread and on as many
// of the pool's threads as come in time; `scratch` is `scratch_floats` floats of a thread's own.
//
// The handler may itself run on a thread of the pool, so waiting for a scheduled task could wait
// for ever. Threads take items from a counter instead, and the caller, once the counter is used up,
// waits for the items that others are working on and for nothing else. A task that starts later
// finds no item left and touches nothing but the state, which it shares the ownership of.
template <typename Body>
void parallel_for(xla::ffi::ThreadPool& pool, int64_t items, int64_t scratch_floats, Body body) {
  struct State {
    State(int64_t items, int64_t scratch_floats, Body body)
        : items(items), scratch_floats(scratch_floats), body(std::move(body)) {}

    void work() {
      int64_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= items) return;
      const std::unique_ptr<float[]> scratch(new float[scratch_floats]);
      int64_t finished = 0;
      for (; item < items; item = next.fetch_add(1, std::memory_order_relaxed)) {
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
    std::atomic<int64_t> next{0}, done{0};
    std::mutex mutex;
    std::condition_variable all_done;
  };

  if (items == 0) return;
  const auto state = std::make_shared<State>(items, scratch_floats, std::move(body));
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), items) - 1;
  for (int64_t i = 0; i < helpers; ++i) {
    pool.Schedule([state] { state->work(); });
  }
  state->work();
  state->wait();
}

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_PARALLEL_H_
