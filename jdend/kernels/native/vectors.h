// The compilers' own vectors, the same for all processors.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_VECTORS_H_
#define JDEND_KERNELS_NATIVE_VECTORS_H_

#include <cstdint>

namespace jdend {
namespace {

// Of 4, 8 or 16 lanes, by name: GCC knows no vectors whose length is a template's argument.
template <int kLanes>
struct Vectors;

template <>
struct Vectors<4> {
  typedef float Vec __attribute__((vector_size(16)));
  typedef int32_t Int __attribute__((vector_size(16)));
  typedef uint32_t Bits __attribute__((vector_size(16)));
};

template <>
struct Vectors<8> {
  typedef float Vec __attribute__((vector_size(32)));
  typedef int32_t Int __attribute__((vector_size(32)));
  typedef uint32_t Bits __attribute__((vector_size(32)));
};

template <>
struct Vectors<16> {
  typedef float Vec __attribute__((vector_size(64)));
  typedef int32_t Int __attribute__((vector_size(64)));
  typedef uint32_t Bits __attribute__((vector_size(64)));
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_VECTORS_H_
