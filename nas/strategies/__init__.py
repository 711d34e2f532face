"""Search strategies: samplers of Optuna, and what they share about the problem."""
