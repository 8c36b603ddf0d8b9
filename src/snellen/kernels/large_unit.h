// All functions of a unit, in vectors of W floats.
#pragma once

#include "dense.h"
#include "norm.h"
#include "winograd.h"

namespace {

template <int W>
constexpr LargeUnit large_unit() {
  return {{winograd_scratch, winograd_forward<W>, winograd_inputs<W>, winograd_kernels<W>},
          {dense_scratch, dense_forward<W>, dense_inputs<W>, dense_kernels<W>},
          {norm_moments<W>, norm_apply<W>, norm_sums<W>, norm_combine<W>}};
}

}  // namespace
