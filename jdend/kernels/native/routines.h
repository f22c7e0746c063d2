// The routines of layer.h, written once over an instruction set's vector type.
//
// `Isa` gives: Vec and its number of lanes kLanes; kChains, independent sums to hide the latency of
// an addition; zero, load (of floats, or of bytes as floats), store, broadcast, add, multiply,
// multiply_add(a, b, c) = a * b + c, divide, square_root; negative(v), one bit a lane; select(bits,
// if_set, if_clear); and sum_each, whose lane i is the sum of the i-th vector's lanes. Loads and
// stores need no alignment.
//
// Everything is in an unnamed namespace: each file that includes this is built for another
// instruction set, and the linker must not merge their copies.
#ifndef JDEND_KERNELS_NATIVE_ROUTINES_H_
#define JDEND_KERNELS_NATIVE_ROUTINES_H_

#include <cstdint>

#include "layer.h"
#include "matmul.h"
#include "rows.h"
#include "softmax.h"
#include "threefry.h"
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

  static JDEND_INLINE const float* row(const float* tile, int32_t index) {
    return tile + static_cast<uint64_t>(static_cast<uint32_t>(index)) * kTile;
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
  static JDEND_INLINE Samples project(const float* tile, const float* weight,
                                      const int32_t* indices, int64_t synapses, float start) {
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

  static int64_t forward_scratch(const Layer& layer) { return output_rows(layer) * kTile; }

  static void forward(const Layer& layer, int64_t first, int64_t last, float* scratch, float* out,
                      uint32_t* signs) {
    for (int64_t tile = first; tile < last; ++tile) forward_tile(layer, tile, scratch, out, signs);
  }

  static void forward_tile(const Layer& layer, int64_t tile_number, float* scratch, float* out,
                           uint32_t* signs) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const float* tile = layer.tiles + tile_number * layer.features * kTile;
    uint32_t* words = signs + tile_number * sign_words(layer);
    const Vec dendrite_slope = Isa::broadcast(layer.dendrite_slope);
    if (is_padded(layer)) {
      fill_zero(scratch, rows * kTile);
      for (int64_t i = 0; i < sign_words(layer); ++i) words[i] = 0;
    }

    for (int64_t n = 0; n < layer.used_neurons; ++n) {
      Samples soma = broadcast(layer.soma ? layer.soma_bias[n] : 0.0f);
      for (int64_t d = 0; d < layer.used_dendrites; ++d) {
        const int64_t u = n * layer.dendrites + d, first = u * layer.synapses;
        Samples h = project(tile, layer.weight + first, layer.indices + first,
                            layer.used_synapses, layer.bias[u]);
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

  // The sums over the tile of q * tile[indices[j]] in lanes j; lanes before kFirst are 0.
  template <int kFirst>
  static JDEND_INLINE Vec correlate_lanes(const float* tile, const int32_t* indices,
                                          const Samples& q) {
    Vec products[kLanes];
    JDEND_UNROLL for (int j = 0; j < kLanes; ++j) {
      if (j < kFirst) {
        products[j] = Isa::zero();
        continue;
      }
      const Samples x = load(row(tile, indices[j]));
      products[j] = Isa::multiply(q.v[0], x.v[0]);
      JDEND_UNROLL for (int i = 1; i < kVectors; ++i) {
        products[j] = Isa::multiply_add(q.v[i], x.v[i], products[j]);
      }
    }
    return Isa::sum_each(products);
  }

  // Of a dendrite's last synapses, which fill no vector, so few are summed without adding up lanes.
  static constexpr int64_t kFew = kLanes / 4;

  static int64_t few(const Layer& layer) {
    const int64_t left = layer.used_synapses % kLanes;
    return left <= kFew ? left : 0;
  }

  // sums[k] += sum over the tile of q * tile[indices[k]].
  static JDEND_INLINE void correlate(const float* tile, const int32_t* indices, int64_t synapses,
                                     const Samples& q, float* sums) {
    int64_t k = 0;
    for (; k + kLanes <= synapses; k += kLanes) {
      const Vec total = correlate_lanes<0>(tile, indices + k, q);
      Isa::store(sums + k, Isa::add(Isa::load(sums + k), total));
    }
    const int64_t left = synapses - k;
    if (left == 0) return;
    if (k == 0) {
      int32_t padded[kLanes];
      float lanes[kLanes];
      for (int64_t j = 0; j < kLanes; ++j) padded[j] = indices[j < left ? j : 0];
      Isa::store(lanes, correlate_lanes<0>(tile, padded, q));
      for (int64_t j = 0; j < left; ++j) sums[j] += lanes[j];
      return;
    }
    // The last kLanes synapses, of which the first ones are summed already.
    const int32_t* last_indices = indices + synapses - kLanes;
    const uint32_t fresh = ~uint32_t{0} << (kLanes - left);
    const Vec total = left > kLanes / 2 ? correlate_lanes<0>(tile, last_indices, q)
                                        : correlate_lanes<kLanes / 2>(tile, last_indices, q);
    float* last_sums = sums + synapses - kLanes;
    const Vec old = Isa::load(last_sums);
    Isa::store(last_sums, Isa::select(fresh, Isa::add(old, total), old));
  }

  // The same of a few synapses, to vectors [synapses, kLanes].
  static JDEND_INLINE void correlate_few(const float* tile, const int32_t* indices,
                                         int64_t synapses, const Samples& q, float* vectors) {
    for (int64_t k = 0; k < synapses; ++k) {
      const Samples x = load(row(tile, indices[k]));
      Vec sum = Isa::load(vectors + k * kLanes);
      JDEND_UNROLL for (int i = 0; i < kVectors; ++i) {
        sum = Isa::multiply_add(q.v[i], x.v[i], sum);
      }
      Isa::store(vectors + k * kLanes, sum);
    }
  }

  static int64_t weight_gradient_scratch(const Layer& layer) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    return rows * kTile + (units * (1 + kFew) + rows) * kLanes;
  }

  // With q[u, b] the cotangent of a dendrite's output over its soma weight, times LeakyReLU's
  // derivative, T[k] = sum_b q[b] x[b, indices[k]] and T0 = sum_b q[b] hold all of a dendrite's
  // gradients, and its output h need not be known again:
  //   weight: soma_weight T    bias: soma_weight T0    soma_weight: sum_k weight[k] T[k] + bias T0
  static void weight_gradient(const Layer& layer, int64_t first, int64_t last, const float* g,
                              const uint32_t* signs, float* scratch, const Gradients& gradients) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const int64_t per_row = layer.soma ? layer.dendrites : 1;
    const int64_t first_unit = first * per_row, n_units = (last - first) * per_row;
    const int64_t tiles = (layer.batch + kTile - 1) / kTile;
    const int64_t n_few = few(layer), n_full = layer.used_synapses - n_few;
    const Vec dendrite_slope = Isa::broadcast(layer.dendrite_slope);
    // Sums of which the lanes are added up at the end.
    float* cotangents = scratch;                           // [last - first, kTile]
    float* unit_sums = cotangents + (last - first) * kTile;  // [n_units, kLanes]
    float* row_sums = unit_sums + n_units * kLanes;          // [last - first, kLanes]
    float* few_sums = row_sums + (last - first) * kLanes;    // [n_units, n_few, kLanes]
    fill_zero(unit_sums, (n_units * (1 + n_few) + last - first) * kLanes);
    fill_zero(gradients.weight + first_unit * layer.synapses, n_units * layer.synapses);

    for (int64_t t = 0; t < tiles; ++t) {
      const float* tile = layer.tiles + t * layer.features * kTile;
      const uint32_t* words = signs + t * sign_words(layer);
      transpose_to_tile(g + t * kTile * rows + first, rows, rows_of_tile(layer, t), last - first,
                        cotangents);
      for (int64_t r = first; r < last; ++r) {
        Samples cotangent = load(cotangents + (r - first) * kTile);
        if (layer.soma) {
          cotangent = leak_gradient(cotangent, words[units + r], Isa::broadcast(layer.soma_slope));
          add_lanes(row_sums + (r - first) * kLanes, cotangent);
        }
        for (int64_t u = r * per_row; u < r * per_row + used_of_row(layer, r); ++u) {
          const Samples q = leak_gradient(cotangent, words[u], dendrite_slope);
          const int32_t* indices = layer.indices + u * layer.synapses;
          add_lanes(unit_sums + (u - first_unit) * kLanes, q);
          correlate(tile, indices, n_full, q, gradients.weight + u * layer.synapses);
          correlate_few(tile, indices + n_full, n_few, q,
                        few_sums + (u - first_unit) * n_few * kLanes);
        }
      }
    }

    sum_vectors(unit_sums, n_units);
    sum_vectors(row_sums, last - first);
    sum_vectors(few_sums, n_units * n_few);
    for (int64_t i = 0; i < n_units; ++i) {
      float* sums = gradients.weight + (first_unit + i) * layer.synapses + n_full;
      for (int64_t k = 0; k < n_few; ++k) sums[k] = few_sums[i * n_few + k];
      finish_unit(layer, first_unit + i, unit_sums[i], gradients);
    }
    if (!layer.soma) return;
    for (int64_t n = first; n < last; ++n) {
      gradients.soma_bias[n] = n < layer.used_neurons ? row_sums[n - first] : 0.0f;
    }
  }

  // How many of an output row's dendrites are there; they come first.
  static JDEND_INLINE int64_t used_of_row(const Layer& layer, int64_t row) {
    if (!layer.soma) return used(layer, row) ? 1 : 0;
    return row < layer.used_neurons ? layer.used_dendrites : 0;
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

  static void adamw(const AdamW& by, int64_t count, const float* gradient, float* parameter,
                    float* mean, float* square) {
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      step(by, gradient + i, parameter + i, mean + i, square + i);
    }
    if (i == count) return;
    float last[4][kLanes] = {};
    const float* from[4] = {gradient + i, parameter + i, mean + i, square + i};
    float* to[4] = {nullptr, parameter + i, mean + i, square + i};
    for (int a = 0; a < 4; ++a) __builtin_memcpy(last[a], from[a], sizeof(float) * (count - i));
    step(by, last[0], last[1], last[2], last[3]);
    for (int a = 1; a < 4; ++a) __builtin_memcpy(to[a], last[a], sizeof(float) * (count - i));
  }

  // Of a vector; rounded as XLA rounds optax's.
  static JDEND_INLINE void step(const AdamW& by, const float* gradient, float* parameter,
                                float* mean, float* square) {
    const Vec g = Isa::load(gradient), p = Isa::load(parameter);
    const Vec m = Isa::multiply_add(Isa::broadcast(by.of_mean), g,
                                    Isa::multiply(Isa::broadcast(by.b1), Isa::load(mean)));
    const Vec v = Isa::multiply_add(Isa::broadcast(by.of_square), Isa::multiply(g, g),
                                    Isa::multiply(Isa::broadcast(by.b2), Isa::load(square)));
    Isa::store(mean, m);
    Isa::store(square, v);
    const Vec root = Isa::square_root(Isa::multiply(v, Isa::broadcast(by.square_correction)));
    const Vec update = Isa::divide(Isa::multiply(m, Isa::broadcast(by.mean_correction)),
                                   Isa::add(root, Isa::broadcast(by.epsilon)));
    const Vec moved = Isa::multiply_add(Isa::broadcast(by.decay), p, update);
    Isa::store(parameter, Isa::multiply_add(Isa::broadcast(-by.rate), moved, p));
  }

  static constexpr Routines routines(const char* name) {
    return Routines{name,
                    forward_scratch,
                    weight_gradient_scratch,
                    input_gradient_scratch,
                    pack,
                    pack_rows<Isa, uint8_t>,
                    pack_rows<Isa, float>,
                    nullptr,
                    any_index_outside,
                    forward,
                    weight_gradient,
                    input_gradient,
                    adamw,
                    Softmax<kLanes>::scratch,
                    Softmax<kLanes>::cross_entropy,
                    Threefry<kLanes>::threefry,
                    Matmul<Isa>::scratch,
                    Matmul<Isa>::rows};
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_ROUTINES_H_
