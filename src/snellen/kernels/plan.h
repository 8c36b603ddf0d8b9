// A network as the kernels walk it: one node a computation, each with its place in the scratch memory.
#pragma once

#include "kernels.h"

namespace snellen {

// A layer whose activation is linear above and below zero; other activations are nodes of their own.
// The gradient of such a node needs only its result: where that is not positive, it is multiplied by the slope.
struct Node {
  snellen_layer layer;
  float slope;    // of negative values: 1 for linear, 0 for relu
  int mask;       // number of the layer whose mask multiplies the result; -1: none
  int64_t input;  // where in the scratch memory its values are, one vector of rows a feature
  int64_t output;
};

// Where things lie in the scratch memory, in floats; all are multiples of the width of a vector.
struct Plan {
  const Node* nodes;
  int count;
  int64_t rows, padded_rows;  // the rows of a batch, and with zeros up to whole vectors
  int64_t margin_top, margin_left, picture_height,
      picture_width;  // the first input stands in zeros where a conv pads it
  int64_t turned;     // results with the features innermost, for the gradients of kernels
  int64_t sums;       // gradients of a kernel while they are summed up
  int64_t spare;      // gradients of overlapping windows
  int64_t targets;
  int64_t size;  // of all, and the room to begin at a whole vector
};

inline int64_t in_features(const snellen_layer& layer) {
  return int64_t(layer.in_height) * layer.in_width * layer.in_channels;
}

inline int64_t out_features(const snellen_layer& layer) {
  return int64_t(layer.out_height) * layer.out_width * layer.out_channels;
}

inline int64_t whole_vectors(int64_t count, int64_t width) { return (count + width - 1) / width * width; }

// Whether the filters of a conv would leave so much of a vector empty that its kernel's gradient takes less time with
// vectors of rows.
inline bool few_filters(const snellen_layer& layer, int64_t width) {
  return 4 * layer.out_channels <= 3 * whole_vectors(layer.out_channels, width);
}

// The arguments of snellen_pass that belong to one lane, from some row on.
struct Lane {
  const float* parameters;
  const float* x;
  int64_t x_row;
  const float* targets;
  int64_t targets_row;
  float count;
  const float* const* masks;
  int64_t first_mask_row;
  float* logits;
  int64_t logits_row;
  float* gradient;
  bool added;  // the gradient of these rows: to that of the rows before
};

// The kernels in one choice of instructions.
struct Instructions {
  const char* name;
  int64_t width;
  void (*pass)(const Plan&, const Lane&, float* scratch);
};

// Each NULL where this build or processor lacks them.
const Instructions* avx512();
const Instructions* avx2();
const Instructions* generic();

}  // namespace snellen
