// Convolutions of 3x3 pixels with strides 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016): 36
// products for 16 values instead of 144. Compiled once for each instruction set; W: floats in a vector.
//
// Images are (rows, height, width, channels), kernels (out, 3, 3, in). A tile is 4x4 values of the result, made of 6x6
// of the input. Frequency f of all tiles, or kernels, is a matrix, a plane, so that each of the 36 is a matrix product.
#pragma once

#include "large.h"
#include "matrix.h"

namespace {

constexpr int TILE = 4, WINDOW = 6, FREQUENCIES = 36;
constexpr int64_t APART = 16;       // floats between planes: otherwise equal places of planes would compete for few cache lines
constexpr int64_t AT_ONCE = 120000;  // floats of the planes of tiles that are treated together: the size of a core's cache
constexpr int64_t ZEROS = 4096;     // the most channels
constexpr int64_t FEW = 12;         // the fewest tiles that are treated together
constexpr int64_t LARGE = 1 << 17;  // floats of a plane of kernels that is too large for a core's cache
constexpr int64_t MANY = 128;       // the fewest tiles with such planes: 512 to 512 channels then take 0.6 of the time

// The polynomials are taken at 0, +-A, +-B and infinity. 5/8 and 3/2 double the rounding error of a plain convolution; 1
// and 2 make it four to six times as large.
constexpr float A = 0.625f, B = 1.5f, A2 = A * A, A3 = A2 * A, B2 = B * B, B3 = B2 * B, SUM = A2 + B2, PRODUCT = A2 * B2;
constexpr float AT_0 = 1 / PRODUCT, AT_A = 1 / (2 * A2 * (A2 - B2)), AT_B = 1 / (2 * B2 * (B2 - A2));

// Six values of the input to six frequencies.
template <class V>
inline void input_frequencies(const V* d, V* f) {
  f[0] = PRODUCT * d[0] - SUM * d[2] + d[4];
  f[5] = PRODUCT * d[1] - SUM * d[3] + d[5];
  V even = d[4] - B2 * d[2], odd = d[3] - B2 * d[1];
  f[1] = even + A * odd, f[2] = even - A * odd;
  even = d[4] - A2 * d[2], odd = d[3] - A2 * d[1];
  f[3] = even + B * odd, f[4] = even - B * odd;
}

// Three values of a kernel to six frequencies.
template <class V>
inline void kernel_frequencies(const V* k, V* f) {
  f[0] = AT_0 * k[0], f[5] = k[2];
  V even = AT_A * k[0] + (AT_A * A2) * k[2], odd = (AT_A * A) * k[1];
  f[1] = even + odd, f[2] = even - odd;
  even = AT_B * k[0] + (AT_B * B2) * k[2], odd = (AT_B * B) * k[1];
  f[3] = even + odd, f[4] = even - odd;
}

// Six frequencies to four values of the result.
template <class V>
inline void output_values(const V* f, V* y) {
  V a = f[1] + f[2], b = f[3] + f[4], a_odd = f[1] - f[2], b_odd = f[3] - f[4];
  y[0] = f[0] + a + b, y[2] = A2 * a + B2 * b;
  y[1] = A * a_odd + B * b_odd, y[3] = A3 * a_odd + B3 * b_odd + f[5];
}

// The transpose of output_values: four gradients of the result to those of six frequencies.
template <class V>
inline void output_gradients(const V* y, V* f) {
  f[0] = y[0], f[5] = y[3];
  V even = y[0] + A2 * y[2], odd = A * y[1] + A3 * y[3];
  f[1] = even + odd, f[2] = even - odd;
  even = y[0] + B2 * y[2], odd = B * y[1] + B3 * y[3];
  f[3] = even + odd, f[4] = even - odd;
}

// The transpose of kernel_frequencies.
template <class V>
inline void kernel_gradients(const V* f, V* k) {
  V a = f[1] + f[2], b = f[3] + f[4], a_odd = f[1] - f[2], b_odd = f[3] - f[4];
  k[0] = AT_0 * f[0] + AT_A * a + AT_B * b;
  k[1] = (AT_A * A) * a_odd + (AT_B * B) * b_odd;
  k[2] = (AT_A * A2) * a + (AT_B * B2) * b + f[5];
}

// Images, and their values at each place of a window: zeros outside. y: NULL, or the result of a relu: values of the
// images count only where y is positive (the gradient of the relu).
struct Pictures {
  const float *x, *y;
  int64_t height, width, channels;
  const float* zeros;
};

template <int S>
struct Places {
  const float *x[S * S], *y[S * S];

