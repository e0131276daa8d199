"""The engine of all checks: preflight, autonomy and drills judge with the same results."""
