// Stored images as input of networks, compiled for each instruction set.
#include <cstring>

#include "kernels.h"

namespace {

// (byte - low) / range of `size` bytes.
inline __attribute__((always_inline)) void scale(const uint8_t* picture, int64_t size, float low, float range,
                                                 float* x) {
  for (int64_t i = 0; i < size; i++) x[i] = (float(picture[i]) - low) / range;
}

void generic(const uint8_t* picture, int64_t size, float low, float range, float* x) {
  scale(picture, size, low, range, x);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) void avx2(const uint8_t* picture, int64_t size, float low, float range, float* x) {
  scale(picture, size, low, range, x);
}

__attribute__((target("avx512f"))) void avx512(const uint8_t* picture, int64_t size, float low, float range, float* x) {
  scale(picture, size, low, range, x);
}
#endif

auto* scaled() {
#if defined(__x86_64__) && defined(__GNUC__)
  const char* use = snellen_instructions();
  if (!std::strcmp(use, "avx512")) return avx512;
  if (!std::strcmp(use, "avx2")) return avx2;
#endif
  return generic;
}

}  // namespace

// x: (count, size), (byte - low) / range for each byte of these rows of `size` bytes, with the same bits as torch.
// Returns 0 if a row is not among the `total` stored ones, else 1.
extern "C" SNELLEN_PUBLIC int32_t snellen_pictures(const uint8_t* pictures, int64_t total, int64_t size,
                                                   const int64_t* rows, int64_t count, float low, float range,
                                                   float* x) {
  const auto row_by_row = scaled();
  for (int64_t row = 0; row < count; row++, x += size) {
    if (rows[row] < 0 || rows[row] >= total) return 0;
    row_by_row(pictures + rows[row] * size, size, low, range, x);
  }
  return 1;
}
