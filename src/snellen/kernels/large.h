// Layers of large networks: one unit for each instruction set, and the functions that Python calls.
//
// float32; all arrays are contiguous, rows outermost, channels or units innermost. A y that may be NULL is the result of
// a relu at the end of the layer: gradients pass where it is positive.
#pragma once

#include <cstdint>

#include "kernels.h"

// Images (rows, height, width, in) become (rows, height + 2 pad - 2, width + 2 pad - 2, out) by kernels (out, 3, 3, in);
// pad: 0, 1 or 2 zeros around. Channels are multiples of 16, at most 4096.
struct WinogradSizes {
  int64_t rows, height, width, in, out, pad;
};

// Vectors (rows, inputs) become (rows, units) by kernels (inputs, units). units: a multiple of 16.
struct DenseSizes {
  int64_t rows, inputs, units;
};

// The number of values of each channel; channels are a multiple of 16.
struct NormSizes {
  int64_t count, channels;
};

template <class Sizes>
struct Products {
  int64_t (*scratch)(const Sizes*);
  void (*forward)(const float* x, const float* kernel, const float* bias, int32_t relu, float* y, const Sizes*,
                  float* scratch);
  void (*inputs)(const float* to_y, const float* y, const float* kernel, float* to_x, const Sizes*, float* scratch);
  void (*kernels)(const float* x, const float* to_y, const float* y, float* to_kernel, float* to_bias, const Sizes*,
                  float* scratch);
};

struct Norm {
  void (*moments)(const float* x, float* mean, float* variance, const NormSizes*);
  void (*apply)(const float* x, const float* scale, const float* offset, float* y, const NormSizes*);
  void (*sums)(const float* to_y, const float* x, const float* mean, const float* scale, float* to_gamma,
               float* to_beta, const NormSizes*);
  void (*combine)(const float* to_y, const float* x, const float* a, const float* b, const float* offset, float* to_x,
                  const NormSizes*);
};

struct LargeUnit {
  Products<WinogradSizes> winograd;
  Products<DenseSizes> dense;
  Norm norm;
};

extern const LargeUnit large_generic;
#if defined(__x86_64__) && defined(__GNUC__)
extern const LargeUnit large_avx2, large_avx512;
#endif

// Each kind of layer has four functions: the floats of scratch that the others need; y = x * kernel + bias (which may be
// NULL), followed by relu if asked for; the gradient of x; the gradients of kernel and bias (which may be NULL).
#define SNELLEN_PRODUCTS(name, Sizes)                                                                                  \
  SNELLEN_PUBLIC int64_t snellen_##name##_scratch(const Sizes*);                                                       \
  SNELLEN_PUBLIC void snellen_##name##_forward(const float* x, const float* kernel, const float* bias, int32_t relu,   \
                                               float* y, const Sizes*, float* scratch);                                \
  SNELLEN_PUBLIC void snellen_##name##_inputs(const float* to_y, const float* y, const float* kernel, float* to_x,     \
                                              const Sizes*, float* scratch);                                           \
  SNELLEN_PUBLIC void snellen_##name##_kernels(const float* x, const float* to_y, const float* y, float* to_kernel,    \
                                               float* to_bias, const Sizes*, float* scratch);

extern "C" {
SNELLEN_PRODUCTS(winograd, WinogradSizes)
SNELLEN_PRODUCTS(dense, DenseSizes)

// Batch normalisation: mean and biased variance; y = x scale + offset; the gradients of gamma and beta, with scale =
// 1 / deviation; to_x = to_y a + x b + offset. All of these are numbers for each channel.
SNELLEN_PUBLIC void snellen_norm_moments(const float* x, float* mean, float* variance, const NormSizes*);
SNELLEN_PUBLIC void snellen_norm_apply(const float* x, const float* scale, const float* offset, float* y,
                                       const NormSizes*);
SNELLEN_PUBLIC void snellen_norm_sums(const float* to_y, const float* x, const float* mean, const float* scale,
                                      float* to_gamma, float* to_beta, const NormSizes*);
SNELLEN_PUBLIC void snellen_norm_combine(const float* to_y, const float* x, const float* a, const float* b,
                                         const float* offset, float* to_x, const NormSizes*);
}
