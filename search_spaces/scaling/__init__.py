"""Networks made larger or smaller in depth, width and resolution, by the papers' rules."""
