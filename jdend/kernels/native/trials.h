// Arrays with leading axes: one entry a trial, broadcast where trials share an operand.
#ifndef JDEND_KERNELS_NATIVE_TRIALS_H_
#define JDEND_KERNELS_NATIVE_TRIALS_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "xla/ffi/api/ffi.h"

namespace jdend {

constexpr int kMaxLeadingAxes = 8;

// Where each trial's part of an operand or result starts.
template <typename T>
struct PerTrial {
  T* data = nullptr;
  int axes = 0;
  std::array<int64_t, kMaxLeadingAxes> lengths{}, strides{};

  T* operator[](int64_t trial) const {
    int64_t offset = 0;
    for (int axis = axes - 1; axis >= 0; --axis) {
      offset += trial % lengths[axis] * strides[axis];
      trial /= lengths[axis];
    }
    return data + offset;
  }

  // How many trials in a row, from any multiple of that number on, have the same part.
  int64_t shared() const {
    int64_t count = 1;
    for (int axis = axes - 1; axis >= 0 && strides[axis] == 0; --axis) count *= lengths[axis];
    return count;
  }
};

// The leading axes of a call's results. Each vmap adds one; under vmap_method="expand_dims" every
// operand has as many as the results, each of the full length or of length 1.
class Trials {
 public:
  Trials(xla::ffi::AnyBuffer::Dimensions dimensions, int own_axes)
      : axes_(static_cast<int>(dimensions.size()) - own_axes) {
    if (axes_ < 0 || axes_ > kMaxLeadingAxes) {
      misfit_ = "it takes 0 to " + std::to_string(kMaxLeadingAxes) + " nested vmaps";
      axes_ = 0;
    }
    for (int axis = 0; axis < axes_; ++axis) {
      lengths_[axis] = dimensions[axis];
      count_ *= dimensions[axis];
    }
  }

  int64_t count() const { return count_; }

  // `own` are the axes that belong to one trial.
  template <typename T, typename Buffer>
  PerTrial<T> bind(const char* name, const Buffer& buffer, std::initializer_list<int64_t> own) {
    const auto dimensions = buffer.dimensions();
    PerTrial<T> result;
    result.data = static_cast<T*>(buffer.untyped_data());
    result.axes = axes_;
    result.lengths = lengths_;
    bool fits = dimensions.size() == axes_ + own.size();
    int64_t stride = 1;
    for (size_t axis = 0; fits && axis < own.size(); ++axis) {
      fits = dimensions[axes_ + axis] == own.begin()[axis];
      stride *= own.begin()[axis];
    }
    for (int axis = axes_ - 1; fits && axis >= 0; --axis) {
      fits = dimensions[axis] == 1 || dimensions[axis] == lengths_[axis];
      result.strides[axis] = dimensions[axis] == 1 ? 0 : stride;
      stride *= dimensions[axis];
    }
    if (!fits && misfit_.empty()) misfit_ = std::string("the shape of ") + name + " does not fit";
    return result;
  }

  // To be asked once all is bound and before anything is read.
  bool fit() const { return misfit_.empty(); }
  xla::ffi::Error error(const char* function = "dendritic_layer") const {
    return xla::ffi::Error::InvalidArgument(std::string(function) + ": " + misfit_);
  }

 private:
  int axes_;
  int64_t count_ = 1;
  std::array<int64_t, kMaxLeadingAxes> lengths_{};
  std::string misfit_;
};

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_TRIALS_H_
