"""A model's word may hang by a hair on the batch: what is continued hears what it would have."""

import numpy as np
from test_generations import Model, search

from nas.workers.predicting import PredictingExecutor


class Hanging(Model):
    """Says something else of a network in another batch."""

    def predict(self, networks):
        means, spreads = super().predict(networks)
        return means + 1e-3 * np.arange(len(networks)) / len(networks), spreads


def finish(asked):
    model, trials = Hanging(), []
    executor = PredictingExecutor(model, model, lambda: asked.networks)
    while True:
        running = 0
        while (job := asked.ask()) is not None:
            executor.submit(job)
            running += 1
        if not running:
            return trials
        trials += [asked.tell(*executor.next()) for _ in range(running)]


def test_the_rest_of_a_generation_is_predicted_with_all_of_it():
    whole = finish(search(300))
    for stored in (0, 40, 100, 237):
        again = finish(search(300, whole[:stored]))
        pairs = [(t.values, t.accuracy) for t in whole[:stored] + again]
        assert pairs == [(t.values, t.accuracy) for t in whole]
    shorter = finish(search(220))
    longer = finish(search(300, shorter))
    assert [t.accuracy for t in shorter + longer] == [t.accuracy for t in whole]
