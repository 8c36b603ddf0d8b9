// For x86 processors with AVX2 and FMA.
#include "large.h"
#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "large_unit.h"

const LargeUnit large_avx2 = large_unit<8>();

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
