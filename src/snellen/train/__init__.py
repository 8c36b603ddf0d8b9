"""Training: jobs, optimizers, schedules, the engine that runs packs of lanes, and its checkpoints."""
