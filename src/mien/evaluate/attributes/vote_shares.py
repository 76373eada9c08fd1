"""Compare the probabilities of a head with the votes of raters."""

from collections.abc import Sequence

import numpy as np

from mien.datasets import Labelled
from mien.evaluate.attributes.predictions import Prediction
from mien.metrics import divergence, entropy
from mien.metrics.estimates import Clusters
from mien.metrics.findings import Fact


def vote_share_facts(
    records: Sequence[Labelled], predictions: Sequence[Prediction], classes: Sequence[str]
) -> tuple[Fact, ...]:
    """Divergence and entropy error against vote shares; empty if no record has votes.

    Args:
        records: with `votes` per class where raters voted.
        predictions: one per record; without probabilities a record is left out, since its
            failure already counts in the accuracy.
        classes: order of the classes.

    Returns:
        Mean Kullback-Leibler divergence in nats, and mean absolute error of the entropy (0 to 1),
        each with its 95 % interval by person.
    """
    kept = [
        (one, prediction)
        for one, prediction in zip(records, predictions, strict=True)
        if one.votes
        and prediction.probabilities
        and sum(one.votes.get(name, 0) for name in classes)
    ]
    if not kept:
        return ()
    votes = np.array([[one.votes.get(name, 0) for name in classes] for one, _ in kept], float)
    truth = votes / votes.sum(axis=1, keepdims=True)
    stated = np.array(
        [[given.probabilities.get(name, 0.0) for name in classes] for _, given in kept]
    )
    stated /= stated.sum(axis=1, keepdims=True)
    people = Clusters([one.person or f"\0{k}" for k, (one, _) in enumerate(kept)])
    apart, doubt = divergence(truth, stated), np.abs(entropy(stated) - entropy(truth))
    return (
        Fact("KL from vote shares", people.mean(apart), "number", "nats; 0 = same shares"),
        Fact("entropy error", people.mean(doubt), "number", "of raters' agreement, 0 to 1"),
    )
