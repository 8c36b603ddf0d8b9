// The functions that Python calls: they choose the instructions and loop over the lanes.
#include <atomic>
#include <cstring>

#include "planned.h"

namespace snellen {
namespace {

const Instructions* best() {
  for (const Instructions* each : {avx512(), avx2()})
    if (each) return each;
  return generic();
}

std::atomic<const Instructions*>& chosen() {
  static std::atomic<const Instructions*> instructions{best()};
  return instructions;
}

// Scratch memory, aligned to whole vectors.
float* aligned(float* scratch, int64_t width) {
  const uintptr_t bytes = uintptr_t(width) * sizeof(float);
  return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch) + bytes - 1) / bytes * bytes);
}

// All rows of a lane: full groups, then the remaining rows.
void pass_in_groups(const Instructions& instructions, const Planned& group, const Planned& rest, int64_t rows,
                    Lane lane, float* scratch) {
  for (int64_t done = 0; done < rows;) {
    const Plan& plan = rows - done >= group.plan.rows ? group.plan : rest.plan;
    instructions.pass(plan, lane, scratch);
    lane.x += plan.rows * lane.x_row;
    lane.targets += plan.rows * lane.targets_row;
    lane.logits += plan.rows * lane.logits_row;
    lane.first_mask_row += plan.rows;
    lane.added = true;
    done += plan.rows;
  }
}

}  // namespace
}  // namespace snellen

using namespace snellen;

extern "C" {

int32_t snellen_abi(void) { return 1; }

const char* snellen_instructions(void) { return chosen().load()->name; }

int32_t snellen_use(const char* name) {
  for (const Instructions* each : {avx512(), avx2(), generic()}) {
    if (!each || std::strcmp(each->name, name) != 0) continue;
    chosen().store(each);
    return 1;
  }
  return 0;
}

int64_t snellen_scratch(const snellen_layer* layers, int32_t count, int64_t rows) {
  return planned(layers, count, rows_together(layers, count, rows), chosen().load()->width).plan.size;
}

void snellen_pass(const snellen_layer* layers, int32_t count, int64_t lanes, int64_t rows, const float* parameters,
                  int64_t parameters_lane, const float* x, int64_t x_lane, int64_t x_row, const float* targets,
                  int64_t targets_lane, int64_t targets_row, const float* counts, const float* const* masks,
                  int64_t masks_rows, float* logits, int64_t logits_lane, int64_t logits_row, float* gradient,
                  int64_t gradient_lane, float* scratch) {
  const Instructions* instructions = chosen().load();
  const int64_t together = rows_together(layers, count, rows);
  const Planned group = planned(layers, count, together, instructions->width);
  const Planned rest = planned(layers, count, rows % together, instructions->width);
  for (int64_t lane = 0; lane < lanes; lane++) {
    const Lane own = {parameters + lane * parameters_lane,
                      x + lane * x_lane,
                      x_row,
                      targets + lane * targets_lane,
                      targets_row,
                      counts[lane],
                      masks,
                      lane * masks_rows,
                      logits + lane * logits_lane,
                      logits_row,
                      gradient + lane * gradient_lane,
                      false};
    pass_in_groups(*instructions, group, rest, rows, own, aligned(scratch, instructions->width));
  }
}
}
