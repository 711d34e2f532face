"""The published-scaling prior: a law of scaling fitted to printed results, as an evaluator."""
