// The kernel's five calls for XLA's typed foreign function interface.
// https://docs.jax.dev/en/latest/ffi.html
//
// Shapes below are one trial's. Without somas, soma_weight is [N, 0] and soma_bias [0].
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "dispatch.h"
#include "layer.h"
#include "parallel.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

using Floats = ffi::Buffer<ffi::F32>;
using Integers = ffi::Buffer<ffi::S32>;
using Words = ffi::Buffer<ffi::U32>;

// Bytes of the batch that one part of a trial reads: about what a core's second-level cache holds.
constexpr int64_t kPartBytes = 1 << 20;

// Splits each trial's `total` tiles or rows into parts: enough of them for the threads, and none
// longer than `longest`.
struct Parts {
  Parts(const ffi::ThreadPool& pool, int64_t trials, int64_t total, int64_t longest) {
    const int64_t for_threads = parts_for_threads(pool, trials);
    const int64_t for_cache = (total + longest - 1) / std::max<int64_t>(longest, 1);
    count = std::clamp<int64_t>(std::max(for_threads, for_cache), 1, std::max<int64_t>(total, 1));
    length = std::max<int64_t>((total + count - 1) / count, 1);
    length += length % 2;  // a tile that stays bytes is two
    count = (total + length - 1) / length;
  }
  int64_t count, length;
};

// The operands that every call but `pack` and `pack_rows` has.
struct Operands {
  Operands(Trials& trials, Floats tiles, Floats form, Floats weight, Floats bias, Integers indices,
           Floats soma_weight, Floats soma_bias, Integers sizes, float dendrite_slope,
           float soma_slope, int64_t batch) {
    const auto dimensions = weight.dimensions();
    if (dimensions.size() < 3 || tiles.dimensions().size() < 3) {
      trials.bind<float>("weight", weight, {-1, -1, -1});
      return;
    }
    const auto own = dimensions.last(3);
    layer.batch = batch;
    layer.features = tiles.dimensions().last(2)[0];
    layer.neurons = own[0];
    layer.dendrites = own[1];
    layer.synapses = own[2];
    layer.soma = soma_weight.dimensions().back() != 0;
    layer.dendrite_slope = dendrite_slope;
    layer.soma_slope = soma_slope;
    const int64_t n = own[0], d = own[1], k = own[2];
    tile_count = (batch + kTile - 1) / kTile;
    rows = layer.soma ? n : n * d;
    words = n * d + (layer.soma ? n : 0);
    tiles_ = trials.bind<const float>("tiles", tiles, {tile_count, layer.features, kTile});
    form_ = trials.bind<const float>("form", form, {kFormFloats});
    weight_ = trials.bind<const float>("weight", weight, {n, d, k});
    bias_ = trials.bind<const float>("bias", bias, {n, d});
    indices_ = trials.bind<const int32_t>("indices", indices, {n, d, k});
    soma_weight_ = trials.bind<const float>("soma_weight", soma_weight, {n, layer.soma ? d : 0});
    soma_bias_ = trials.bind<const float>("soma_bias", soma_bias, {layer.soma ? n : 0});
    sizes_ = trials.bind<const int32_t>("sizes", sizes, {3});
  }

  Layer operator[](int64_t trial) const {
    Layer result = layer;
    const int32_t* sizes = sizes_[trial];
    result.used_neurons = std::clamp<int64_t>(sizes[0], 0, layer.neurons);
    result.used_dendrites = std::clamp<int64_t>(sizes[1], 0, layer.dendrites);
    result.used_synapses = std::clamp<int64_t>(sizes[2], 0, layer.synapses);
    result.tiles = tiles_[trial];
    const float* form = form_[trial];
    result.form = Form{form[0], form[1], form[2] != 0.0f};
    result.weight = weight_[trial];
    result.bias = bias_[trial];
    result.indices = indices_[trial];
    result.soma_weight = soma_weight_[trial];
    result.soma_bias = soma_bias_[trial];
    return result;
  }

  // How many trials in a row read the same batch.
  int64_t sharing() const { return tiles_.shared(); }

  Layer layer{};
  int64_t tile_count = 0, rows = 0, words = 0;

