// A plan together with its nodes. The kernels get pointers only: a template of the standard library that is compiled
// with their instructions could be linked into code for every processor.
#pragma once

#include <vector>

#include "plan.h"

namespace snellen {

struct Planned {
  std::vector<Node> nodes;
  Plan plan;
};

// The number of rows of a batch that go through the network at once.
int64_t rows_together(const snellen_layer* layers, int count, int64_t rows);

Planned planned(const snellen_layer* layers, int count, int64_t rows, int64_t width);

}  // namespace snellen
