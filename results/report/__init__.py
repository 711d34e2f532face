"""Reports: a page of HTML, its charts, and what a run's folder gives to it."""
