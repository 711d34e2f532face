"""A model's word may hang by a hair on the batch: what is continued hears what it would have."""

import numpy as np
from test_generations import Model, finish, search


class Hanging(Model):
    """Says something else of a network in another batch."""

    def predict(self, networks):
        means, spreads = super().predict(networks)
        return means + 1e-3 * np.arange(len(networks)) / len(networks), spreads


def heard(asked):
    return finish(asked, Hanging(), lambda: asked.networks)


def test_the_rest_of_a_generation_is_predicted_with_all_of_it():
    whole = heard(search(300))
    for stored in (0, 40, 100, 237):
        again = heard(search(300, whole[:stored]))
        pairs = [(t.values, t.accuracy) for t in whole[:stored] + again]
        assert pairs == [(t.values, t.accuracy) for t in whole]
    shorter = heard(search(220))
    longer = heard(search(300, shorter))
    assert [t.accuracy for t in shorter + longer] == [t.accuracy for t in whole]
