"""Training networks on images: data, recipes, the loop, and the evaluator of it all."""
