// One trial's dendritic layer, and the routines that each instruction set implements.
//
// Letters as in jdend.kernels.dendritic_layer: B batch, F features, N neurons, D dendrites per
// neuron, K synapses per dendrite. Added here: U = N * D dendrites, and R rows of output, one a
// neuron (with somas) or one a dendrite (without).
//
// This header holds declarations alone: it is included by files built for different instruction
// sets, and an inline function in it could be linked from the wrong one.
#ifndef JDEND_KERNELS_NATIVE_LAYER_H_
#define JDEND_KERNELS_NATIVE_LAYER_H_

#include <cstdint>

#include "adamw.h"
#include "cross_entropy.h"
#include "product.h"

namespace jdend {

// Samples in a tile of the batch. The batch is stored as [tiles, F, kTile], zeros after the last
// sample, so that a synapse reads whole vectors. With 32 samples a tile of 784 features is 100 KB:
// it stays in a second-level cache, an index and a weight are loaded once for 32 products, and the
// signs of a dendrite fill one 32-bit word.
constexpr int kTile = 32;

// How a batch's tiles hold their inputs: as floats, or as the bytes of examples, in tiles
// [F, kWide] of twice as many samples and half the memory (see bytes.h). Then an input is
// (byte - offset) * scale. A call that packs says which form it chose, in `kFormFloats` floats.
struct Form {
  float offset, scale;
  bool bytes;
};
constexpr int kFormFloats = 3;
constexpr int kWide = 2 * kTile;
// Of more, sums of products of bytes could pass 32 bits.
constexpr int64_t kMostFeaturesOfBytes = 1 << 15;

struct Layer {
  int64_t batch, features;
  int64_t neurons, dendrites, synapses;                 // as the arrays are laid out
  int64_t used_neurons, used_dendrites, used_synapses;  // the true sizes inside them
  bool soma;
  float dendrite_slope, soma_slope;  // of their LeakyReLUs below 0
  const float* tiles;        // [tiles, F, kTile]
  Form form;                 // of the tiles
  const float* weight;       // [N, D, K]
  const float* bias;         // [N, D]
  const int32_t* indices;    // [N, D, K]
  const float* soma_weight;  // [N, D], nothing without somas
  const float* soma_bias;    // [N], nothing without somas
};

// What the backward pass writes; the arrays are those of `Layer`.
struct Gradients {
  float* weight;
  float* bias;
  float* soma_weight;
  float* soma_bias;
};

// What makes inputs of examples: (x - offset) * scale. A stride is 1, or 0 where one number is for
// all features.
struct Normalisation {
  const float* offset;
  const float* scale;
  int64_t offset_stride, scale_stride;
};

// Counts that threefry hashes.
struct Hashes {
  const uint32_t* key;  // its two words
  uint32_t first;       // the first count; the others follow it
  int64_t count;
  bool mixed;  // whether a count's two words become the bits in which they differ
};

// Signs are [tiles, U + N] words with somas, [tiles, U] without. Bit j of a word says that sample j
// of the tile lies on the negative side of that dendrite's (then that soma's) LeakyReLU.
struct Routines {
  const char* name;

  // Floats of scratch memory that each routine below needs.
  int64_t (*forward_scratch)(const Layer&);
  int64_t (*weight_gradient_scratch)(const Layer&);
  int64_t (*input_gradient_scratch)(const Layer&);

  // Transposes up to kTile samples x [rows, F] to one tile [F, kTile].
  void (*pack)(const float* x, int64_t rows, int64_t features, float* tile);

  // kTile rows [F] of examples, of bytes or floats, to one tile [F, kTile] of normalised inputs;
  // zeros after the first `count` samples, whose rows are read all the same.
  void (*pack_bytes)(const uint8_t* const* rows, int64_t count, int64_t features,
                     const Normalisation&, float* tile);
  void (*pack_floats)(const float* const* rows, int64_t count, int64_t features,
                      const Normalisation&, float* tile);

  // kWide rows of bytes to a tile that stays bytes, see `Form`; null where there is none.
  void (*pack_wide)(const uint8_t* const* rows, int64_t count, int64_t features, float* tile);

  // True if an index of a used synapse lies outside the features.
  bool (*any_index_outside)(const Layer&);

  // Tiles [first, last): rows of out [B, R] and of signs. If tiles stay bytes, `first` is even, and
  // so is `last` unless it is the last of all.
  void (*forward)(const Layer&, int64_t first, int64_t last, float* scratch, float* out,
                  uint32_t* signs);

  // All tiles, for the dendrites of output rows [first, last). `g` [B, R] is the cotangent of out.
  void (*weight_gradient)(const Layer&, int64_t first, int64_t last, const float* g,
                          const uint32_t* signs, float* scratch, const Gradients& gradients);

  // Tiles [first, last): rows of the cotangent [B, F] of x.
  void (*input_gradient)(const Layer&, int64_t first, int64_t last, const float* g,
                         const uint32_t* signs, float* scratch, float* gradient);

  // A step of `count` parameters.
  void (*adamw)(const AdamW&, int64_t count, const float* gradient, float* parameter, float* mean,
                float* square);

  // Mean loss, hits and gradient, and the floats of scratch memory for them.
  int64_t (*cross_entropy_scratch)(const CrossEntropy&);
  void (*cross_entropy)(const CrossEntropy&, float* scratch, const Losses&);

  // Threefry's words of some counts.
  void (*threefry)(const Hashes&, uint32_t* out);

  // Rows [first, last) of a product, and the floats of scratch memory for it.
  int64_t (*matmul_scratch)(const Product&);
  void (*matmul)(const Product&, int64_t first, int64_t last, float* scratch);
};

// Null where the compiler did not target the instruction set.
extern const Routines* const kAvx512VnniRoutines;
extern const Routines* const kAvx512Routines;
extern const Routines* const kAvx2Routines;
extern const Routines* const kNeonRoutines;
extern const Routines* const kPlainRoutines;

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_LAYER_H_