 private:
  PerTrial<const float> tiles_, form_, weight_, bias_, soma_weight_, soma_bias_;
  PerTrial<const int32_t> indices_, sizes_;
};

int64_t tiles_in_cache(const Operands& operands) {
  const int64_t tile_bytes = operands.layer.features * kTile * int64_t{sizeof(float)};
  return std::max<int64_t>(kPartBytes / std::max<int64_t>(tile_bytes, 1), 1);
}

ffi::Error index_error(const Operands& operands, int64_t trial) {
  const Layer layer = operands[trial];
  for (int64_t n = 0; n < layer.used_neurons; ++n) {
    for (int64_t d = 0; d < layer.used_dendrites; ++d) {
      for (int64_t k = 0; k < layer.used_synapses; ++k) {
        const int32_t index = layer.indices[(n * layer.dendrites + d) * layer.synapses + k];
        if (index >= 0 && index < layer.features) continue;
        return ffi::Error::InvalidArgument(
            "dendritic_layer: index " + std::to_string(index) + " of trial " +
            std::to_string(trial) + ", neuron " + std::to_string(n) + ", dendrite " +
            std::to_string(d) + ", synapse " + std::to_string(k) + " is outside the " +
            std::to_string(layer.features) + " features");
      }
    }
  }
  return ffi::Error::Success();
}

// Runs body(layer, trial, first, last, scratch) for parts [first, last) of a trial's `total` tiles
// or rows, unless the trial has an index outside the features: then nothing of it is computed.
// Of trials that share a batch all first parts come first, then all second ones, and read the same
// tiles while these are in cache; then come those of the next batch, so that threads that begin far
// apart read different ones.
template <typename Body>
ffi::Error for_each_part(ffi::ThreadPool& pool, const Trials& trials, const Operands& operands,
                         int64_t total, int64_t longest, int64_t scratch_floats,
                         const Body& body) {
  const Parts parts(pool, trials.count(), total, longest);
  const int64_t sharing = operands.sharing();
  std::atomic<int64_t> bad_trial{-1};
  std::atomic<bool> is_foreign{false};
  parallel_for(pool, trials.count() * parts.count, scratch_floats,
               [&](int64_t item, float* scratch) {
                 const int64_t of_batch = item % (sharing * parts.count);
                 const int64_t trial =
                     item / (sharing * parts.count) * sharing + of_batch % sharing;
                 const int64_t first = of_batch / sharing * parts.length;
                 const int64_t last = std::min(first + parts.length, total);
                 const Layer layer = operands[trial];
                 if (layer.form.bytes && routines().pack_wide == nullptr) {
                   is_foreign.store(true, std::memory_order_relaxed);
                 } else if (routines().any_index_outside(layer)) {
                   bad_trial.store(trial, std::memory_order_relaxed);
                 } else if (first < last) {
                   body(layer, trial, first, last, scratch);
                 }
               });
  if (is_foreign.load(std::memory_order_relaxed)) {
    return ffi::Error::InvalidArgument(
        "dendritic_layer: the batch was packed for another instruction set");
  }
  const int64_t bad = bad_trial.load(std::memory_order_relaxed);
  return bad < 0 ? ffi::Error::Success() : index_error(operands, bad);
}

void write_form(const PerTrial<float>& form_of, int64_t trial, const Form& form) {
  float* to = form_of[trial];
  to[0] = form.offset;
  to[1] = form.scale;
  to[2] = form.bytes ? 1.0f : 0.0f;
}

// x [B, F] -> tiles [tiles, F, kTile] and their form [kFormFloats].
ffi::Error pack(ffi::ThreadPool pool, Floats x, ffi::Result<Floats> tiles,
                ffi::Result<Floats> form) {
  Trials trials(tiles->dimensions(), 3);
  if (x.dimensions().size() < 2) trials.bind<float>("x", x, {-1, -1});
  if (!trials.fit()) return trials.error();
  const int64_t batch = x.dimensions().last(2)[0], features = x.dimensions().last(2)[1];
  const int64_t tile_count = (batch + kTile - 1) / kTile;
  const auto source = trials.bind<const float>("x", x, {batch, features});
  const auto target = trials.bind<float>("tiles", *tiles, {tile_count, features, kTile});
  const auto form_of = trials.bind<float>("form", *form, {kFormFloats});
  if (!trials.fit()) return trials.error();
  for (int64_t trial = 0; trial < trials.count(); ++trial) {
    write_form(form_of, trial, Form{0.0f, 1.0f, false});
  }
  parallel_for(pool, trials.count() * tile_count, 0, [&](int64_t item, float*) {
    const int64_t trial = item / tile_count, tile = item % tile_count;
    routines().pack(source[trial] + tile * kTile * features,
                    std::min<int64_t>(batch - tile * kTile, kTile), features,
                    target[trial] + tile * kTile * features);
  });
  return ffi::Error::Success();
}

