// The kernels in AVX2 instructions.
#include "plan.h"

#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

namespace snellen {
namespace {

constexpr int WIDTH = 8;
constexpr int REGISTERS = 16;

#include "network.inc"

bool supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace

const Instructions* avx2() {
  static const Instructions instructions = {"avx2", WIDTH, pass};
  return supported() ? &instructions : nullptr;
}

}  // namespace snellen

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const snellen::Instructions* snellen::avx2() { return nullptr; }

#endif
