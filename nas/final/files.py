"""Names of the files of a training's folder, and what is said where a library is missing."""

from search_spaces.errors import install

STATE, HISTORY, SCORES = "state.pt", "history.csv", "scores.json"
INSTALL = install("train")
