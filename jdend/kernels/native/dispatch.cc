#include "dispatch.h"

#include <atomic>
#include <cstring>

namespace jdend {
namespace {

bool has_avx512() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool has_avx512_vnni() {
#if defined(__x86_64__)
  return has_avx512() && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

bool has_avx2() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

// Widest first. What runs here, by number, for those who want to try them all.
const Routines* usable(int number) {
  const Routines* candidates[] = {has_avx512_vnni() ? kAvx512VnniRoutines : nullptr,
                                  has_avx512() ? kAvx512Routines : nullptr,
                                  has_avx2() ? kAvx2Routines : nullptr, kNeonRoutines,
                                  kPlainRoutines};
  for (const Routines* candidate : candidates) {
    if (candidate != nullptr && number-- == 0) return candidate;
  }
  return nullptr;
}

std::atomic<const Routines*> in_use{nullptr};

}  // namespace

const Routines& routines() {
  const Routines* chosen = in_use.load(std::memory_order_acquire);
  if (chosen == nullptr) {
    chosen = usable(0);
    in_use.store(chosen, std::memory_order_release);
  }
  return *chosen;
}

}  // namespace jdend

// For Python, through ctypes.
// Name of the instruction set in use.
JDEND_EXPORT const char* jdend_instruction_set() { return jdend::routines().name; }

// Name of the number-th instruction set that this processor runs, widest first; null past the end.
JDEND_EXPORT const char* jdend_usable_instruction_set(int number) {
  const jdend::Routines* routines = jdend::usable(number);
  return routines == nullptr ? nullptr : routines->name;
}

// Uses the named instruction set from now on; returns 0, or 1 if the processor does not run it.
JDEND_EXPORT int jdend_use_instruction_set(const char* name) {
  for (int number = 0;; ++number) {
    const jdend::Routines* routines = jdend::usable(number);
    if (routines == nullptr) return 1;
    if (std::strcmp(routines->name, name) == 0) {
      jdend::in_use.store(routines, std::memory_order_release);
      return 0;
    }
  }
}
