// The routines of layer.h, written once over an instruction set's vector type.
//
// `Isa` gives: Vec and its number of lanes kLanes; kChains, independent sums to hide the latency of
// an addition; zero, load (of floats, or of bytes as floats), store, broadcast, add, multiply,
// multiply_add(a, b, c) = a * b + c; negative(v), one bit a lane; select(bits, if_set, if_clear);
// and sum_each, whose lane i is the sum of the i-th vector's lanes. Loads and stores need no
// alignment. kHalves says whether bytes are worth more as halves of floats (`Form`) than as floats;
// if so, load_halves and store_halves turn words into two vectors, and two such vectors into words.
//
// Everything is in an unnamed namespace: each file that includes this is built for another
// instruction set, and the linker must not merge their copies.
#ifndef JDEND_KERNELS_NATIVE_ROUTINES_H_
#define JDEND_KERNELS_NATIVE_ROUTINES_H_

#include <cstdint>
#include <type_traits>

#include "layer.h"
#include "matmul.h"
#include "rows.h"
#include "transpose.h"

namespace jdend {
namespace {

void fill_zero(float* p, int64_t count) {
  for (int64_t i = 0; i < count; ++i) p[i] = 0.0f;
}

// [rows, columns] samples to a tile [columns, kTile], zeros for the samples that are not there.
void transpose_to_tile(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
                       float* tile) {
  transpose(source, source_stride, rows, columns, tile, kTile);
  if (rows == kTile) return;
  for (int64_t c = 0; c < columns; ++c) fill_zero(tile + c * kTile + rows, kTile - rows);
}

int64_t rows_of_tile(const Layer& layer, int64_t tile) {
  const int64_t left = layer.batch - tile * kTile;
  return left < kTile ? left : kTile;
}

int64_t output_rows(const Layer& layer) {
  return layer.soma ? layer.neurons : layer.neurons * layer.dendrites;
}

// Whether some neurons or dendrites are not there, so that not all outputs are computed.
bool is_padded(const Layer& layer) {
  return layer.used_neurons < layer.neurons || layer.used_dendrites < layer.dendrites;
}

int64_t sign_words(const Layer& layer) {
  return layer.neurons * layer.dendrites + (layer.soma ? layer.neurons : 0);
}

template <class Isa>
struct Kernel {
  using Vec = typename Isa::Vec;
  static constexpr int kLanes = Isa::kLanes;
  static constexpr int kVectors = kTile / kLanes;
  static constexpr int kChains = Isa::kChains;

  // A value for each sample of a tile.
  struct Samples {
    Vec v[kVectors];
  };

  static JDEND_INLINE Samples load(const float* p) {
    Samples s;
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) s.v[i] = Isa::load(p + i * kLanes);
    return s;
  }

  static JDEND_INLINE Samples load(const uint32_t* p) {
    Samples s;
    JDEND_UNROLL for (int i = 0; i < kVectors / 2; ++i) {
      Isa::load_halves(p + i * kLanes, s.v[i], s.v[i + kVectors / 2]);
    }
    return s;
  }

  static JDEND_INLINE void store(float* p, const Samples& s) {
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) Isa::store(p + i * kLanes, s.v[i]);
  }

