"""Names of the files of a training's folder, and what is said where a library is missing."""

STATE, HISTORY, SCORES = "state.pt", "history.csv", "scores.json"
INSTALL = (
    "install it with pip install 'compound-nas[train]', or from a checkout with pip install -e "
    "'.[train]'"
)
