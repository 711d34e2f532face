"""One seed gives one result on any number of threads, and beside any other networks."""

import os
import subprocess
import sys

import numpy as np

from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.exact import Exact
from search_spaces.spaces import space

SEARCH = """
from nas.evaluators import against, predictor_of
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.objective import Objective
from nas.search.generations import Generations
from nas.search.beside.scaled import scaled_b0
from nas.workers.predicting import PredictingExecutor
from search_spaces import space

objective = Objective("hard", 300e6)
measure = against(ImagenetEvaluator(), scaled_b0(objective))
search = Generations(space("mbconv"), objective, wanted=700)
executor = PredictingExecutor(predictor_of(measure), measure)
running = 1
while running:
    running = 0
    while (job := search.ask()) is not None:
        executor.submit(job)
        running += 1
    for _ in range(running):
        trial = search.tell(*executor.next())
        print(trial.architecture.id, trial.accuracy.hex(), trial.spread.hex())
"""


def trials(threads):
    """What a search of 700 networks prints with so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    told = {**os.environ, **dict.fromkeys(names, str(threads))}
    command = [sys.executable, "-c", SEARCH]
    return subprocess.run(command, env=told, check=True, capture_output=True, text=True).stdout


def test_one_search_with_one_thread_and_with_two():
    one, two = trials(1), trials(2)
    assert one.count("\n") == 700
    assert one == two


def test_a_network_is_predicted_alike_beside_any_others():
    drawn = np.random.default_rng(0)
    b0 = space("efficientnet")
    networks = [b0.build({k: o[drawn.integers(len(o))] for k, o in b0.choices.items()})
                for _ in range(530)]  # fmt: skip
    model = ImagenetEvaluator()
    whole = np.array(model.predict(networks))
    for some in ([7], [529, 7], range(3, 517)):
        part = np.array(model.predict([networks[at] for at in some]))
        assert (part == whole[:, list(some)]).all()


def test_exact_products_are_close_and_do_not_depend_on_the_order_of_terms():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((40, 70)), rng.standard_normal((70, 30)) * 1e4
    order = rng.permutation(70)
    for parts, close in ((1, 3e-6), (2, 3e-6)):
        product = Exact(right, parts)(left)
        assert (Exact(right[order], parts)(left[:, order]) == product).all()
        assert abs(product - left @ right).max() < close * abs(left @ right).max()
    one = np.eye(70)  # of which nothing is rounded off
    assert abs(Exact(right, 2)(one) - right).max() < 1e-12 * abs(right).max()
    assert (Exact(np.zeros((3, 2)))(np.zeros((4, 3))) == 0).all()
