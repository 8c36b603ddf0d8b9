// The kernels in the instructions that every processor of this kind has.
#include "plan.h"

namespace snellen {
namespace {

constexpr int WIDTH = 4;
#if defined(__aarch64__)
constexpr int REGISTERS = 32;
#else
constexpr int REGISTERS = 16;
#endif

#include "network.inc"

}  // namespace

const Instructions* generic() {
  static const Instructions instructions = {"generic", WIDTH, pass};
  return &instructions;
}

}  // namespace snellen
