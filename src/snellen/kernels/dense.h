// Dense layers of many units on few rows: x (rows, inputs), kernel (inputs, units), y (rows, units). They are
// fast because they read the kernel only once, from its beginning to its end.
#pragma once

#include "large.h"
#include "matrix.h"

namespace {

constexpr int64_t DEPTH = 64;   // inputs at a time: rows of the kernel that stay in a core's own cache
constexpr int64_t ROWS = 64;    // rows at a time, when they are transposed
constexpr int64_t INPUTS = 48;  // inputs at a time, when their gradients are transposed

// to[column][row] = from[row][column], with zeros up to `padded` rows.
inline void turn(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t padded) {
  for (int64_t c = 0; c < columns; c += 16)
    for (int64_t r = 0; r < padded; r++)
      for (int64_t i = c; i < columns && i < c + 16; i++) to[i * padded + r] = r < rows ? from[r * from_row + i] : 0;
}

// The gradient before a relu with the result y, or the gradient itself where y is NULL.
inline const float* before_relu(const float* to_y, const float* y, int64_t count, float* place) {
  if (!y) return to_y;
  for (int64_t i = 0; i < count; i++) place[i] = y[i] > 0 ? to_y[i] : 0;
  return place;
}

template <int W>
void dense_forward(const float* x, const float* kernel, const float* bias, int32_t relu, float* y, const DenseSizes* s,
                   float*) {
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t u = 0; u < s->units; u++) y[r * s->units + u] = bias ? bias[u] : 0;
  for (int64_t k = 0; k < s->inputs; k += DEPTH) {
    const int64_t depth = s->inputs - k < DEPTH ? s->inputs - k : DEPTH;
    product<W>({x + k, s->rows, s->inputs, 1, kernel + k * s->units, s->units, depth}, y, true);
  }
  for (int64_t i = 0; relu && i < s->rows * s->units; i++) y[i] = y[i] > 0 ? y[i] : 0;
}

template <int W>
void dense_inputs(const float* to_y, const float* y, const float* kernel, float* to_x, const DenseSizes* s,
                  float* scratch) {
  const float* gradient = before_relu(to_y, y, s->rows * s->units, scratch);
  float *turned = scratch + s->rows * s->units, *block = turned + ROWS * s->units;
  for (int64_t row = 0; row < s->rows; row += ROWS) {
    const int64_t rows = s->rows - row < ROWS ? s->rows - row : ROWS, padded = (rows + W - 1) / W * W;
    turn(gradient + row * s->units, s->units, rows, s->units, turned, padded);
    for (int64_t k = 0; k < s->inputs; k += INPUTS) {
      const int64_t inputs = s->inputs - k < INPUTS ? s->inputs - k : INPUTS;
      product<W>({kernel + k * s->units, inputs, s->units, 1, turned, padded, s->units}, block, false);
      for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < inputs; i++) to_x[(row + r) * s->inputs + k + i] = block[i * padded + r];
    }
  }
}

template <int W>
void dense_kernels(const float* x, const float* to_y, const float* y, float* to_kernel, float* to_bias,
                   const DenseSizes* s, float* scratch) {
  const float* gradient = before_relu(to_y, y, s->rows * s->units, scratch);
  for (int64_t u = 0; to_bias && u < s->units; u++) to_bias[u] = 0;
  for (int64_t r = 0; to_bias && r < s->rows; r++)
    for (int64_t u = 0; u < s->units; u++) to_bias[u] += gradient[r * s->units + u];
  for (int64_t k = 0; k < s->inputs; k += 6) {
    const int64_t inputs = s->inputs - k < 6 ? s->inputs - k : 6;
    product<W>({x + k, inputs, 1, s->inputs, gradient, s->units, s->rows}, to_kernel + k * s->units, false);
  }
}

inline int64_t dense_scratch(const DenseSizes* s) { return (s->rows + ROWS) * s->units + ROWS * INPUTS; }

}  // namespace