// Asks for a row's bytes, which processors do not foresee: rows are anywhere in the data set.
void fetch_ahead(const void* row, int64_t bytes) {
  const char* from = static_cast<const char*>(row);
  for (int64_t b = 0; b < bytes; b += kCacheLine) __builtin_prefetch(from + b, 0, 2);
}

// examples [n, F] of bytes or floats, rows [B] of them, offset and scale [1] or [F]
// -> tiles [tiles, F, kTile] and their form [kFormFloats]. A negative row counts from the end, and
// one outside is the nearest inside, as in JAX.
ffi::Error pack_rows(ffi::ThreadPool pool, ffi::AnyBuffer examples, Integers rows, Floats offset,
                     Floats scale, ffi::Result<Floats> tiles, ffi::Result<Floats> form) {
  Trials trials(tiles->dimensions(), 3);
  const bool bytes = examples.element_type() == ffi::DataType::U8;
  if (examples.dimensions().size() < 2 || rows.dimensions().size() < 1 ||
      offset.dimensions().size() < 1 || scale.dimensions().size() < 1 ||
      !(bytes || examples.element_type() == ffi::DataType::F32)) {
    trials.bind<float>("the examples", examples, {-1, -1});
  }
  if (!trials.fit()) return trials.error();
  const auto own = examples.dimensions().last(2);
  const int64_t n = own[0], features = own[1], batch = rows.dimensions().back();
  const int64_t tile_count = (batch + kTile - 1) / kTile;
  const auto one_or_each = [&](const Floats& array) {
    return array.dimensions().back() == 1 ? int64_t{1} : features;
  };
  const int64_t offsets = one_or_each(offset), scales = one_or_each(scale);
  const auto rows_of = trials.bind<const int32_t>("rows", rows, {batch});
  const auto offset_of = trials.bind<const float>("offset", offset, {offsets});
  const auto scale_of = trials.bind<const float>("scale", scale, {scales});
  const auto target = trials.bind<float>("tiles", *tiles, {tile_count, features, kTile});
  const auto bytes_of = trials.bind<const uint8_t>("the examples", examples, {n, features});
  const auto floats_of = trials.bind<const float>("the examples", examples, {n, features});
  const auto form_of = trials.bind<float>("form", *form, {kFormFloats});
  if (n == 0 && batch != 0) trials.bind<float>("the examples", examples, {-1, -1});
  if (!trials.fit()) return trials.error();
  const bool stay = bytes && offsets == 1 && scales == 1 && features <= kMostFeaturesOfBytes &&
                    routines().pack_wide != nullptr;
  for (int64_t trial = 0; trial < trials.count(); ++trial) {
    const Form of_bytes{offset_of[trial][0], scale_of[trial][0], true};
    write_form(form_of, trial, stay ? of_bytes : Form{0.0f, 1.0f, false});
  }
  const int64_t samples = stay ? kWide : kTile, parts = (batch + samples - 1) / samples;
  parallel_for(pool, trials.count() * parts, 0, [&](int64_t item, float*) {
    const int64_t trial = item / parts, first = item % parts * samples;
    const int64_t count = std::min<int64_t>(batch - first, samples);
    const Normalisation by{offset_of[trial], scale_of[trial], offsets == 1 ? 0 : 1,
                           scales == 1 ? 0 : 1};
    // Tiles of bytes lie as close as they are long.
    float* tile = target[trial] + first * features / (stay ? 4 : 1);
    const auto pack = [&](const auto* start, const auto& routine) {
      decltype(start) row[kWide];
      for (int64_t j = 0; j < samples; ++j) {
        const int64_t given = rows_of[trial][first + std::min(j, count - 1)];
        row[j] = start + std::clamp<int64_t>(given < 0 ? given + n : given, 0, n - 1) * features;
        fetch_ahead(row[j], features * sizeof(*start));
      }
      routine(row);
    };
    if (stay) {
      pack(bytes_of[trial],
           [&](const auto* row) { routines().pack_wide(row, count, features, tile); });
    } else if (bytes) {
      pack(bytes_of[trial],
           [&](const auto* row) { routines().pack_bytes(row, count, features, by, tile); });
    } else {
      pack(floats_of[trial],
           [&](const auto* row) { routines().pack_floats(row, count, features, by, tile); });
    }
  });
  return ffi::Error::Success();
}

