#include "planned.h"

#include <algorithm>

namespace snellen {
namespace {

// The part of the second-level cache for values between layers, 2 MB: 128 rows of a network with two convolutions of 16 and
// 32 filters on 32x32 pixels took 22 % longer at once than 32 at a time. Fewer rows would fetch the weights too often.
constexpr int64_t CACHED_FLOATS = 512 * 1024;
constexpr int64_t LEAST_ROWS = 32;

bool is_pointwise(int activation) {
  return activation != SNELLEN_LINEAR && activation != SNELLEN_RELU && activation != SNELLEN_LEAKY_RELU;
}

float slope_of(const snellen_layer& layer) {
  if (layer.activation == SNELLEN_RELU) return 0;
  return layer.activation == SNELLEN_LEAKY_RELU ? layer.alpha : 1;
}

snellen_layer pointwise_after(const snellen_layer& layer) {
  snellen_layer own = layer;
  own.kind = SNELLEN_POINTWISE;
  own.in_height = layer.out_height, own.in_width = layer.out_width, own.in_channels = layer.out_channels;
  return own;
}

std::vector<Node> nodes_of(const snellen_layer* layers, int count) {
  std::vector<Node> nodes;
  for (int number = 0; number < count; number++) {
    snellen_layer layer = layers[number];
    if (layer.kind != SNELLEN_POINTWISE && is_pointwise(layer.activation)) {
      layer.activation = SNELLEN_LINEAR;
      nodes.push_back({layer, 1, -1, 0, 0});
      layer = pointwise_after(layers[number]);
    }
    nodes.push_back({layer, slope_of(layer), number, 0, 0});
  }
  return nodes;
}

// The first input is copied anyway, so it is copied with the padding of a conv, which then has no edges to treat.
void pad_first_input(snellen_layer& first, Plan& plan) {
  plan.margin_top = plan.margin_left = 0;
  plan.picture_height = first.in_height, plan.picture_width = first.in_width;
  if (first.kind != SNELLEN_CONV) return;
  plan.margin_top = first.pad_top, plan.margin_left = first.pad_left;
  const int height = (first.out_height - 1) * first.stride + first.window;
  const int width = (first.out_width - 1) * first.stride + first.window;
  first.in_height = std::max(height, first.pad_top + first.in_height);
  first.in_width = std::max(width, first.pad_left + first.in_width);
  first.pad_top = first.pad_left = 0;
}

int64_t gradient_sums(const snellen_layer& layer, int64_t width) {
  if (layer.kind != SNELLEN_CONV) return 0;
  const int64_t taps = int64_t(layer.window) * layer.window * layer.in_channels;
  const int64_t one = few_filters(layer, width) ? layer.out_channels * width : whole_vectors(layer.out_channels, width);
  return (taps + 1) * one;
}

// Allocates the scratch memory from its beginning.
struct Room {
  int64_t end;
  int64_t take(int64_t size) {
    end += size;
    return end - size;
  }
};

// Memory that several layers use one after another: as much as the largest of them needs.
struct Shared {
  int64_t turned, sums, spare;
};

Shared shared_by(const std::vector<Node>& nodes, int64_t padded_rows, int64_t width) {
  Shared most{};
  for (const Node& node : nodes) {
    const snellen_layer& layer = node.layer;
    const bool overlaps = layer.kind == SNELLEN_MAX_POOL && layer.stride < layer.window;
    const int64_t line = layer.out_width * whole_vectors(layer.out_channels, width);
    most.turned = std::max(most.turned, line * padded_rows);
    most.sums = std::max(most.sums, gradient_sums(layer, width));
    if (overlaps) most.spare = std::max(most.spare, in_features(layer) * padded_rows);
  }
  return most;
}

}  // namespace

int64_t rows_together(const snellen_layer* layers, int count, int64_t rows) {
  int64_t features = in_features(layers[0]);
  for (int number = 0; number < count; number++) features += out_features(layers[number]);
  const int64_t fitting = CACHED_FLOATS / features / LEAST_ROWS * LEAST_ROWS;
  return std::min(rows, std::max(LEAST_ROWS, fitting));
}

Planned planned(const snellen_layer* layers, int count, int64_t rows, int64_t width) {
  Planned result{nodes_of(layers, count), {}};
  Plan& plan = result.plan;
  plan.nodes = result.nodes.data(), plan.count = int(result.nodes.size());
  plan.rows = rows, plan.padded_rows = whole_vectors(rows, width);
  pad_first_input(result.nodes[0].layer, plan);
  Room room{in_features(result.nodes[0].layer) * plan.padded_rows};
  int64_t input = 0;
  for (Node& node : result.nodes) {
    node.input = input;
    node.output = input = room.take(out_features(node.layer) * plan.padded_rows);
  }
  const Shared shared = shared_by(result.nodes, plan.padded_rows, width);
  plan.turned = room.take(shared.turned);
  plan.sums = room.take(shared.sums);
  plan.spare = room.take(shared.spare);
  plan.targets = room.take(out_features(result.nodes.back().layer) * plan.padded_rows);
  plan.size = room.take(width) + width;
  return result;
}

}  // namespace snellen
