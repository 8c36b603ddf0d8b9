// Forwards calls to the unit of the instruction set in use.
#include "large.h"

#include <cstring>

namespace {

const LargeUnit& unit() {
#if defined(__x86_64__) && defined(__GNUC__)
  const char* use = snellen_instructions();
  if (!std::strcmp(use, "avx512")) return large_avx512;
  if (!std::strcmp(use, "avx2")) return large_avx2;
#endif
  return large_generic;
}

}  // namespace

#define SNELLEN_HAND_ON(name, Sizes)                                                                                   \
  int64_t snellen_##name##_scratch(const Sizes* sizes) { return unit().name.scratch(sizes); }                          \
  void snellen_##name##_forward(const float* x, const float* kernel, const float* bias, int32_t relu, float* y,        \
                                const Sizes* sizes, float* scratch) {                                                  \
    unit().name.forward(x, kernel, bias, relu, y, sizes, scratch);                                                     \
  }                                                                                                                    \
  void snellen_##name##_inputs(const float* to_y, const float* y, const float* kernel, float* to_x,                    \
                               const Sizes* sizes, float* scratch) {                                                   \
    unit().name.inputs(to_y, y, kernel, to_x, sizes, scratch);                                                         \
  }                                                                                                                    \
  void snellen_##name##_kernels(const float* x, const float* to_y, const float* y, float* to_kernel, float* to_bias,   \
                                const Sizes* sizes, float* scratch) {                                                  \
    unit().name.kernels(x, to_y, y, to_kernel, to_bias, sizes, scratch);                                               \
  }

SNELLEN_HAND_ON(winograd, WinogradSizes)
SNELLEN_HAND_ON(dense, DenseSizes)

void snellen_norm_moments(const float* x, float* mean, float* variance, const NormSizes* sizes) {
  unit().norm.moments(x, mean, variance, sizes);
}

void snellen_norm_apply(const float* x, const float* scale, const float* offset, float* y, const NormSizes* sizes) {
  unit().norm.apply(x, scale, offset, y, sizes);
}

void snellen_norm_sums(const float* to_y, const float* x, const float* mean, const float* scale, float* to_gamma,
                       float* to_beta, const NormSizes* sizes) {
  unit().norm.sums(to_y, x, mean, scale, to_gamma, to_beta, sizes);
}

void snellen_norm_combine(const float* to_y, const float* x, const float* a, const float* b, const float* offset,
                          float* to_x, const NormSizes* sizes) {
  unit().norm.combine(to_y, x, a, b, offset, to_x, sizes);
}
