"""What is known before the first training, and how much of it the trainings bear out."""
