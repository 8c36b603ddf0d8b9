// Optimizers in plain loops, one pass over the parameters each, compiled for each instruction set.
#include "optimizers.h"

#include <cmath>
#include <cstring>

#define SNELLEN_INLINE inline __attribute__((always_inline))

namespace {

// `count` numbers of a lane. one, other: the optimizer's slots of each parameter.
struct Span {
  int64_t count;
  float* theta;
  const float* gradient;
  float *one, *other;
};

struct Adam {
  float rest_1, rest_2, epsilon;

  SNELLEN_INLINE void operator()(const Span& span, float rate) const {
    float *__restrict theta = span.theta, *__restrict mean = span.one, *__restrict square = span.other;
    for (int64_t i = 0; i < span.count; i++) {
      const float g = span.gradient[i];
      mean[i] += (g - mean[i]) * rest_1;
      square[i] += (g * g - square[i]) * rest_2;
      theta[i] -= rate * mean[i] / (std::sqrt(square[i]) + epsilon);
    }
  }
};

struct RmsProp {
  float rest, epsilon;

  SNELLEN_INLINE void operator()(const Span& span, float rate) const {
    float *__restrict theta = span.theta, *__restrict square = span.one;
    for (int64_t i = 0; i < span.count; i++) {
      const float g = span.gradient[i];
      square[i] += (g * g - square[i]) * rest;
      theta[i] -= rate * g / std::sqrt(square[i] + epsilon);
    }
  }
};

struct RmsPropWithMomentum {
  float rest, momentum, epsilon;

  SNELLEN_INLINE void operator()(const Span& span, float rate) const {
    float *__restrict theta = span.theta, *__restrict square = span.one, *__restrict carried = span.other;
    for (int64_t i = 0; i < span.count; i++) {
      const float g = span.gradient[i];
      square[i] += (g * g - square[i]) * rest;
      carried[i] = momentum * carried[i] + rate * g / std::sqrt(square[i] + epsilon);
      theta[i] -= carried[i];
    }
  }
};

struct Sgd {
  SNELLEN_INLINE void operator()(const Span& span, float rate) const {
    float* __restrict theta = span.theta;
    for (int64_t i = 0; i < span.count; i++) theta[i] -= rate * span.gradient[i];
  }
};

struct SgdWithMomentum {
  float momentum, ahead, again;  // ahead, again: of velocity and gradient in the move; 1, 0 unless it is Nesterov's

  SNELLEN_INLINE void operator()(const Span& span, float rate) const {
    float *__restrict theta = span.theta, *__restrict velocity = span.one;
    for (int64_t i = 0; i < span.count; i++) {
      const float move = rate * span.gradient[i];
      velocity[i] = momentum * velocity[i] - move;
      theta[i] += ahead * velocity[i] - again * move;
    }
  }
};

// By value: the loops could write to numbers behind a reference, so they would be read again each time.
template <class Rule>
void generic(Rule rule, Span span, float rate) {
  rule(span, rate);
}

#if defined(__x86_64__) && defined(__GNUC__)
template <class Rule>
__attribute__((target("avx2,fma"))) void avx2(Rule rule, Span span, float rate) {
  rule(span, rate);
}

#if defined(__clang__)  // prefers the widest vectors anyway
#define SNELLEN_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#else
#define SNELLEN_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512"
#endif

template <class Rule>
__attribute__((target(SNELLEN_AVX512))) void avx512(Rule rule, Span span, float rate) {
  rule(span, rate);
}
#endif

template <class Rule>
using Pass = void (*)(Rule, Span, float);

template <class Rule>
Pass<Rule> pass() {
#if defined(__x86_64__) && defined(__GNUC__)
  const char* use = snellen_instructions();
  if (!std::strcmp(use, "avx512")) return avx512<Rule>;
  if (!std::strcmp(use, "avx2")) return avx2<Rule>;
#endif
  return generic<Rule>;
}

float* at(float* first, int64_t place) { return first ? first + place : nullptr; }

template <class Rule>
void step(const Rule& rule, const SnellenLanes& lanes, float* theta, const float* gradient, float* one, float* other) {
  for (int64_t lane = 0; lane < lanes.count; lane++) {
    const int64_t place = lane * lanes.apart;
    pass<Rule>()(rule, {lanes.numbers, theta + place, gradient + place, at(one, place), at(other, place)},
                 lanes.rates[lane]);
  }
}

}  // namespace

void snellen_adam(const SnellenLanes* lanes, float* theta, const float* gradient, float* mean, float* square,
                  double beta_1, double beta_2, double epsilon) {
  step(Adam{float(1 - beta_1), float(1 - beta_2), float(epsilon)}, *lanes, theta, gradient, mean, square);
}

void snellen_rmsprop(const SnellenLanes* lanes, float* theta, const float* gradient, float* square, float* carried,
                     double rho, double momentum, double epsilon) {
  const float rest = float(1 - rho);
  if (carried)
    step(RmsPropWithMomentum{rest, float(momentum), float(epsilon)}, *lanes, theta, gradient, square, carried);
  else
    step(RmsProp{rest, float(epsilon)}, *lanes, theta, gradient, square, carried);
}

void snellen_sgd(const SnellenLanes* lanes, float* theta, const float* gradient, float* velocity, double momentum,
                 int32_t nesterov) {
  const float own = float(momentum);
  if (velocity)
    step(SgdWithMomentum{own, nesterov ? own : 1, nesterov ? 1.0f : 0.0f}, *lanes, theta, gradient, velocity, nullptr);
  else
    step(Sgd{}, *lanes, theta, gradient, nullptr, nullptr);
}