  static JDEND_INLINE Samples broadcast(float value) {
    Samples s;
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) s.v[i] = Isa::broadcast(value);
    return s;
  }

  static JDEND_INLINE void add_scaled(Samples& sum, const Samples& s, float scale) {
    const Vec factor = Isa::broadcast(scale);
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
      sum.v[i] = Isa::multiply_add(s.v[i], factor, sum.v[i]);
    }
  }

  // Elements of a tile, floats or words, that hold the samples of one feature.
  template <class X>
  static constexpr int64_t kRow = std::is_same<X, float>::value ? kTile : kTile / 2;

  template <class X>
  static JDEND_INLINE const X* row(const X* tile, int32_t index) {
    return tile + static_cast<uint64_t>(static_cast<uint32_t>(index)) * kRow<X>;
  }

  template <class X>
  static JDEND_INLINE const X* tile_of(const Layer& layer, int64_t tile) {
    return reinterpret_cast<const X*>(layer.tiles) + tile * layer.features * kRow<X>;
  }

  static JDEND_INLINE float sum_lanes(Vec v) {
    float lanes[kLanes];
    Isa::store(lanes, v);
    float sum = 0.0f;
    for (int i = 0; i < kLanes; ++i) sum += lanes[i];
    return sum;
  }

  // Replaces vectors [count, kLanes] by the sums of their lanes, [count].
  static void sum_vectors(float* vectors, int64_t count) {
    for (int64_t i = 0; i < count; i += kLanes) {
      Vec v[kLanes];
      JDEND_UNROLL for (int j = 0; j < kLanes; ++j) {
        v[j] = i + j < count ? Isa::load(vectors + (i + j) * kLanes) : Isa::zero();
      }
      const Vec sums = Isa::sum_each(v);
      if (i + kLanes <= count) {
        Isa::store(vectors + i, sums);
        continue;
      }
      float lanes[kLanes];
      Isa::store(lanes, sums);
      for (int64_t j = 0; i + j < count; ++j) vectors[i + j] = lanes[j];
    }
  }

  // start + sum_k weight[k] * tile[indices[k]].
  template <class X>
  static JDEND_INLINE Samples project(const X* tile, const float* weight, const int32_t* indices,
                                      int64_t synapses, float start) {
    Samples sum[kChains];
    sum[0] = broadcast(start);
    JDEND_UNROLL for (int c = 1; c < kChains; ++c) sum[c] = broadcast(0.0f);
    int64_t k = 0;
    for (; k + kChains <= synapses; k += kChains) {
      JDEND_UNROLL for (int c = 0; c < kChains; ++c) {
        add_scaled(sum[c], load(row(tile, indices[k + c])), weight[k + c]);
      }
    }
    for (; k < synapses; ++k) add_scaled(sum[0], load(row(tile, indices[k])), weight[k]);
    JDEND_UNROLL for (int c = 1; c < kChains; ++c) {
      JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
        sum[0].v[i] = Isa::add(sum[0].v[i], sum[c].v[i]);
      }
    }
    return sum[0];
  }

  // LeakyReLU in place; returns the signs.
  static JDEND_INLINE uint32_t leak(Samples& s, Vec slope) {
    uint32_t signs = 0;
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
      const uint32_t negative = Isa::negative(s.v[i]);
      signs |= negative << (i * kLanes);
      s.v[i] = Isa::select(negative, Isa::multiply(s.v[i], slope), s.v[i]);
    }
    return signs;
  }

  // Multiplies a cotangent by LeakyReLU's derivative.
  static JDEND_INLINE Samples leak_gradient(const Samples& g, uint32_t signs, Vec slope) {
    Samples s;
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
      const uint32_t negative = signs >> (i * kLanes);
      s.v[i] = Isa::select(negative, Isa::multiply(g.v[i], slope), g.v[i]);
    }
    return s;
  }

  static void pack(const float* x, int64_t rows, int64_t features, float* tile) {
    transpose_to_tile(x, features, rows, features, tile);
  }

  static bool any_index_outside(const Layer& layer) {
    const uint32_t features = static_cast<uint32_t>(layer.features);
    uint32_t outside = 0;
    for (int64_t n = 0; n < layer.used_neurons; ++n) {
      for (int64_t d = 0; d < layer.used_dendrites; ++d) {
        const int32_t* indices = layer.indices + (n * layer.dendrites + d) * layer.synapses;
        for (int64_t k = 0; k < layer.used_synapses; ++k) {
          outside |= static_cast<uint32_t>(indices[k]) >= features;
        }
      }
    }
    return outside != 0;
  }

  static int64_t forward_scratch(const Layer& layer) {
    return output_rows(layer) * kTile + layer.neurons * layer.dendrites;
  }

  static void forward(const Layer& layer, int64_t first, int64_t last, float* scratch, float* out,
                      uint32_t* signs) {
    if constexpr (Isa::kHalves) {
      if (layer.form.halves) {
        forward_of<uint32_t>(layer, first, last, scratch, out, signs);
        return;
      }
    }
    forward_of<float>(layer, first, last, scratch, out, signs);
  }

  // What is added to a dendrite's sum of weighted bytes: its bias, and what their offset comes to.
  static float start_of(const Layer& layer, int64_t unit) {
    float weights = 0.0f;
    const float* weight = layer.weight + unit * layer.synapses;
    for (int64_t k = 0; k < layer.used_synapses; ++k) weights += weight[k];
    return layer.bias[unit] - layer.form.scale * layer.form.offset * weights;
  }

  template <class X>
  static void forward_of(const Layer& layer, int64_t first, int64_t last, float* scratch,
                         float* out, uint32_t* signs) {
    constexpr bool kHalves = !std::is_same<X, float>::value;
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const Vec dendrite_slope = Isa::broadcast(layer.dendrite_slope);
    float* starts = scratch + rows * kTile;  // [U], with halves
    if (is_padded(layer)) fill_zero(scratch, rows * kTile);
    for (int64_t n = 0; kHalves && n < layer.used_neurons; ++n) {
      for (int64_t d = 0; d < layer.used_dendrites; ++d) {
        starts[n * layer.dendrites + d] = start_of(layer, n * layer.dendrites + d);
      }
    }

    for (int64_t tile_number = first; tile_number < last; ++tile_number) {
      const X* tile = tile_of<X>(layer, tile_number);
      uint32_t* words = signs + tile_number * sign_words(layer);
      for (int64_t i = 0; is_padded(layer) && i < sign_words(layer); ++i) words[i] = 0;
      for (int64_t n = 0; n < layer.used_neurons; ++n) {
        Samples soma = broadcast(layer.soma ? layer.soma_bias[n] : 0.0f);
        for (int64_t d = 0; d < layer.used_dendrites; ++d) {
          const int64_t u = n * layer.dendrites + d, begin = u * layer.synapses;
          Samples h = project(tile, layer.weight + begin, layer.indices + begin,
                              layer.used_synapses, kHalves ? 0.0f : layer.bias[u]);
          if constexpr (kHalves) {
            const Samples sum = h;
            h = broadcast(starts[u]);
            add_scaled(h, sum, layer.form.scale);
          }
          words[u] = leak(h, dendrite_slope);
          if (layer.soma) {
            add_scaled(soma, h, layer.soma_weight[u]);
          } else {
            store(scratch + u * kTile, h);
          }
        }
        if (layer.soma) {
          words[units + n] = leak(soma, Isa::broadcast(layer.soma_slope));
          store(scratch + n * kTile, soma);
        }
      }
      transpose(scratch, kTile, rows, rows_of_tile(layer, tile_number),
                out + tile_number * kTile * rows, rows);
    }
  }

  // Some tiles of the batch, and a cotangent for each of their samples.
  template <class X, int kTiles>
  struct Span {
    const X* tile[kTiles];
    Samples q[kTiles];
  };

  // sum + the products of cotangents and of inputs that `index` names.
  template <class X, int kTiles>
  static JDEND_INLINE Vec add_products(const Span<X, kTiles>& span, int32_t index, Vec sum) {
    JDEND_UNROLL for (int t = 0; t < kTiles; ++t) {
      const Samples x = load(row(span.tile[t], index));
      JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
        sum = Isa::multiply_add(span.q[t].v[i], x.v[i], sum);
      }
    }
    return sum;
  }

  // The sums over the span of the products with inputs indices[j], in lanes j; lanes before kFirst
  // are 0.
  template <int kFirst, class X, int kTiles>
  static JDEND_INLINE Vec correlate_lanes(const Span<X, kTiles>& span, const int32_t* indices) {
    Vec products[kLanes];
    JDEND_UNROLL for (int j = 0; j < kLanes; ++j) {
      products[j] = Isa::zero();
      if (j >= kFirst) products[j] = add_products(span, indices[j], products[j]);
    }
    return Isa::sum_each(products);
  }

  // Of a dendrite's last synapses, which fill no vector, so few are summed without adding up lanes.
  static constexpr int64_t kFew = kLanes / 4;

  static int64_t few(const Layer& layer) {
    const int64_t left = layer.used_synapses % kLanes;
    return left <= kFew ? left : 0;
  }

  // sums[k] += the sum over the span of the products with inputs indices[k].
  template <class X, int kTiles>
  static JDEND_INLINE void correlate(const Span<X, kTiles>& span, const int32_t* indices,
                                     int64_t synapses, float* sums) {
    int64_t k = 0;
    for (; k + kLanes <= synapses; k += kLanes) {
      const Vec total = correlate_lanes<0>(span, indices + k);
      Isa::store(sums + k, Isa::add(Isa::load(sums + k), total));
    }
    const int64_t left = synapses - k;
    if (left == 0) return;
    if (k == 0) {
      int32_t padded[kLanes];
      float lanes[kLanes];
      for (int64_t j = 0; j < kLanes; ++j) padded[j] = indices[j < left ? j : 0];
      Isa::store(lanes, correlate_lanes<0>(span, padded));
      for (int64_t j = 0; j < left; ++j) sums[j] += lanes[j];
      return;
    }
    // The last kLanes synapses, of which the first ones are summed already.
    const int32_t* last_indices = indices + synapses - kLanes;
    const uint32_t fresh = ~uint32_t{0} << (kLanes - left);
    const Vec total = left > kLanes / 2 ? correlate_lanes<0>(span, last_indices)
                                        : correlate_lanes<kLanes / 2>(span, last_indices);
    float* last_sums = sums + synapses - kLanes;
    const Vec old = Isa::load(last_sums);
    Isa::store(last_sums, Isa::select(fresh, Isa::add(old, total), old));
  }

  // The same of a few synapses, to vectors [synapses, kLanes].
  template <class X, int kTiles>
  static JDEND_INLINE void correlate_few(const Span<X, kTiles>& span, const int32_t* indices,
                                         int64_t synapses, float* vectors) {
    for (int64_t k = 0; k < synapses; ++k) {
      const Vec sum = Isa::load(vectors + k * kLanes);
      Isa::store(vectors + k * kLanes, add_products(span, indices[k], sum));
    }
  }

  // Tiles whose products are summed before their lanes are added up. More would save additions,
  // but tiles of floats, twice as large, are then read from further away.
  template <class X>
  static constexpr int kSpan = std::is_same<X, float>::value ? 1 : 2;
  static constexpr int kLongestSpan = Isa::kHalves ? kSpan<uint32_t> : kSpan<float>;

  static int64_t weight_gradient_scratch(const Layer& layer) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    return kLongestSpan * rows * kTile + (units * (1 + kFew) + rows) * kLanes;
  }

  // Of the dendrites of output rows [first, last): sums of which the lanes are added up at the end.
  struct Sums {
    int64_t first, last, per_row, few;
    float* cotangents;  // [kLongestSpan, last - first, kTile]
    float* units;       // [n_units, kLanes]
    float* rows;        // [last - first, kLanes]
    float* few_sums;    // [n_units, few, kLanes]
  };

  // With q[u, b] the cotangent of a dendrite's output over its soma weight, times LeakyReLU's
  // derivative, T[k] = sum_b q[b] x[b, indices[k]] and T0 = sum_b q[b] hold all of a dendrite's
  // gradients, and its output h need not be known again:
  //   weight: soma_weight T    bias: soma_weight T0    soma_weight: sum_k weight[k] T[k] + bias T0
  static void weight_gradient(const Layer& layer, int64_t first, int64_t last, const float* g,
                              const uint32_t* signs, float* scratch, const Gradients& gradients) {
    const int64_t per_row = layer.soma ? layer.dendrites : 1;
    const int64_t first_unit = first * per_row, n_units = (last - first) * per_row;
    Sums sums{first, last, per_row, few(layer), scratch};
    sums.units = scratch + kLongestSpan * (last - first) * kTile;
    sums.rows = sums.units + n_units * kLanes;
    sums.few_sums = sums.rows + (last - first) * kLanes;
    fill_zero(sums.units, (n_units * (1 + sums.few) + last - first) * kLanes);
    fill_zero(gradients.weight + first_unit * layer.synapses, n_units * layer.synapses);

    if constexpr (Isa::kHalves) {
      if (layer.form.halves) add_tiles<uint32_t>(layer, sums, g, signs, gradients);
    }
    if (!layer.form.halves) add_tiles<float>(layer, sums, g, signs, gradients);

    sum_vectors(sums.units, n_units);
    sum_vectors(sums.rows, last - first);
    sum_vectors(sums.few_sums, n_units * sums.few);
    const int64_t n_full = layer.used_synapses - sums.few;
    for (int64_t i = 0; i < n_units; ++i) {
      float* of_unit = gradients.weight + (first_unit + i) * layer.synapses;
      for (int64_t k = 0; k < sums.few; ++k) of_unit[n_full + k] = sums.few_sums[i * sums.few + k];
      if (layer.form.halves) normalise(layer, sums.units[i], of_unit);
      finish_unit(layer, first_unit + i, sums.units[i], gradients);
    }
    if (!layer.soma) return;
    for (int64_t n = first; n < last; ++n) {
      gradients.soma_bias[n] = n < layer.used_neurons ? sums.rows[n - first] : 0.0f;
    }
  }

  // Adds all tiles to the sums.
  template <class X>
  static void add_tiles(const Layer& layer, const Sums& sums, const float* g,
                        const uint32_t* signs, const Gradients& gradients) {
    const int64_t tiles = (layer.batch + kTile - 1) / kTile;
    int64_t t = 0;
    for (; t + kSpan<X> <= tiles; t += kSpan<X>) {
      add_span<X, kSpan<X>>(layer, t, sums, g, signs, gradients);
    }
    for (; t < tiles; ++t) add_span<X, 1>(layer, t, sums, g, signs, gradients);
  }

  template <class X, int kTiles>
  static void add_span(const Layer& layer, int64_t tile, const Sums& sums, const float* g,
                       const uint32_t* signs, const Gradients& gradients) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const int64_t n_rows = sums.last - sums.first, n_full = layer.used_synapses - sums.few;
    const Vec dendrite_slope = Isa::broadcast(layer.dendrite_slope);
    const Vec soma_slope = Isa::broadcast(layer.soma_slope);
    Span<X, kTiles> span;
    const uint32_t* words[kTiles];
    for (int t = 0; t < kTiles; ++t) {
      span.tile[t] = tile_of<X>(layer, tile + t);
      words[t] = signs + (tile + t) * sign_words(layer);
      transpose_to_tile(g + (tile + t) * kTile * rows + sums.first, rows,
                        rows_of_tile(layer, tile + t), n_rows,
                        sums.cotangents + t * n_rows * kTile);
    }
    for (int64_t r = sums.first; r < sums.last; ++r) {
      const int64_t first_unit = r * sums.per_row, own = r - sums.first;
      Samples cotangent[kTiles];
      for (int t = 0; t < kTiles; ++t) {
        cotangent[t] = load(sums.cotangents + (t * n_rows + own) * kTile);
        if (!layer.soma) continue;
        cotangent[t] = leak_gradient(cotangent[t], words[t][units + r], soma_slope);
        add_lanes(sums.rows + own * kLanes, cotangent[t]);
      }
      const int64_t n_used = used_of_row(layer, r);
      for (int64_t u = first_unit; u < first_unit + n_used; ++u) {
        const int64_t place = u - sums.first * sums.per_row;
        for (int t = 0; t < kTiles; ++t) {
          span.q[t] = leak_gradient(cotangent[t], words[t][u], dendrite_slope);
          add_lanes(sums.units + place * kLanes, span.q[t]);
        }
        const int32_t* indices = layer.indices + u * layer.synapses;
        correlate(span, indices, n_full, gradients.weight + u * layer.synapses);
        correlate_few(span, indices + n_full, sums.few,
                      sums.few_sums + place * sums.few * kLanes);
      }
    }
  }

  // How many of an output row's dendrites are there; they come first.
  static JDEND_INLINE int64_t used_of_row(const Layer& layer, int64_t row) {
    if (!layer.soma) return used(layer, row) ? 1 : 0;
    return row < layer.used_neurons ? layer.used_dendrites : 0;
  }

  // Turns a dendrite's sums over bytes into those over inputs.
  static void normalise(const Layer& layer, float bias_sum, float* sums) {
    const float scale = layer.form.scale, offset = layer.form.offset * bias_sum;
    for (int64_t k = 0; k < layer.used_synapses; ++k) sums[k] = scale * (sums[k] - offset);
  }

  static JDEND_INLINE bool used(const Layer& layer, int64_t unit) {
    return unit / layer.dendrites < layer.used_neurons &&
           unit % layer.dendrites < layer.used_dendrites;
  }

  static JDEND_INLINE void add_lanes(float* sums, const Samples& s) {
    Vec sum = Isa::load(sums);
    JDEND_UNROLL for (int i = 0; i < kVectors; ++i) sum = Isa::add(sum, s.v[i]);
    Isa::store(sums, sum);
  }

  // Turns a dendrite's sums T, in gradients.weight, and T0 into its gradients.
  static void finish_unit(const Layer& layer, int64_t unit, float bias_sum,
                          const Gradients& gradients) {
    if (!layer.soma) {
      gradients.bias[unit] = bias_sum;
      return;
    }
    if (!used(layer, unit)) {
      gradients.bias[unit] = 0.0f;
      gradients.soma_weight[unit] = 0.0f;
      return;
    }
    const float scale = layer.soma_weight[unit];
    const float* weight = layer.weight + unit * layer.synapses;
    float* sums = gradients.weight + unit * layer.synapses;
    const Vec factor = Isa::broadcast(scale);
    Vec partial = Isa::zero();
    int64_t k = 0;
    for (; k + kLanes <= layer.used_synapses; k += kLanes) {
      const Vec t = Isa::load(sums + k);
      partial = Isa::multiply_add(Isa::load(weight + k), t, partial);
      Isa::store(sums + k, Isa::multiply(t, factor));
    }
    float soma_sum = sum_lanes(partial);
    for (; k < layer.used_synapses; ++k) {
      soma_sum += weight[k] * sums[k];
      sums[k] *= scale;
    }
    gradients.bias[unit] = scale * bias_sum;
    gradients.soma_weight[unit] = soma_sum + layer.bias[unit] * bias_sum;
  }

  static int64_t input_gradient_scratch(const Layer& layer) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    return (rows + units + layer.features) * kTile + 2 * units * layer.synapses + layer.features + 1;
  }

  // The used synapses in the order of the features that they read, and of dendrites where several
  // read the same one; those of feature f are [start[f], start[f + 1]).
  static void sort_by_feature(const Layer& layer, int32_t* start, float* weight, int32_t* unit) {
    for (int64_t f = 0; f <= layer.features; ++f) start[f] = 0;
    const auto each = [&layer](const auto& visit) {
      for (int64_t n = 0; n < layer.used_neurons; ++n) {
        for (int64_t u = n * layer.dendrites; u < n * layer.dendrites + layer.used_dendrites; ++u) {
          for (int64_t k = u * layer.synapses; k < u * layer.synapses + layer.used_synapses; ++k) {
            visit(u, k);
          }
        }
      }
    };
    each([&](int64_t, int64_t k) { ++start[layer.indices[k]]; });
    int32_t before = 0;
    for (int64_t f = 0; f < layer.features; ++f) {
      const int32_t count = start[f];
      start[f] = before;
      before += count;
    }
    each([&](int64_t u, int64_t k) {
      const int32_t place = start[layer.indices[k]]++;
      weight[place] = layer.weight[k];
      unit[place] = static_cast<int32_t>(u);
    });
    // Each is now where the next one starts.
    for (int64_t f = layer.features; f > 0; --f) start[f] = start[f - 1];
    start[0] = 0;
  }

  static void input_gradient(const Layer& layer, int64_t first, int64_t last, const float* g,
                             const uint32_t* signs, float* scratch, float* gradient) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const Vec dendrite_slope = Isa::broadcast(layer.dendrite_slope);
    float* cotangents = scratch;                     // [rows, kTile]
    float* q = cotangents + rows * kTile;            // [U, kTile], of the dendrites' sums
    float* tile = q + units * kTile;                 // [F, kTile]
    float* weight = tile + layer.features * kTile;   // [U * K], as of `sort_by_feature`
    int32_t* unit = reinterpret_cast<int32_t*>(weight + units * layer.synapses);  // [U * K]
    int32_t* start = unit + units * layer.synapses;  // [F + 1]
    sort_by_feature(layer, start, weight, unit);

    for (int64_t tile_number = first; tile_number < last; ++tile_number) {
      const int64_t samples = rows_of_tile(layer, tile_number);
      const uint32_t* words = signs + tile_number * sign_words(layer);
      transpose_to_tile(g + tile_number * kTile * rows, rows, samples, rows, cotangents);
      for (int64_t n = 0; n < layer.used_neurons; ++n) {
        for (int64_t d = 0; d < layer.used_dendrites; ++d) {
          const int64_t u = n * layer.dendrites + d;
          Samples cotangent = load(cotangents + (layer.soma ? n : u) * kTile);
          if (layer.soma) {
            cotangent =
                leak_gradient(cotangent, words[units + n], Isa::broadcast(layer.soma_slope));
            const Vec scale = Isa::broadcast(layer.soma_weight[u]);
            JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
              cotangent.v[i] = Isa::multiply(cotangent.v[i], scale);
            }
          }
          store(q + u * kTile, leak_gradient(cotangent, words[u], dendrite_slope));
        }
      }
      for (int64_t f = 0; f < layer.features; ++f) {
        Samples sum = broadcast(0.0f);
        for (int32_t e = start[f]; e < start[f + 1]; ++e) {
          add_scaled(sum, load(row(q, unit[e])), weight[e]);
        }
        store(tile + f * kTile, sum);
      }
      transpose(tile, kTile, layer.features, samples,
                gradient + tile_number * kTile * layer.features, layer.features);
    }
  }

  static constexpr decltype(Routines::pack_halves) halves_packer() {
    if constexpr (Isa::kHalves) return pack_halves<Isa>;
    return nullptr;
  }

  static constexpr Routines routines(const char* name) {
    return Routines{name,
                    forward_scratch,
                    weight_gradient_scratch,
                    input_gradient_scratch,
                    pack,
                    pack_rows<Isa, uint8_t>,
                    pack_rows<Isa, float>,
                    halves_packer(),
                    any_index_outside,
                    forward,
                    weight_gradient,
                    input_gradient,
                    Matmul<Isa>::scratch,
                    Matmul<Isa>::rows};
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_ROUTINES_H_
