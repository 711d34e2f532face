"""A grid search's family from Python: members by name, and as a frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsearch.family.family import Member, row, solved_family
from gridsearch.grid.conclude import Result
from gridsearch.grid.families import sizes_for
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant
from search_spaces.scaling.budget import Recipe
from search_spaces.scaling.coefficients import LETTERS, Coefficients

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Family:
    """Members by name, as `family["phi3"]`, the baseline first."""

    members: tuple[Member, ...]

    @property
    def frame(self) -> "pd.DataFrame":
        """A row a member, as family.csv has them."""
        import pandas as pd

        return pd.DataFrame([row(member) for member in self.members])

    def __getitem__(self, name: str) -> Architecture:
        for member in self.members:
            if member.name == name:
                return member.architecture
        names = [member.name for member in self.members]
        raise UserError(
            f"the family has no {name!r}{meant(name, names)}: expected one of {', '.join(names)}"
        )

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __repr__(self) -> str:
        return f"<family of {', '.join(member.name for member in self.members)}>"

    def _repr_html_(self) -> str:  # notebooks
        return str(self.frame.to_html(index=False, float_format="{:.4g}".format))


def family_from(result: Result, phis: Iterable[float] | None = None) -> Family:
    """The family of a grid search: for each phi the largest network within 2**phi times the MACs.

    Args:
        result: What `gridsearch.find` gave.
        phis: Each gives a network; None is 0 to 7, or -3 to 0 of coefficients for smaller ones.

    Raises:
        UserError: It is no grid search's result, or was interrupted and chose nothing; or phis are
            none.
    """
    if not isinstance(result, Result):
        raise UserError(
            f"the grid search is of type {type(result).__name__}: expected the result of "
            "gridsearch.find, as family_from(gridsearch.find(network))"
        )
    chosen, question = result.coefficients, result.plan.question
    if chosen is None:
        raise UserError(f"the run {result.folder} has no coefficients: let it finish")
    numbers = Coefficients(*(chosen[one] for one in LETTERS))
    recipe = Recipe(question.baseline, numbers, question.rule, question.round_resolution)
    sizes = sizes_for(chosen["for_phi"]) if phis is None else _sizes(phis)
    return Family(tuple(solved_family(recipe, sizes)))


def _sizes(phis: Any) -> list[float]:
    """The phis that are given. Raises UserError where they are none."""
    listed = list(phis) if isinstance(phis, Iterable) and not isinstance(phis, str) else []
    if not listed:
        raise UserError(f"phis is {phis!r:.60}: expected some numbers, as range(8) or [0.5, 1]")
    return listed
