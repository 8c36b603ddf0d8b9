// Batch normalisation of (count, channels) values, channels innermost and a multiple of 16.
#pragma once

#include "large.h"
#include "matrix.h"

namespace {

constexpr int64_t CHUNK = 64;  // rows whose squares are summed up while they are in the cache

// Sums of terms(row) over the rows, in four independent chains.
template <int W, class Terms>
inline typename Lanes<W>::Vector sum_over(int64_t rows, const Terms& terms) {
  typename Lanes<W>::Vector sum[4] = {};
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) SNELLEN_UNROLL for (int i = 0; i < 4; i++) sum[i] += terms(r + i);
  for (; r < rows; r++) sum[0] += terms(r);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Mean and biased variance of each channel; those of a chunk are merged with the earlier ones (Chan, Golub, LeVeque 1983).
template <int W>
void norm_moments(const float* x, float* mean, float* variance, const NormSizes* s) {
  using L = Lanes<W>;
  const int64_t channels = s->channels;
  for (int64_t c = 0; c < channels; c++) mean[c] = variance[c] = 0;
  for (int64_t first = 0; first < s->count; first += CHUNK) {
    const int64_t rows = s->count - first < CHUNK ? s->count - first : CHUNK;
    const float share = float(rows) / float(first + rows);
    for (int64_t c = 0; c < channels; c += W) {
      const float* from = x + first * channels + c;
      const auto own = sum_over<W>(rows, [=](int64_t r) { return L::load(from + r * channels); }) / float(rows);
      const auto squares = sum_over<W>(rows, [=](int64_t r) {
        const auto gap = L::load(from + r * channels) - own;
        return gap * gap;
      });
      const auto before = L::load(mean + c), spread = L::load(variance + c), gap = own - before;
      L::store(mean + c, before + gap * share);
      L::store(variance + c, spread + (squares / float(rows) - spread + gap * gap * (1 - share)) * share);
    }
  }
}

// y = x scale + offset.
template <int W>
void norm_apply(const float* x, const float* scale, const float* offset, float* y, const NormSizes* s) {
  using L = Lanes<W>;
  for (int64_t r = 0; r < s->count; r++, x += s->channels, y += s->channels)
    for (int64_t c = 0; c < s->channels; c += W) L::store(y + c, L::load(x + c) * L::load(scale + c) + L::load(offset + c));
}

// to_gamma: sums of gradients times (x - mean) scale; to_beta: sums of gradients.
template <int W>
void norm_sums(const float* to_y, const float* x, const float* mean, const float* scale, float* to_gamma, float* to_beta,
               const NormSizes* s) {
  using L = Lanes<W>;
  const int64_t channels = s->channels;
  for (int64_t c = 0; c < channels; c++) to_gamma[c] = to_beta[c] = 0;
  for (int64_t first = 0; first < s->count; first += CHUNK) {
    const int64_t rows = s->count - first < CHUNK ? s->count - first : CHUNK;
    for (int64_t c = 0; c < channels; c += W) {
      const float *gradient = to_y + first * channels + c, *from = x + first * channels + c;
      const auto centre = L::load(mean + c);
      const auto plain = sum_over<W>(rows, [=](int64_t r) { return L::load(gradient + r * channels); });
      const auto along = sum_over<W>(
          rows, [=](int64_t r) { return L::load(gradient + r * channels) * (L::load(from + r * channels) - centre); });
      L::store(to_beta + c, L::load(to_beta + c) + plain);
      L::store(to_gamma + c, L::load(to_gamma + c) + along * L::load(scale + c));
    }
  }
}

// to_x = to_y a + x b + offset.
template <int W>
void norm_combine(const float* to_y, const float* x, const float* a, const float* b, const float* offset, float* to_x,
                  const NormSizes* s) {
  using L = Lanes<W>;
  for (int64_t r = 0; r < s->count; r++, to_y += s->channels, x += s->channels, to_x += s->channels)
    for (int64_t c = 0; c < s->channels; c += W)
      L::store(to_x + c, L::load(to_y + c) * L::load(a + c) + (L::load(x + c) * L::load(b + c) + L::load(offset + c)));
}

}  // namespace
