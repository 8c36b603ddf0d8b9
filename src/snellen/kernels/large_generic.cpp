// For every processor.
#include "large_unit.h"

const LargeUnit large_generic = large_unit<4>();
