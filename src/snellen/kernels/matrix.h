// Matrix products in registers, for images and kernels whose channels are innermost. Compiled once for each
// instruction set; W: floats in a vector.
#pragma once

#include <cstdint>

namespace {

#define SNELLEN_UNROLL _Pragma("GCC unroll 16")

template <int W>
struct Lanes {
  typedef float Vector __attribute__((vector_size(W * 4)));
  typedef Vector Loose __attribute__((aligned(4), may_alias));
  static Vector load(const float* place) { return *reinterpret_cast<const Loose*>(place); }
  static void store(float* place, Vector value) { *reinterpret_cast<Loose*>(place) = value; }
};

// One block of a matrix product, in registers: R rows of C vectors.
template <int W, int R, int C>
inline void block(const float* a, int64_t row, int64_t step, const float* b, int64_t b_row, int64_t depth, float* y,
                  int64_t y_row, bool add) {
  using L = Lanes<W>;
  typename L::Vector sum[R][C];
  SNELLEN_UNROLL for (int r = 0; r < R; r++) SNELLEN_UNROLL for (int c = 0; c < C; c++)
    sum[r][c] = add ? L::load(y + r * y_row + c * W) : typename L::Vector{};
  for (int64_t k = 0; k < depth; k++) {
    typename L::Vector right[C];
    SNELLEN_UNROLL for (int c = 0; c < C; c++) right[c] = L::load(b + k * b_row + c * W);
    SNELLEN_UNROLL for (int r = 0; r < R; r++) {
      const float left = a[r * row + k * step];
      SNELLEN_UNROLL for (int c = 0; c < C; c++) sum[r][c] += left * right[c];
    }
  }
  SNELLEN_UNROLL for (int r = 0; r < R; r++) SNELLEN_UNROLL for (int c = 0; c < C; c++)
    L::store(y + r * y_row + c * W, sum[r][c]);
}

// What is common to all blocks of a product: a[r, k] is at a[r * row + k * step].
struct Factors {
  const float* a;
  int64_t rows, row, step;
  const float* b;
  int64_t columns, depth;
};

template <int W, int R, int C>
inline int64_t block_at(const Factors& f, int64_t r, int64_t c, float* y, bool add) {
  block<W, R, C>(f.a + r * f.row, f.row, f.step, f.b + c, f.columns, f.depth, y + r * f.columns + c, f.columns, add);
  return R;
}

template <int W, int C>
inline void columns_at(const Factors& f, int64_t c, float* y, bool add) {
  constexpr int R = W == 16 ? (C == 4 ? 6 : 12) : (C == 4 ? 2 : C == 2 ? 4 : 8);  // of 32 registers, and of 16
  int64_t r = 0;
  while (r + R <= f.rows) r += block_at<W, R, C>(f, r, c, y, add);
  if (R > 8 && r + 8 <= f.rows) r += block_at<W, 8, C>(f, r, c, y, add);
  if (R > 4 && r + 4 <= f.rows) r += block_at<W, 4, C>(f, r, c, y, add);
  if (R > 2 && r + 2 <= f.rows) r += block_at<W, 2, C>(f, r, c, y, add);
  if (r < f.rows) block_at<W, 1, C>(f, r, c, y, add);
}

// y (rows, columns) = a b, or y + a b. columns: a multiple of W.
template <int W>
void product(const Factors& f, float* y, bool add) {
  int64_t c = 0;
  for (; c + 4 * W <= f.columns; c += 4 * W) columns_at<W, 4>(f, c, y, add);
  for (; c + 2 * W <= f.columns; c += 2 * W) columns_at<W, 2>(f, c, y, add);
  for (; c < f.columns; c += W) columns_at<W, 1>(f, c, y, add);
}

}  // namespace