// -> out [B, R], signs [tiles, U + N].
ffi::Error forward(ffi::ThreadPool pool, Floats tiles, Floats form, Floats weight, Floats bias,
                   Integers indices, Floats soma_weight, Floats soma_bias, Integers sizes,
                   float dendrite_slope, float soma_slope, ffi::Result<Floats> out,
                   ffi::Result<Words> signs) {
  Trials trials(out->dimensions(), 2);
  if (!trials.fit()) return trials.error();
  const int64_t batch = out->dimensions().last(2)[0];
  const Operands operands(trials, tiles, form, weight, bias, indices, soma_weight, soma_bias, sizes,
                          dendrite_slope, soma_slope, batch);
  const auto out_of = trials.bind<float>("out", *out, {batch, operands.rows});
  const auto signs_of =
      trials.bind<uint32_t>("signs", *signs, {operands.tile_count, operands.words});
  if (!trials.fit()) return trials.error();
  return for_each_part(pool, trials, operands, operands.tile_count, tiles_in_cache(operands),
                       routines().forward_scratch(operands.layer),
                       [&](const Layer& layer, int64_t trial, int64_t first, int64_t last,
                           float* scratch) {
                         routines().forward(layer, first, last, scratch, out_of[trial],
                                            signs_of[trial]);
                       });
}

// g [B, R] -> the gradients of weight, bias, soma_weight and soma_bias.
ffi::Error weight_gradient(ffi::ThreadPool pool, Floats tiles, Floats form, Floats weight, Floats bias,
                           Integers indices, Floats soma_weight, Floats soma_bias, Integers sizes,
                           float dendrite_slope, float soma_slope, Words signs, Floats g,
                           ffi::Result<Floats> weight_gradient, ffi::Result<Floats> bias_gradient,
                           ffi::Result<Floats> soma_weight_gradient,
                           ffi::Result<Floats> soma_bias_gradient) {
  Trials trials(weight_gradient->dimensions(), 3);
  if (g.dimensions().size() < 2) trials.bind<float>("g", g, {-1, -1});
  if (!trials.fit()) return trials.error();
  const int64_t batch = g.dimensions().last(2)[0];
  const Operands operands(trials, tiles, form, weight, bias, indices, soma_weight, soma_bias, sizes,
                          dendrite_slope, soma_slope, batch);
  const auto signs_of =
      trials.bind<const uint32_t>("signs", signs, {operands.tile_count, operands.words});
  const auto g_of = trials.bind<const float>("g", g, {batch, operands.rows});
  const int64_t n = operands.layer.neurons, d = operands.layer.dendrites;
  const bool soma = operands.layer.soma;
  const auto to_weight =
      trials.bind<float>("weight gradient", *weight_gradient, {n, d, operands.layer.synapses});
  const auto to_bias = trials.bind<float>("bias gradient", *bias_gradient, {n, d});
  const auto to_soma_weight =
      trials.bind<float>("soma_weight gradient", *soma_weight_gradient, {n, soma ? d : 0});
  const auto to_soma_bias =
      trials.bind<float>("soma_bias gradient", *soma_bias_gradient, {soma ? n : 0});
  if (!trials.fit()) return trials.error();
  return for_each_part(pool, trials, operands, operands.rows, operands.rows,
                       routines().weight_gradient_scratch(operands.layer),
                       [&](const Layer& layer, int64_t trial, int64_t first, int64_t last,
                           float* scratch) {
                         routines().weight_gradient(
                             layer, first, last, g_of[trial], signs_of[trial], scratch,
                             Gradients{to_weight[trial], to_bias[trial], to_soma_weight[trial],
                                       to_soma_bias[trial]});
                       });
}

