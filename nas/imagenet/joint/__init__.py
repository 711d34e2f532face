"""The ImageNet model: many sources at once, networks of any width, depth and resolution."""
