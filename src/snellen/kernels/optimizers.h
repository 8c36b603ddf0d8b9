// One step of an optimizer for all lanes of a pack: in place, in one pass over float32 parameters.
//
// Pointers to floats point to the first number of the first lane. Rates include the lane's own learning rate, and for
// Adam the bias correction.
#pragma once

#include <cstdint>

#include "kernels.h"

// Lanes: `apart` floats from each other, with `count` numbers each.
struct SnellenLanes {
  int64_t count, numbers, apart;
  const float* rates;
};

extern "C" {

// mean += (gradient - mean) (1 - beta_1), square += (gradient^2 - square) (1 - beta_2),
// theta -= rate mean / (sqrt(square) + epsilon).
SNELLEN_PUBLIC void snellen_adam(const SnellenLanes*, float* theta, const float* gradient, float* mean, float* square,
                                 double beta_1, double beta_2, double epsilon);

// square += (gradient^2 - square) (1 - rho), move = rate gradient / sqrt(square + epsilon), theta -= move; if carried
// is not NULL, theta moves by carried = momentum carried + move instead.
SNELLEN_PUBLIC void snellen_rmsprop(const SnellenLanes*, float* theta, const float* gradient, float* square,
                                    float* carried, double rho, double momentum, double epsilon);

// theta -= rate gradient; where velocity is not NULL, velocity = momentum velocity - rate gradient, and theta moves by
// it, or by Nesterov's momentum velocity - rate gradient.
SNELLEN_PUBLIC void snellen_sgd(const SnellenLanes*, float* theta, const float* gradient, float* velocity,
                                double momentum, int32_t nesterov);
}
