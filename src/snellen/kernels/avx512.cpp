// The kernels in AVX-512 instructions.
#include "plan.h"

#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

namespace snellen {
namespace {

constexpr int WIDTH = 16;
constexpr int REGISTERS = 32;

#include "network.inc"

bool supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

const Instructions* avx512() {
  static const Instructions instructions = {"avx512", WIDTH, pass};
  return supported() ? &instructions : nullptr;
}

}  // namespace snellen

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else

const snellen::Instructions* snellen::avx512() { return nullptr; }

#endif
