"""A grid's choice in words, as the command and the report say it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.prior.advice import papers_able
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.coefficients import LETTERS

_MEMORY = QUANTITIES["memory"]
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
    listed = {"pick": chosen["pick"], "paper (Tan & Le 2019)": chosen["paper"]}
    if all(chosen["pick"][one] == chosen["paper"][one] for one in LETTERS):
        listed = {"pick, the paper's": chosen["pick"]}
    if not chosen["highest"]["pick"] and chosen["behind"]:
        listed["highest mean"] = chosen["highest"]
    return listed


def share_text(best: float | None) -> str:
    """P(best), or a dash where a family can't be taken."""
    return "-" if best is None else f"{100 * best:.0f} %"


def judged_texts(row: Mapping[str, Any]) -> dict[str, str]:
    """What is expected of a family's row and how sure that is; a dash where it can't be taken."""
    return {
        "mean top-1": f"{row['family']:.2f}",
        "over paper's": over_text(row["over_paper"], row["over_paper_error"]),
        "loss": "-" if row["loss"] is None else f"{row['loss']:.2f}",
        "P(best)": share_text(row["best"]),
    }


WHOLE = (
    "Each budget is counted as spent whole: what a network leaves of it is given its worth by the "
    "law. `gridsearch family` has the networks' own numbers."
)


def counted(chosen: Mapping[str, Any]) -> str:
    """Why there are not as many families as points."""
    families, points = (
        f"{chosen[of]} {one if chosen[of] == 1 else of}"
        for of, one in (("families", "family"), ("points", "point"))
    )
    if not str(chosen["ended"]).startswith("a model"):
        return (
            f"{families} are judged, and not only those of the {points}: what is measured of these "
            "speaks of other coefficients too."
        )
    return f"{families} of {points}: equal ones count once, and the paper's is always among them."


def by_law(chosen: Mapping[str, Any]) -> bool:
    """Whether nothing but the law judged."""
    return chosen.get("evaluator") == "prior"


def reason(chosen: Mapping[str, Any]) -> str:
    """In a sentence or two why the pick was taken."""
    pick, highest = chosen["pick"], chosen["highest"]
    behind = ", ".join(f"{phi:g}" for phi in chosen["behind"])
    by, none = ("By the law t", "By the law no") if by_law(chosen) else ("T", "No")
    if not papers_able(chosen):
        text = (
            f"The paper's network at phi {chosen['phi']:g} needs more memory than the target, so "
            "that its family can't be taken; of the families that can the pick has the highest "
            "expected mean."
        )
        if (at := chosen.get("paper_fits_at")) is not None:
            text += (
                f" The paper's coefficients meet it at phi {at:g}. That is the largest network "
                f"within {2**at:.3g} times the baseline's MACs, as `gridsearch family --preset "
                "solved` makes it."
            )
    elif chosen["families"] == 1:
        text = (
            "All coefficients round to the same networks as the paper's at these budgets, so that "
            "there is nothing to choose."
        )
    elif pick["pick"] and highest["pick"]:
        text = f"{by}he pick has the highest expected mean of {chosen['families']} families"
        if behind:  # of measured families
            text += f". At phi {behind} it is expected below the paper's: see by how much."
        else:
            text += ", and is nowhere expected below the paper's." if pick["over_paper"] else "."
            if 0 < round(pick["over_paper"], 2) <= round(pick["over_paper_error"], 2):
                text += " Its lead over the paper's is no larger than the error of that lead."
    elif pick["over_paper"] == 0:
        text = (
            f"{none} family is expected at or above the paper's at every one of these budgets, so "
            f"the paper's is the pick. The highest mean is expected below it at phi {behind}."
        )
    else:
        text = (
            f"{by}he pick has the highest expected mean of the families that are nowhere expected "
            "below the paper's. The highest mean of all is expected below the paper's at phi "
            f"{behind}."
        )
    if chosen.get("target_memory"):
        text += (
            f" The target of {_MEMORY.format(chosen['target_memory'])} holds at phi "
            f"{chosen['phi']:g} alone: larger networks of a family may need more."
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
