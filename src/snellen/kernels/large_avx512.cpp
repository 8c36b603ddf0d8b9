// For x86 processors with AVX-512.
#include "large.h"
#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#include "large_unit.h"

const LargeUnit large_avx512 = large_unit<16>();

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
