"""How one network's weights are trained for a whole space."""