  Places(const Pictures& of, int64_t picture, int64_t top, int64_t left) {
    for (int64_t i = 0; i < S; i++) for (int64_t j = 0; j < S; j++) {
      const bool inside = top + i >= 0 && top + i < of.height && left + j >= 0 && left + j < of.width;
      const int64_t at = (((picture * of.height) + top + i) * of.width + left + j) * of.channels;
      x[i * S + j] = inside ? of.x + at : of.zeros;
      y[i * S + j] = inside && of.y ? of.y + at : of.zeros;
    }
  }

  template <int W, bool MASKED>
  typename Lanes<W>::Vector value(int place, int64_t channel) const {
    auto found = Lanes<W>::load(x[place] + channel);
    if (MASKED) found = Lanes<W>::load(y[place] + channel) > 0 ? found : typename Lanes<W>::Vector{};
    return found;
  }
};

inline int64_t most_together(int64_t in, int64_t out) {
  const int64_t most = AT_ONCE / (FREQUENCIES * (in + out)), least = in * out < LARGE ? FEW : MANY;
  return most < least ? least : most;
}

// The tiles of results of this height and width, numbered over all rows.
struct Tiles {
  int64_t tall, wide, count;

  Tiles(int64_t rows, int64_t height, int64_t width)
      : tall((height + TILE - 1) / TILE), wide((width + TILE - 1) / TILE), count(rows * tall * wide) {}
  int64_t picture(int64_t tile) const { return tile / (tall * wide); }
  int64_t top(int64_t tile) const { return tile / wide % tall * TILE; }
  int64_t left(int64_t tile) const { return tile % wide * TILE; }

