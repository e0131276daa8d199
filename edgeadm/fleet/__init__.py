"""Fleets: many machines from one document. One engine for the command line and the controller."""
