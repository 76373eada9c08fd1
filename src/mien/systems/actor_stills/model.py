"""The six classifiers of the paper, as scikit-learn has them; for the proof only."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.metrics import confusion, weighted_roc_area, weighted_scores
from mien.systems.actor_stills.protocols import Rows
from mien.types import Doubles, Floats

LOGISTIC = "logistic regression"


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=500)


def _neighbours(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(5)


def _svm(seed: int) -> Any:
    from sklearn.svm import SVC

    return SVC(C=1.0, gamma="scale")


def _tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(
        min_samples_leaf=2, min_samples_split=5, max_depth=100, random_state=seed
    )


def _bayes(seed: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _network(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((100,), alpha=1e-4, max_iter=200, random_state=seed)


# Settings: those of the Orange suite, which the names of the paper point to.
CLASSIFIERS: dict[str, Callable[[int], Any]] = {
    LOGISTIC: _logistic,
    "k nearest neighbours": _neighbours,
    "support vectors": _svm,
    "decision tree": _tree,
    "naive Bayes": _bayes,
    "neural network": _network,
}


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a classifier answers for stills that were held out, each once."""

    rows: Rows  # (T,)
    predicted: NDArray[np.str_]  # (T,)
    scores: Doubles  # (T, L), in the order of `names`; 0 for people outside the training part
    names: tuple[str, ...]

    def figures(self, actors: Sequence[str]) -> dict[str, float]:
        """CA, F1 and AUC; the latter two are averaged with class frequencies as weights."""
        truth = np.asarray(actors, str)[self.rows]
        table = confusion(truth, self.predicted, self.names)
        seen = [k for k, name in enumerate(self.names) if (truth == name).any()]
        number = np.searchsorted(np.array(self.names)[seen], truth)
        area = weighted_roc_area(number, self.scores[:, seen]) if len(seen) > 1 else float("nan")
        return {"CA": float((truth == self.predicted).mean()), "F1": weighted_scores(table)[2],
                "AUC": area}  # fmt: skip


def classify(
    kind: str,
    features: Floats | Doubles,
    actors: Sequence[str],
    folds: Sequence[tuple[Rows, Rows]],
    seed: int = 0,
) -> Scores:
    """Train on each fold's training part, scale there, and answer for its test part.

    Args:
        kind: of CLASSIFIERS.
        features: (N, D).
        actors: (N,) names.
        folds: training and test rows.
        seed: of trees and networks.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    who = np.asarray(actors, str)
    names = tuple(np.unique(who).tolist())
    rows, predicted, tables = [], [], []
    for train, test in folds:
        model = make_pipeline(StandardScaler(), CLASSIFIERS[kind](seed))
        with warnings.catch_warnings():  # 200 iterations are the setting that is measured
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features[train], who[train])
        own = (
            model.predict_proba(features[test])
            if hasattr(model, "predict_proba")
            else model.decision_function(features[test])
        )
        own = np.column_stack([-own, own]) if own.ndim == 1 else own
        table = np.full((len(test), len(names)), float(np.min(own)))
        table[:, np.searchsorted(names, model.classes_)] = own
        rows.append(test)
        tables.append(table)
        predicted.append(model.predict(features[test]))
    return Scores(np.concatenate(rows), np.concatenate(predicted), np.concatenate(tables), names)
