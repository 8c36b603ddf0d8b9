// What Python calls: forward and backward of a small network for all lanes of a pack, in float32 on one core.
//
// Pointers need no alignment beyond that of a float. Nothing is kept between calls but the choice of instructions, so
// several threads may call at once, each with its own scratch, logits and gradient.
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
  SNELLEN_GELU = 7,   // by the normal distribution function itself
  SNELLEN_SCALE = 8,  // alpha * value + beta
};

// One layer; images are (height, width, channels), vectors 1 x 1 x features, so flattening is nothing.
struct snellen_layer {
  int32_t kind, activation;  // the activation is applied to what the layer computes
  int32_t in_height, in_width, in_channels;
  int32_t out_height, out_width, out_channels;
  int32_t window, stride, pad_top, pad_left;  // of conv and pools; what lies outside the image counts as nothing
  int64_t kernel, bias;  // their first number in the flat parameters of a lane; -1: none. Of dense kernels (inputs,
                         // units), of conv kernels (filters, window, window, channels), row by row.
  float alpha, beta;
};

// Goes up when a signature or a meaning here changes.
SNELLEN_PUBLIC int32_t snellen_abi(void);

// A choice of instructions: "avx512", "avx2" or "generic"; at first the best that this processor has.
SNELLEN_PUBLIC const char* snellen_instructions(void);

// Chooses other instructions for all later calls; 0, and no change, where processor or build lack them, else 1.
SNELLEN_PUBLIC int32_t snellen_use(const char* instructions);

// Floats of scratch that a pass of so many rows needs.
SNELLEN_PUBLIC int64_t snellen_scratch(const snellen_layer* layers, int32_t count, int64_t rows);

// Logits and the gradient of  sum over rows of cross-entropy(targets, logits) / counts[lane].
// All strides are in floats. x: rows of height * width * channels; targets: rows of classes, of any sum, all zero for
// rows that only fill up. masks: NULL, or a pointer a layer, each NULL or of (lanes, masks_rows, features) factors for
// the layer's results. gradient: overwritten, in the places of the parameters.
SNELLEN_PUBLIC void snellen_pass(const snellen_layer* layers, int32_t count, int64_t lanes, int64_t rows,
                                 const float* parameters, int64_t parameters_lane, const float* x, int64_t x_lane,
                                 int64_t x_row, const float* targets, int64_t targets_lane, int64_t targets_row,
                                 const float* counts, const float* const* masks, int64_t masks_rows, float* logits,
                                 int64_t logits_lane, int64_t logits_row, float* gradient, int64_t gradient_lane,
                                 float* scratch);
}
