"""Writes test/golden/correlations.json: what scikit-learn and scipy say of labels and predictions, to compare src/measure with.

    python scripts/golden/correlations.py    (scikit-learn 1.9, scipy 1.17; nothing is downloaded)
"""

import json
import pathlib

import numpy
import scipy.stats
import sklearn.metrics as metrics

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"


def classified(random, classes, samples, skill):
    labels = random.integers(0, classes, samples)
    # Every class is there: scikit-learn's macro mean is over classes of labels or predictions, ours over those of labels.
    labels[:classes] = range(classes)
    predictions = numpy.where(random.random(samples) < skill, labels, random.integers(0, classes, samples))
    return {
        "confusion": metrics.confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
        "accuracy": metrics.accuracy_score(labels, predictions),
        "macroF1": metrics.f1_score(labels, predictions, average="macro", zero_division=0),
        "binaryF1": metrics.f1_score(labels, predictions, zero_division=0) if classes == 2 else None,
        "matthews": metrics.matthews_corrcoef(labels, predictions),
    }


def correlated(x, y):
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "ranks": scipy.stats.rankdata(x).tolist(),
        "pearson": float(scipy.stats.pearsonr(x, y).statistic),
        "spearman": float(scipy.stats.spearmanr(x, y).statistic),
    }


def pairs(random):
    for samples in (2, 7, 40):
        x = random.normal(size=samples)
        yield x, x * 0.3 + random.normal(size=samples)
        yield numpy.round(x * 2), numpy.round(random.normal(size=samples) * 2 - x)
    # STS has scores in steps; the last pair is far from 0.
    scores = random.integers(0, 11, 30) / 2
    yield scores, numpy.tanh(scores / 3) + 0.2 * random.normal(size=30)
    yield 1e6 + random.normal(size=20), random.normal(size=20)


if __name__ == "__main__":
    random = numpy.random.default_rng(5)
    # numpy has no correlation of a variable that doesn't vary.
    golden = {
        "classified": [classified(random, classes, 60, skill) for classes in (2, 3, 6) for skill in (0, 0.5, 0.9, 1)],
        "correlated": [correlated(x, y) for x, y in pairs(random) if x.std() > 0 and y.std() > 0],
    }
    path = GOLDEN / "correlations.json"
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"confusion"', '\n{"confusion"').replace('{"x"', '\n{"x"') + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")
