"""What stands beside a pick: EfficientNet-B0 scaled, and published networks."""
