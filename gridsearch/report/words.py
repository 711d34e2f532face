"""A grid's choice in words, as the command and the report say it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

FEW = 2  # phi up to which a judgement says little of a family


def spoken_phis(phis: Sequence[float]) -> str:
    """`at phi 1 to 7`, or each of them."""
    whole = [phi for phi in phis if phi == int(phi)]
    if len(phis) > 2 and len(whole) == len(phis) and phis[-1] - phis[0] == len(phis) - 1:
        return f"at phi {phis[0]:g} to {phis[-1]:g}"
    return "at phi " + ", ".join(f"{phi:g}" for phi in phis)


def over_text(over: float | None, error: float | None) -> str:
    """A difference and one standard deviation of it."""
    if over is None:
        return "-"
    return f"{over:+.2f}" + (f" ± {error:.2f}" if error else "")


def compared(chosen: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The rows of coefficients.json that are shown side by side, by what they are."""
    key = ("alpha", "beta", "gamma")
    listed = {"pick": chosen["pick"], "paper (Tan & Le 2019)": chosen["paper"]}
    if all(chosen["pick"][k] == chosen["paper"][k] for k in key):
        listed = {"pick, the paper's": chosen["pick"]}
    if not chosen["highest"]["pick"] and chosen["behind"]:
        listed["highest mean"] = chosen["highest"]
    return listed


def reason(chosen: Mapping[str, Any]) -> str:
    """In a sentence or two why the pick was taken."""
    pick, highest = chosen["pick"], chosen["highest"]
    behind = ", ".join(f"{phi:g}" for phi in chosen["behind"])
    if pick["pick"] and highest["pick"]:
        text = f"The pick has the highest expected mean of {chosen['families']} families"
        text += ", and is nowhere expected below the paper's." if pick["over_paper"] else "."
    elif not chosen["behind"]:
        text = (
            "The paper's network needs more memory than the target, so that its family can't be "
            "taken; of the families that can the pick has the highest expected mean."
        )
    elif pick["over_paper"] == 0:
        text = (
            "No family is expected at or above the paper's at every one of these budgets, so the "
            f"paper's is the pick. The highest mean is expected below it at phi {behind}."
        )
    else:
        text = (
            "The pick has the highest expected mean of the families that are nowhere expected "
            "below the paper's. The highest mean of all is expected below the paper's at phi "
            f"{behind}."
        )
    if max(map(abs, chosen["for_phi"])) <= FEW and pick["over_paper"]:
        text += (
            f" It was judged {spoken_phis(chosen['for_phi'])} alone, which says little of other "
            "sizes: depth, say, saturates. Without --for-phi the whole family is judged."
        )
    if not str(chosen["ended"]).startswith("a model"):
        text += f" Measuring ended: {chosen['ended']}."
    if chosen.get("check"):
        text += f" {checked(chosen['check'])}"
    return text


def checked(check: Mapping[str, Any]) -> str:
    """What was expected of a larger network, and what was measured."""
    off = check["measured"] - check["expected"]
    doubt = math.hypot(check["expected_error"], check["measured_error"])
    return (
        f"Checked at phi {check['phi']:g}: expected {check['expected']:.2f} ± "
        f"{check['expected_error']:.2f}, measured {check['measured']:.2f} ± "
        f"{check['measured_error']:.2f} by {check['replicates']} trainings, {off:+.2f} or "
        f"{abs(off) / doubt:.1f} of their ±."
    )
