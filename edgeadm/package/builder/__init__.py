"""Builds packages: from pinned Go modules to one file for all nodes."""

from edgeadm.package.builder.build import Built, build_package
from edgeadm.package.builder.recipe import default_kubernetes, known_recipes, load_recipe

__all__ = ["Built", "build_package", "default_kubernetes", "known_recipes", "load_recipe"]
