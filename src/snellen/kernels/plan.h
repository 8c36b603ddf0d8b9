// The network as a list of computations, the nodes, each with its place in the scratch memory.
#pragma once

#include "kernels.h"

namespace snellen {

// A layer whose activation is linear above and below zero; other activations are separate nodes.
// The gradient of such a node needs only its result: where this is not positive, it is multiplied by the slope.
struct Node {
  snellen_layer layer;
  float slope;    // of negative values: 1 for linear, 0 for relu
  int mask;       // number of the layer whose mask multiplies the result; -1: none
  int64_t input;  // place of its values in the scratch memory, one vector of rows for each feature
  int64_t output;
};

// Places in the scratch memory, in floats; all are multiples of the width of a vector.
struct Plan {
  const Node* nodes;
  int count;
  int64_t rows, padded_rows;  // the rows of a batch, and the same padded to whole vectors
  int64_t margin_top, margin_left, picture_height,
      picture_width;  // the first input, with the padding of a conv
  int64_t turned;     // results transposed to features innermost, for the gradients of kernels
  int64_t sums;       // gradients of a kernel while they are summed up
  int64_t spare;      // gradients of overlapping windows
  int64_t targets;
  int64_t size;  // total, with room for alignment to a whole vector
};

inline int64_t in_features(const snellen_layer& layer) {
  return int64_t(layer.in_height) * layer.in_width * layer.in_channels;
}

inline int64_t out_features(const snellen_layer& layer) {
  return int64_t(layer.out_height) * layer.out_width * layer.out_channels;
}

inline int64_t whole_vectors(int64_t count, int64_t width) { return (count + width - 1) / width * width; }

// Whether a conv has so few filters that its kernel's gradient is faster with vectors of rows than of channels.
inline bool few_filters(const snellen_layer& layer, int64_t width) {
  return 4 * layer.out_channels <= 3 * whole_vectors(layer.out_channels, width);
}

// The arguments of snellen_pass for one lane, starting at some row.
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
  bool added;  // whether the gradient of these rows is added to that of earlier rows
};

// The kernels for one instruction set.
struct Instructions {
  const char* name;
  int64_t width;
  void (*pass)(const Plan&, const Lane&, float* scratch);
};

// Each is NULL if this build or processor lacks the instructions.
const Instructions* avx512();
const Instructions* avx2();
const Instructions* generic();

}  // namespace snellen
