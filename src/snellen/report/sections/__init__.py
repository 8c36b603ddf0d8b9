"""The parts of report.json, each from what is stored in the run."""
