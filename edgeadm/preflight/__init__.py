"""Checks that run before anything is changed."""
