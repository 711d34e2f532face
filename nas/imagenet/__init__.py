"""What ImageNet results say of a network: models, and published numbers."""
