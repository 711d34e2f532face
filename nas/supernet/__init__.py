"""One network whose weights a whole space's networks share."""
