"""What the ImageNet model is fitted to, and how."""
