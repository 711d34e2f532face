"""Reports of a grid, a family and a comparison, on a page."""
