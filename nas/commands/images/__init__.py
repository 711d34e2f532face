"""Commands that train and use a network on images."""