  // The number of tiles treated together: equal portions, in multiples of 12, the block size of products.
  int64_t together(int64_t in, int64_t out) const {
    int64_t most = most_together(in, out), times;
    times = (count + most - 1) / most;
    most = ((count + times - 1) / times + 11) / 12 * 12;
    return most < count ? most : count;
  }
};

// Frequencies of `count` tiles from `first`, (frequency, tile, channel).
template <int W, bool MASKED>
void spread_inputs(const Pictures& from, const Tiles& tiles, int64_t pad, int64_t first, int64_t count, float* planes,
                   int64_t plane) {
  using L = Lanes<W>;
  for (int64_t tile = first; tile < first + count; tile++, planes += from.channels) {
    const Places<WINDOW> places(from, tiles.picture(tile), tiles.top(tile) - pad, tiles.left(tile) - pad);
    for (int64_t c = 0; c < from.channels; c += W) {
      typename L::Vector between[6][6];
      for (int j = 0; j < 6; j++) {
        typename L::Vector d[6], f[6];
        SNELLEN_UNROLL for (int i = 0; i < 6; i++) d[i] = places.template value<W, MASKED>(i * 6 + j, c);
        input_frequencies(d, f);
        SNELLEN_UNROLL for (int i = 0; i < 6; i++) between[i][j] = f[i];
      }
      for (int i = 0; i < 6; i++) {
        typename L::Vector f[6];
        input_frequencies(between[i], f);
        SNELLEN_UNROLL for (int j = 0; j < 6; j++) L::store(planes + (i * 6 + j) * plane + c, f[j]);
      }
    }
  }
}

// Gradients of the frequencies of `count` tiles from `first`; adds all values to those of the bias, unless it is NULL.
template <int W, bool MASKED>
void spread_gradients(const Pictures& from, const Tiles& tiles, int64_t first, int64_t count, float* planes,
                      int64_t plane, float* bias) {
  using L = Lanes<W>;
  for (int64_t tile = first; tile < first + count; tile++, planes += from.channels) {
    const Places<TILE> places(from, tiles.picture(tile), tiles.top(tile), tiles.left(tile));
    for (int64_t c = 0; c < from.channels; c += W) {
      typename L::Vector between[6][4], sum = {};
      for (int j = 0; j < 4; j++) {
        typename L::Vector d[4], f[6];
        SNELLEN_UNROLL for (int i = 0; i < 4; i++) d[i] = places.template value<W, MASKED>(i * 4 + j, c), sum += d[i];
        output_gradients(d, f);
        SNELLEN_UNROLL for (int i = 0; i < 6; i++) between[i][j] = f[i];
      }
      if (bias) L::store(bias + c, L::load(bias + c) + sum);
      for (int i = 0; i < 6; i++) {
        typename L::Vector f[6];
        output_gradients(between[i], f);
        SNELLEN_UNROLL for (int j = 0; j < 6; j++) L::store(planes + (i * 6 + j) * plane + c, f[j]);
      }
    }
  }
}

// The place of the results. bias: NULL, or a number for each channel.
struct Results {
  float* y;
  int64_t height, width, channels;
  const float* bias;
};

// From frequencies (frequency, tile, channel) to results, plus the bias, and not below `least`.
template <int W>
void gather_outputs(const float* planes, int64_t plane, const Results& to, float least, const Tiles& tiles,
                    int64_t first, int64_t count) {
  using L = Lanes<W>;
  for (int64_t tile = first; tile < first + count; tile++, planes += to.channels) {
    const int64_t top = tiles.top(tile), left = tiles.left(tile);
    const int tall = to.height - top < 4 ? int(to.height - top) : 4, wide = to.width - left < 4 ? int(to.width - left) : 4;
    float* corner = to.y + ((tiles.picture(tile) * to.height + top) * to.width + left) * to.channels;
    for (int64_t c = 0; c < to.channels; c += W) {
      typename L::Vector between[4][6], bias = {};
      if (to.bias) bias = L::load(to.bias + c);
      for (int j = 0; j < 6; j++) {
        typename L::Vector f[6], y[4];
        SNELLEN_UNROLL for (int i = 0; i < 6; i++) f[i] = L::load(planes + (i * 6 + j) * plane + c);
        output_values(f, y);
        SNELLEN_UNROLL for (int i = 0; i < 4; i++) between[i][j] = y[i];
      }
      for (int i = 0; i < tall; i++) {
        typename L::Vector y[4];
        output_values(between[i], y);
        SNELLEN_UNROLL for (int j = 0; j < 4; j++) {
          y[j] += bias;
          y[j] = y[j] > least ? y[j] : least - typename L::Vector{};
          if (j < wide) L::store(corner + (i * to.width + j) * to.channels + c, y[j]);
        }
      }
    }
  }
}

// Frequencies of kernels (rows, 3, 3, columns): (frequency, row, column). turned: rotated by 180 degrees.
template <int W>
void spread_kernels(const float* kernel, int64_t rows, int64_t columns, bool turned, float* planes, int64_t plane) {
  using L = Lanes<W>;
  for (int64_t r = 0; r < rows; r++) for (int64_t c = 0; c < columns; c += W) {
    typename L::Vector between[6][3];
    for (int j = 0; j < 3; j++) {
      typename L::Vector k[3], f[6];
      SNELLEN_UNROLL for (int i = 0; i < 3; i++) {
        const int place = turned ? 8 - (i * 3 + j) : i * 3 + j;
        k[i] = L::load(kernel + (r * 9 + place) * columns + c);
      }
      kernel_frequencies(k, f);
      SNELLEN_UNROLL for (int i = 0; i < 6; i++) between[i][j] = f[i];
    }
    for (int i = 0; i < 6; i++) {
      typename L::Vector f[6];
      kernel_frequencies(between[i], f);
      SNELLEN_UNROLL for (int j = 0; j < 6; j++) L::store(planes + (i * 6 + j) * plane + r * columns + c, f[j]);
    }
  }
}

// The transpose of spread_kernels.
template <int W>
void gather_kernels(const float* planes, int64_t plane, int64_t rows, int64_t columns, float* kernel) {
  using L = Lanes<W>;
  for (int64_t r = 0; r < rows; r++) for (int64_t c = 0; c < columns; c += W) {
    typename L::Vector between[3][6];
    for (int j = 0; j < 6; j++) {
      typename L::Vector f[6], k[3];
      SNELLEN_UNROLL for (int i = 0; i < 6; i++) f[i] = L::load(planes + (i * 6 + j) * plane + r * columns + c);
      kernel_gradients(f, k);
      SNELLEN_UNROLL for (int i = 0; i < 3; i++) between[i][j] = k[i];
    }
    for (int i = 0; i < 3; i++) {
      typename L::Vector k[3];
      kernel_gradients(between[i], k);
      SNELLEN_UNROLL for (int j = 0; j < 3; j++) L::store(kernel + (r * 9 + i * 3 + j) * columns + c, k[j]);
    }
  }
}

// (out, 9, in) as (in, 9, out), in squares that fit the cache.
inline void transpose(const float* kernel, int64_t out, int64_t in, float* transposed) {
  for (int64_t place = 0; place < 9; place++)
    for (int64_t o = 0; o < out; o += 16)
      for (int64_t i = 0; i < in; i += 16)
        for (int64_t a = i; a < i + 16; a++)
          for (int64_t b = o; b < o + 16; b++) transposed[(a * 9 + place) * out + b] = kernel[(b * 9 + place) * in + a];
}

inline const float* zeroed(float* place, int64_t count) {
  for (int64_t i = 0; i < count; i++) place[i] = 0;
  return place;
}

inline int64_t result(int64_t side, int64_t pad) { return side + 2 * pad - 2; }

// The convolution of images with kernels that are already transformed to frequencies.
template <int W, bool MASKED>
void convolve(const Pictures& from, int64_t rows, int64_t pad, const float* kernels, int64_t kernel_plane,
              const Results& to, float least, float* scratch) {
  const Tiles tiles(rows, to.height, to.width);
  const int64_t together = tiles.together(from.channels, to.channels);
  const int64_t in_plane = together * from.channels + APART, out_plane = together * to.channels + APART;
  float *in = scratch, *out = in + FREQUENCIES * in_plane;
  for (int64_t first = 0; first < tiles.count; first += together) {
    const int64_t count = tiles.count - first < together ? tiles.count - first : together;
    spread_inputs<W, MASKED>(from, tiles, pad, first, count, in, in_plane);
    for (int f = 0; f < FREQUENCIES; f++)
      product<W>({in + f * in_plane, count, from.channels, 1, kernels + f * kernel_plane, to.channels, from.channels},
                 out + f * out_plane, false);
    gather_outputs<W>(out, out_plane, to, least, tiles, first, count);
  }
}

template <int W>
void winograd_forward(const float* x, const float* kernel, const float* bias, int32_t relu, float* y,
                      const WinogradSizes* s, float* scratch) {
  const int64_t plane = s->in * s->out + APART;
  float *transposed = scratch + ZEROS, *planes = transposed + 9 * s->in * s->out;
  transpose(kernel, s->out, s->in, transposed);
  spread_kernels<W>(transposed, s->in, s->out, false, planes, plane);
  convolve<W, false>({x, nullptr, s->height, s->width, s->in, zeroed(scratch, s->in)}, s->rows, s->pad, planes, plane,
                     {y, result(s->height, s->pad), result(s->width, s->pad), s->out, bias}, relu ? 0 : -__builtin_inff(),
                     planes + FREQUENCIES * plane);
}

template <int W>
void winograd_inputs(const float* to_y, const float* y, const float* kernel, float* to_x, const WinogradSizes* s,
                     float* scratch) {
  const int64_t plane = s->in * s->out + APART;
  float *planes = scratch + ZEROS, *rest = planes + FREQUENCIES * plane;
  spread_kernels<W>(kernel, s->out, s->in, true, planes, plane);
  const Pictures from = {to_y, y, result(s->height, s->pad), result(s->width, s->pad), s->out, zeroed(scratch, s->out)};
  const Results to = {to_x, s->height, s->width, s->in, nullptr};
  if (y) convolve<W, true>(from, s->rows, 2 - s->pad, planes, plane, to, -__builtin_inff(), rest);
  else convolve<W, false>(from, s->rows, 2 - s->pad, planes, plane, to, -__builtin_inff(), rest);
}

template <int W>
void winograd_kernels(const float* x, const float* to_y, const float* y, float* to_kernel, float* to_bias,
                      const WinogradSizes* s, float* scratch) {
  const int64_t height = result(s->height, s->pad), width = result(s->width, s->pad), plane = s->in * s->out + APART;
  const Tiles tiles(s->rows, height, width);
  const int64_t together = tiles.together(s->in, s->out);
  const int64_t in_plane = together * s->in + APART, out_plane = together * s->out + APART;
  float *planes = scratch + ZEROS, *in = planes + FREQUENCIES * plane, *out = in + FREQUENCIES * in_plane;
  const float* zeros = zeroed(scratch, s->in > s->out ? s->in : s->out);
  const Pictures pictures = {x, nullptr, s->height, s->width, s->in, zeros}, gradients = {to_y, y, height, width, s->out, zeros};
  if (to_bias) zeroed(to_bias, s->out);
  for (int64_t first = 0; first < tiles.count; first += together) {
    const int64_t count = tiles.count - first < together ? tiles.count - first : together;
    spread_inputs<W, false>(pictures, tiles, s->pad, first, count, in, in_plane);
    if (y) spread_gradients<W, true>(gradients, tiles, first, count, out, out_plane, to_bias);
    else spread_gradients<W, false>(gradients, tiles, first, count, out, out_plane, to_bias);
    for (int f = 0; f < FREQUENCIES; f++)
      product<W>({out + f * out_plane, s->out, 1, s->out, in + f * in_plane, s->in, count}, planes + f * plane, first > 0);
  }
  gather_kernels<W>(planes, plane, s->out, s->in, to_kernel);
}

// Scratch memory that suffices for each of the three functions.
inline int64_t winograd_scratch(const WinogradSizes* s) {
  const int64_t channels = s->in + s->out, together = most_together(s->in, s->out) + 12;
  return ZEROS + (9 + FREQUENCIES) * (s->in * s->out + APART) + FREQUENCIES * (together * channels + 2 * APART);
}

}  // namespace