// g [B, R] -> the gradient of x [B, F].
ffi::Error input_gradient(ffi::ThreadPool pool, Floats tiles, Floats form, Floats weight, Floats bias,
                          Integers indices, Floats soma_weight, Floats soma_bias, Integers sizes,
                          float dendrite_slope, float soma_slope, Words signs, Floats g,
                          ffi::Result<Floats> gradient) {
  Trials trials(gradient->dimensions(), 2);
  if (!trials.fit()) return trials.error();
  const int64_t batch = gradient->dimensions().last(2)[0];
  const Operands operands(trials, tiles, form, weight, bias, indices, soma_weight, soma_bias, sizes,
                          dendrite_slope, soma_slope, batch);
  const auto signs_of =
      trials.bind<const uint32_t>("signs", signs, {operands.tile_count, operands.words});
  const auto g_of = trials.bind<const float>("g", g, {batch, operands.rows});
  const auto to_x = trials.bind<float>("x gradient", *gradient, {batch, operands.layer.features});
  if (!trials.fit()) return trials.error();
  return for_each_part(pool, trials, operands, operands.tile_count, tiles_in_cache(operands),
                       routines().input_gradient_scratch(operands.layer),
                       [&](const Layer& layer, int64_t trial, int64_t first, int64_t last,
                           float* scratch) {
                         routines().input_gradient(layer, first, last, g_of[trial],
                                                   signs_of[trial], scratch, to_x[trial]);
                       });
}

// Binds what forward, weight_gradient and input_gradient begin with.
auto bind_layer() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Arg<Floats>()     // tiles
      .Arg<Floats>()     // form
      .Arg<Floats>()     // weight
      .Arg<Floats>()     // bias
      .Arg<Integers>()   // indices
      .Arg<Floats>()     // soma_weight
      .Arg<Floats>()     // soma_bias
      .Arg<Integers>()   // sizes
      .Attr<float>("dendrite_slope")
      .Attr<float>("soma_slope");
}

}  // namespace
}  // namespace jdend

// For Python, through ctypes: the version of XLA's interface that the library was built for.
JDEND_EXPORT int jdend_ffi_major() { return XLA_FFI_API_MAJOR; }
JDEND_EXPORT int jdend_ffi_minor() { return XLA_FFI_API_MINOR; }

JDEND_EXPORT XLA_FFI_Error* jdend_pack(XLA_FFI_CallFrame*);
JDEND_EXPORT XLA_FFI_Error* jdend_pack_rows(XLA_FFI_CallFrame*);
JDEND_EXPORT XLA_FFI_Error* jdend_forward(XLA_FFI_CallFrame*);
JDEND_EXPORT XLA_FFI_Error* jdend_weight_gradient(XLA_FFI_CallFrame*);
JDEND_EXPORT XLA_FFI_Error* jdend_input_gradient(XLA_FFI_CallFrame*);

using jdend::Floats;
using jdend::Words;

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    jdend_pack, jdend::pack,
    xla::ffi::Ffi::Bind()
        .Ctx<xla::ffi::ThreadPool>()
        .Arg<Floats>()
        .Ret<Floats>()
        .Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_pack_rows, jdend::pack_rows,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()  // examples
                                  .Arg<jdend::Integers>()      // rows
                                  .Arg<Floats>()               // offset
                                  .Arg<Floats>()               // scale
                                  .Ret<Floats>()
                                  .Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    jdend_forward, jdend::forward,
    jdend::bind_layer().Ret<Floats>().Ret<Words>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_weight_gradient, jdend::weight_gradient,
                              jdend::bind_layer()
                                  .Arg<Words>()   // signs
                                  .Arg<Floats>()  // g
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_input_gradient, jdend::input_gradient,
                              jdend::bind_layer()
                                  .Arg<Words>()   // signs
                                  .Arg<Floats>()  // g
                                  .Ret<Floats>());
