// A layer whose batch stays bytes, for AVX-512 with VNNI: sums over inputs are exact integers.
//
// Floats that bytes are multiplied by, weights or cotangents, become whole numbers of 24 bits,
// times a scale of their dendrite's, or of their output row's: as near as floats, whose sums are
// rounded at every step. Each is three limbs, signed bytes l, m and h of l + 256 m + 65536 h. An
// instruction adds up 4 products of bytes in each of 16 lanes, where one of floats adds one.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_BYTES_H_
#define JDEND_KERNELS_NATIVE_BYTES_H_

#include <cstdint>
#include <cstring>

#include "avx512.h"
#include "layer.h"
#include "routines.h"
#include "rows.h"

namespace jdend {
namespace {

struct Bytes {
  using Floats = Kernel<Avx512>;
  using Vec = __m512;
  static constexpr int kLimbs = 3, kVectors = kWide / 16;
  // Tiles whose cotangents' limbs stay in registers.
  static constexpr int kTiles = 4;

  // A value for each sample of a tile.
  struct Samples {
    Vec v[kVectors];
  };

  // Whole numbers of 24 bits for floats of which the largest has these bits without the sign. Where
  // that is not finite the scale is not, either.
  struct Scale {
    explicit Scale(uint32_t bits) {
      constexpr float kMost = 127 * 65536, kLeast = 1e-30f;
      float largest;
      std::memcpy(&largest, &bits, sizeof(largest));
      if (largest < kLeast) largest = kLeast;
      each = largest / kMost;
      inverse = _mm512_set1_ps(kMost / largest);
    }

    // The limbs of 16 floats, as bytes l, m, h, 0 of each word.
    JDEND_INLINE __m512i limbs(Vec v) const {
      const __m512i bias = _mm512_set1_epi32(0x808080);
      const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse));
      return _mm512_xor_si512(_mm512_add_epi32(whole, bias), bias);
    }

    float each;
    Vec inverse;
  };

