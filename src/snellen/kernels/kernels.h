// The functions that Python calls: forward and backward pass of a small network for all lanes of a pack, in float32 on
// one core.
//
// Pointers need no alignment beyond that of a float. Only the choice of instructions is kept between calls, so
// several threads may call at the same time, each with its own scratch, logits and gradient.
#pragma once

#include <cstdint>

#if defined(_WIN32)
#define SNELLEN_PUBLIC __declspec(dllexport)
#else
#define SNELLEN_PUBLIC __attribute__((visibility("default")))
#endif

extern "C" {

enum snellen_kind {
  SNELLEN_DENSE = 0,
  SNELLEN_CONV = 1,
  SNELLEN_MAX_POOL = 2,
  SNELLEN_AVERAGE_POOL = 3,
  SNELLEN_POINTWISE = 4,  // the activation alone
};

enum snellen_activation {
  SNELLEN_LINEAR = 0,
  SNELLEN_RELU = 1,
  SNELLEN_TANH = 2,
  SNELLEN_SIGMOID = 3,
  SNELLEN_ELU = 4,         // alpha: minus the limit of large negative values
  SNELLEN_LEAKY_RELU = 5,  // alpha: the slope of negative values, in [0, 1]
  SNELLEN_SILU = 6,
  SNELLEN_GELU = 7,   // with the exact normal distribution function
  SNELLEN_SCALE = 8,  // alpha * value + beta
};

// One layer; images are (height, width, channels), vectors 1 x 1 x features, so flattening does nothing.
struct snellen_layer {
  int32_t kind, activation;  // the activation is applied to the layer's output
  int32_t in_height, in_width, in_channels;
  int32_t out_height, out_width, out_channels;
  int32_t window, stride, pad_top, pad_left;  // of conv and pools; pixels outside the image are left out
  int64_t kernel, bias;  // index of the first number in a lane's flat parameters; -1: none. Dense kernels are (inputs,
                         // units), conv kernels (filters, window, window, channels), row-major.
  float alpha, beta;
};

// Is increased when a signature or a meaning in this file changes.
SNELLEN_PUBLIC int32_t snellen_abi(void);

// A choice of instructions: "avx512", "avx2" or "generic"; at first the best that this processor has.
SNELLEN_PUBLIC const char* snellen_instructions(void);

// Chooses the instructions of all later calls. Returns 1, or 0 without a change if the processor or build lacks them.
SNELLEN_PUBLIC int32_t snellen_use(const char* instructions);

// Number of floats of scratch memory that a pass of this many rows needs.
SNELLEN_PUBLIC int64_t snellen_scratch(const snellen_layer* layers, int32_t count, int64_t rows);

// Logits and the gradient of  sum over rows of cross-entropy(targets, logits) / counts[lane].
// All strides are in floats. x: rows of height * width * channels; targets: rows of classes, with any sum, all zero for
// padding rows. masks: NULL, or one pointer for each layer, which is NULL or points to (lanes, masks_rows, features)
// factors for the layer's results. gradient: overwritten, in the order of the parameters.
SNELLEN_PUBLIC void snellen_pass(const snellen_layer* layers, int32_t count, int64_t lanes, int64_t rows,
                                 const float* parameters, int64_t parameters_lane, const float* x, int64_t x_lane,
                                 int64_t x_row, const float* targets, int64_t targets_lane, int64_t targets_row,
                                 const float* counts, const float* const* masks, int64_t masks_rows, float* logits,
                                 int64_t logits_lane, int64_t logits_row, float* gradient, int64_t gradient_lane,
                                 float* scratch);
}
