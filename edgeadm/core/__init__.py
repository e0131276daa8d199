"""Phases, the workflows they form, and the journal of what was done."""
