"""Runs in the tools that people look at: TensorBoard, MLflow, Weights & Biases, or their own."""
