"""Intervals, tests and corrections: functions of arrays that know nothing of runs."""