  static JDEND_INLINE __m512i magnitude(Vec v) {
    return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff));
  }

  // Bytes l l l l, m m m m, h h h h and zeros of the four words in each quarter.
  static JDEND_INLINE __m512i by_limb(__m512i words) {
    return _mm512_shuffle_epi8(
        words, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7,
                                                    11, 15)));
  }

  // Adds to each word of the sum the products of four bytes and signed bytes: _mm512_dpbusd_epi32,
  // with which GCC 12 copies every sum.
  static JDEND_INLINE void add_products(__m512i& sum, __m512i bytes, __m512i limbs) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(limbs));
  }

  static int64_t wide_tiles(const Layer& layer) { return (layer.batch + kWide - 1) / kWide; }

  static JDEND_INLINE const uint8_t* tile_of(const Layer& layer, int64_t tile) {
    return reinterpret_cast<const uint8_t*>(layer.tiles) + tile * layer.features * kWide;
  }

  // The signs of a unit for tile `tile`, of 64 samples; `words` are those of all tiles of 32.
  static JDEND_INLINE uint64_t signs_of(const Layer& layer, const uint32_t* words, int64_t tile,
                                        int64_t unit) {
    const uint32_t* low = words + 2 * tile * sign_words(layer) + unit;
    const bool has_high = (2 * tile + 1) * kTile < layer.batch;
    return low[0] | (has_high ? uint64_t{low[sign_words(layer)]} << 32 : 0);
  }

  static JDEND_INLINE void put_signs(const Layer& layer, uint32_t* words, int64_t tile,
                                     int64_t unit, uint64_t signs) {
    uint32_t* low = words + 2 * tile * sign_words(layer) + unit;
    low[0] = static_cast<uint32_t>(signs);
    if ((2 * tile + 1) * kTile < layer.batch) {
      low[sign_words(layer)] = static_cast<uint32_t>(signs >> 32);
    }
  }

  // 64 rows of bytes to a tile [F, 64], zeros after the first `count` samples. Byte 16 q + 4 j + i
  // of a feature is sample 16 j + 4 q + i, so that words of interleaved bytes come in order.
  static void pack(const uint8_t* const* rows, int64_t count, int64_t features, float* target) {
    uint8_t* tile = reinterpret_cast<uint8_t*>(target);
    const uint8_t* own[kWide];
    int64_t samples[kWide];
    for (int64_t place = 0; place < kWide; ++place) {
      samples[place] = 16 * (place / 4 % 4) + 4 * (place / 16) + place % 4;
      own[place] = rows[samples[place]];
    }
    const int64_t whole = features & ~int64_t{15};
    for (int64_t first = 0; first < whole; first += 16) {
      for (int64_t q = 0; q < kWide; q += 16) {
        transpose_16x16(own + q, first, tile + first * kWide + q, kWide);
      }
    }
    for (int64_t c = whole; c < features; ++c) {
      for (int64_t place = 0; place < kWide; ++place) tile[c * kWide + place] = own[place][c];
    }
    for (int64_t place = 0; count < kWide && place < kWide; ++place) {
      if (samples[place] < count) continue;
      for (int64_t c = 0; c < features; ++c) tile[c * kWide + place] = 0;
    }
  }

  // Four synapses of a dendrite: a word for each limb of their weights, and where in a tile the
  // bytes lie that they read.
  struct Four {
    int32_t limbs[4];
    uint32_t places[4];
  };

  static int64_t fours(const Layer& layer) { return (layer.used_synapses + 3) / 4; }

  // A dendrite's scale, and what its sums begin with, limb by limb: minus the offset times the sum
  // of its weights, so that nothing is lost where bytes are nearly the offset. `rest` is what limbs
  // do not hold, of an offset far from all bytes.
  struct Dendrite {
    float scale, rest;
    int32_t start[kLimbs];
  };

  // Writes a dendrite's synapses, and up to three fours of nothing after them.
  static Dendrite lay_out(const Layer& layer, int64_t unit, Four* four) {
    const float* weight = layer.weight + unit * layer.synapses;
    const int32_t* indices = layer.indices + unit * layer.synapses;
    const int64_t synapses = layer.used_synapses;
    const auto mask = [synapses](int64_t k) {
      return static_cast<__mmask16>(synapses - k < 16 ? (1u << (synapses - k)) - 1 : 0xffffu);
    };
    __m512i largest = _mm512_setzero_si512();
    for (int64_t k = 0; k < synapses; k += 16) {
      const Vec v = _mm512_maskz_loadu_ps(mask(k), weight + k);
      largest = _mm512_max_epu32(largest, magnitude(v));
    }
    const Scale scale(_mm512_reduce_max_epu32(largest));
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sums = _mm512_setzero_si512();
    for (int64_t k = 0; k < synapses; k += 16, four += 4) {
      const __m512i limbs =
          by_limb(scale.limbs(_mm512_maskz_loadu_ps(mask(k), weight + k)));
      add_products(sums, ones, limbs);
      const __m512i places =
          _mm512_slli_epi32(_mm512_maskz_loadu_epi32(mask(k), indices + k), 6);
      _mm512_storeu_si512(four, _mm512_permutex2var_epi64(limbs, low, places));
      _mm512_storeu_si512(four + 2, _mm512_permutex2var_epi64(limbs, high, places));
    }
    // A word a limb.
    const __m256i halves = _mm256_add_epi32(_mm512_castsi512_si256(sums),
                                            _mm512_extracti64x4_epi64(sums, 1));
    const __m128i limbs = _mm_add_epi32(_mm256_castsi256_si128(halves),
                                        _mm256_extracti128_si256(halves, 1));
    const double sum = _mm_extract_epi32(limbs, 0) + 256.0 * _mm_extract_epi32(limbs, 1) +
                       65536.0 * _mm_extract_epi32(limbs, 2);
    constexpr double kMost = int64_t{1} << 46;
    const double wanted = -double{layer.form.offset} * sum;
    const double start = wanted > kMost ? kMost : wanted > -kMost ? wanted : -kMost;
    const int64_t whole = static_cast<int64_t>(start);
    const float rest = static_cast<float>((wanted - start) * scale.each);
    return {scale.each, rest,
            {static_cast<int32_t>(whole & 0xff), static_cast<int32_t>(whole >> 8 & 0xff),
             static_cast<int32_t>(whole >> 16)}};
  }

  // l + 256 m + 65536 h.
  static JDEND_INLINE Vec joined(__m512i l, __m512i m, __m512i h) {
    const Vec low = _mm512_fmadd_ps(_mm512_cvtepi32_ps(m), _mm512_set1_ps(256.0f),
                                    _mm512_cvtepi32_ps(l));
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(h), _mm512_set1_ps(65536.0f), low);
  }

  // The sums over a dendrite's synapses, in units of its scale.
  static JDEND_INLINE Samples project(const uint8_t* tile, const Dendrite& dendrite,
                                      const Four* four, int64_t count) {
    __m512i sum[kLimbs][kVectors];
    JDEND_UNROLL for (int l = 0; l < kLimbs; ++l) {
      const __m512i start = _mm512_set1_epi32(dendrite.start[l]);
      JDEND_UNROLL for (int j = 0; j < kVectors; ++j) sum[l][j] = start;
    }
    for (int64_t f = 0; f < count; ++f) {
      const __m512i a = _mm512_loadu_si512(tile + four[f].places[0]);
      const __m512i b = _mm512_loadu_si512(tile + four[f].places[1]);
      const __m512i c = _mm512_loadu_si512(tile + four[f].places[2]);
      const __m512i d = _mm512_loadu_si512(tile + four[f].places[3]);
      const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
      const __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
      const __m512i x[kVectors] = {
          _mm512_unpacklo_epi16(ab_low, cd_low), _mm512_unpackhi_epi16(ab_low, cd_low),
          _mm512_unpacklo_epi16(ab_high, cd_high), _mm512_unpackhi_epi16(ab_high, cd_high)};
      JDEND_UNROLL for (int l = 0; l < kLimbs; ++l) {
        const __m512i weights = _mm512_set1_epi32(four[f].limbs[l]);
        JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
          add_products(sum[l][j], x[j], weights);
        }
      }
    }
    Samples sums;
    JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
      sums.v[j] = joined(sum[0][j], sum[1][j], sum[2][j]);
    }
    return sums;
  }

  // LeakyReLU in place; returns the signs.
  static JDEND_INLINE uint64_t leak(Samples& s, Vec slope) {
    uint64_t signs = 0;
    JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
      const uint32_t negative = Avx512::negative(s.v[j]);
      signs |= uint64_t{negative} << (16 * j);
      s.v[j] = _mm512_mask_mul_ps(s.v[j], static_cast<__mmask16>(negative), s.v[j], slope);
    }
    return signs;
  }

  // Floats that hold all synapses, laid out.
  static int64_t floats_of_fours(const Layer& layer) {
    const int64_t of_unit = (layer.synapses + 3) / 4;
    return (layer.neurons * layer.dendrites * of_unit + 4) * int64_t{sizeof(Four) / sizeof(float)};
  }

  static int64_t forward_scratch(const Layer& layer) {
    const int64_t units = layer.neurons * layer.dendrites;
    return floats_of_fours(layer) + output_rows(layer) * kWide +
           units * int64_t{sizeof(Dendrite) / sizeof(float)};
  }

  // Tiles [first, last), of 64 samples.
  static void forward(const Layer& layer, int64_t first, int64_t last, float* scratch, float* out,
                      uint32_t* signs) {
    const int64_t units = layer.neurons * layer.dendrites, rows = output_rows(layer);
    const int64_t count = fours(layer);
    Four* four = reinterpret_cast<Four*>(scratch);  // [used dendrites, count]
    float* outputs = scratch + floats_of_fours(layer);
    Dendrite* dendrites = reinterpret_cast<Dendrite*>(outputs + rows * kWide);  // [U]
    Four* own = four;
    for (int64_t n = 0; n < layer.used_neurons; ++n) {
      for (int64_t d = 0; d < layer.used_dendrites; ++d, own += count) {
        const int64_t u = n * layer.dendrites + d;
        dendrites[u] = lay_out(layer, u, own);
      }
    }
    const Vec dendrite_slope = _mm512_set1_ps(layer.dendrite_slope);
    const Vec soma_slope = _mm512_set1_ps(layer.soma_slope);
    if (is_padded(layer)) {
      fill_zero(outputs, rows * kWide);
      for (int64_t t = 2 * first; t < 2 * last && t * kTile < layer.batch; ++t) {
        std::memset(signs + t * sign_words(layer), 0, sizeof(uint32_t) * sign_words(layer));
      }
    }
    for (int64_t t = first; t < last; ++t) {
      const uint8_t* tile = tile_of(layer, t);
      own = four;
      for (int64_t n = 0; n < layer.used_neurons; ++n) {
        Samples soma;
        JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
          soma.v[j] = _mm512_set1_ps(layer.soma ? layer.soma_bias[n] : 0.0f);
        }
        for (int64_t d = 0; d < layer.used_dendrites; ++d, own += count) {
          const int64_t u = n * layer.dendrites + d;
          Samples h = project(tile, dendrites[u], own, count);
          const Vec scale = _mm512_set1_ps(layer.form.scale * dendrites[u].scale);
          const Vec rest = _mm512_set1_ps(layer.form.scale * dendrites[u].rest + layer.bias[u]);
          JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
            h.v[j] = _mm512_fmadd_ps(h.v[j], scale, rest);
          }
          put_signs(layer, signs, t, u, leak(h, dendrite_slope));
          if (layer.soma) {
            const Vec weight = _mm512_set1_ps(layer.soma_weight[u]);
            JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
              soma.v[j] = _mm512_fmadd_ps(h.v[j], weight, soma.v[j]);
            }
          } else {
            store(outputs + u * kWide, h);
          }
        }
        if (layer.soma) {
          put_signs(layer, signs, t, units + n, leak(soma, soma_slope));
          store(outputs + n * kWide, soma);
        }
      }
      const int64_t left = layer.batch - t * kWide;
      transpose(outputs, kWide, rows, left < kWide ? left : kWide, out + t * kWide * rows, rows);
    }
  }

  static JDEND_INLINE void store(float* p, const Samples& s) {
    JDEND_UNROLL for (int j = 0; j < kVectors; ++j) _mm512_storeu_ps(p + 16 * j, s.v[j]);
  }

  // Limbs of an output row's cotangents in a tile, in the order of a tile's bytes, and of those
  // times the slope of dendrites below 0.
  struct Limbs {
    __m512i plain[kLimbs], sloped[kLimbs];
  };

  static JDEND_INLINE void in_order(const __m512i (&words)[kVectors], __m512i (&limbs)[kLimbs]) {
    const __m512i a = by_limb(words[0]), b = by_limb(words[1]);
    const __m512i c = by_limb(words[2]), d = by_limb(words[3]);
    const __m512i ab = _mm512_unpacklo_epi32(a, b), cd = _mm512_unpacklo_epi32(c, d);
    limbs[0] = _mm512_unpacklo_epi64(ab, cd);
    limbs[1] = _mm512_unpackhi_epi64(ab, cd);
    limbs[2] = _mm512_unpacklo_epi64(_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
  }

  // A bit for each sample, in the order of a tile's bytes: quarters' fourths change places.
  static JDEND_INLINE __mmask64 in_order(uint64_t bits) {
    uint64_t moved = (bits ^ (bits >> 12)) & 0x0000f0f00000f0f0;
    bits ^= moved ^ (moved << 12);
    moved = (bits ^ (bits >> 24)) & 0x00000000ff00ff00;
    return bits ^ moved ^ (moved << 24);
  }

  // For each of a dendrite's synapses, and for an input of ones, the products with its cotangents
  // in `count` tiles from `tile` on: added to lanes of vectors [used synapses + 1, 16].
  template <int count>
  static JDEND_INLINE void correlate(const Layer& layer, int64_t tile, int64_t unit,
                                     const uint32_t* signs, const Limbs* limbs, bool is_first,
                                     float* vectors) {
    __m512i q[count][kLimbs];
    JDEND_UNROLL for (int t = 0; t < count; ++t) {
      const __mmask64 negative = in_order(signs_of(layer, signs, tile + t, unit));
      JDEND_UNROLL for (int l = 0; l < kLimbs; ++l) {
        q[t][l] = _mm512_mask_blend_epi8(negative, limbs[t].plain[l], limbs[t].sloped[l]);
      }
    }
    const uint8_t* from = tile_of(layer, tile);
    const int64_t stride = layer.features * kWide;
    const int32_t* indices = layer.indices + unit * layer.synapses;
    const auto add = [&](const auto& input, float* vector) __attribute__((always_inline)) {
      __m512i sum[kLimbs];
      JDEND_UNROLL for (int l = 0; l < kLimbs; ++l) sum[l] = _mm512_setzero_si512();
      JDEND_UNROLL for (int t = 0; t < count; ++t) {
        const __m512i x = input(t);
        JDEND_UNROLL for (int l = 0; l < kLimbs; ++l) {
          add_products(sum[l], x, q[t][l]);
        }
      }
      const Vec total = joined(sum[0], sum[1], sum[2]);
      _mm512_storeu_ps(vector,
                       is_first ? total : _mm512_add_ps(total, _mm512_loadu_ps(vector)));
    };
    for (int64_t k = 0; k < layer.used_synapses; ++k) {
      const uint8_t* x = from + static_cast<int64_t>(indices[k]) * kWide;
      add([&](int t) { return _mm512_loadu_si512(x + t * stride); }, vectors + 16 * k);
    }
    add([](int) { return _mm512_set1_epi8(1); }, vectors + 16 * layer.used_synapses);
  }

  static int64_t weight_gradient_scratch(const Layer& layer) {
    const int64_t rows = output_rows(layer), per_row = layer.soma ? layer.dendrites : 1;
    return wide_tiles(layer) * (rows * kWide + int64_t{sizeof(Limbs) / sizeof(float)}) +
           per_row * (layer.synapses + 1) * 16;
  }

  // As Kernel::weight_gradient; T and T0 are sums over bytes here.
  static void weight_gradient(const Layer& layer, int64_t first, int64_t last, const float* g,
                              const uint32_t* signs, float* scratch, const Gradients& gradients) {
    const int64_t rows = output_rows(layer), per_row = layer.soma ? layer.dendrites : 1;
    const int64_t tiles = wide_tiles(layer), samples = tiles * kWide;
    const int64_t of_unit = layer.used_synapses + 1;
    Limbs* limbs = reinterpret_cast<Limbs*>(scratch);                                  // [tiles]
    float* vectors = scratch + tiles * int64_t{sizeof(Limbs) / sizeof(float)};
    float* cotangents = vectors + per_row * (layer.synapses + 1) * 16;  // [last - first, samples]
    transpose(g + first, rows, layer.batch, last - first, cotangents, samples);
    fill_zero(gradients.weight + first * per_row * layer.synapses,
              (last - first) * per_row * layer.synapses);
    for (int64_t r = first; r < last; ++r) {
      const int64_t n_used = Floats::used_of_row(layer, r);
      float* of_row = cotangents + (r - first) * samples;
      fill_zero(of_row + layer.batch, samples - layer.batch);
      float row_sum = 0.0f;
      const bool is_there = n_used > 0 || (layer.soma && r < layer.used_neurons);
      const float each = is_there ? lay_out_row(layer, r, signs, of_row, limbs, row_sum) : 0.0f;
      if (layer.soma) gradients.soma_bias[r] = row_sum;
      for (int64_t i = 0; i < n_used; ++i) {
        float* own = vectors + i * of_unit * 16;
        int64_t t = 0;
        for (; t + kTiles <= tiles; t += kTiles) {
          correlate<kTiles>(layer, t, r * per_row + i, signs, limbs + t, t == 0, own);
        }
        for (; t < tiles; ++t) {
          correlate<1>(layer, t, r * per_row + i, signs, limbs + t, t == 0, own);
        }
      }
      Floats::sum_vectors(vectors, n_used * of_unit);
      for (int64_t i = 0; i < per_row; ++i) {
        const int64_t u = r * per_row + i;
        const float* sums = vectors + i * of_unit;
        const float bias_sum = i < n_used ? each * sums[layer.used_synapses] : 0.0f;
        if (i < n_used) {
          // (byte - offset) * scale.
          float* to = gradients.weight + u * layer.synapses;
          const float factor = each * layer.form.scale;
          const float of_offset = layer.form.offset * sums[layer.used_synapses];
          for (int64_t k = 0; k < layer.used_synapses; ++k) to[k] = factor * (sums[k] - of_offset);
        }
        Floats::finish_unit(layer, u, bias_sum, gradients);
      }
    }
  }

  // Turns the cotangents of an output row, [tiles, 64], into limbs; returns their scale, and adds
  // up what the soma's bias has as gradient.
  static float lay_out_row(const Layer& layer, int64_t row, const uint32_t* signs, float* of_row,
                           Limbs* limbs, float& row_sum) {
    const int64_t units = layer.neurons * layer.dendrites, tiles = wide_tiles(layer);
    const Vec soma_slope = _mm512_set1_ps(layer.soma_slope);
    const Vec dendrite_slope = _mm512_set1_ps(layer.dendrite_slope);
    __m512i largest = _mm512_setzero_si512();
    Vec total = _mm512_setzero_ps();
    for (int64_t t = 0; t < tiles; ++t) {
      const uint64_t negative = layer.soma ? signs_of(layer, signs, t, units + row) : 0;
      for (int j = 0; j < kVectors; ++j) {
        float* p = of_row + t * kWide + 16 * j;
        Vec v = _mm512_loadu_ps(p);
        v = _mm512_mask_mul_ps(v, static_cast<__mmask16>(negative >> (16 * j)), v, soma_slope);
        _mm512_storeu_ps(p, v);
        total = _mm512_add_ps(total, v);
        largest = _mm512_max_epu32(largest, magnitude(v));
        largest = _mm512_max_epu32(largest, magnitude(_mm512_mul_ps(v, dendrite_slope)));
      }
    }
    row_sum = _mm512_reduce_add_ps(total);
    const Scale scale(_mm512_reduce_max_epu32(largest));
    for (int64_t t = 0; t < tiles; ++t) {
      __m512i plain[kVectors], sloped[kVectors];
      JDEND_UNROLL for (int j = 0; j < kVectors; ++j) {
        const Vec v = _mm512_loadu_ps(of_row + t * kWide + 16 * j);
        plain[j] = scale.limbs(v);
        sloped[j] = scale.limbs(_mm512_mul_ps(v, dendrite_slope));
      }
      in_order(plain, limbs[t].plain);
      in_order(sloped, limbs[t].sloped);
    }
    return scale.each;
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_BYTES_H_
