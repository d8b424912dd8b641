"""Trains the mask detector: a logistic regression on the features that `examples/samples.rs` of imp-biometrics writes.

    samples MODELS rows.f32 < list.txt        (one photograph a line: path, or path<TAB>style<TAB>seed for a drawn mask)
    python3 mask.py OUT.f32 LABELS:ROWS:LIST...

LABELS is `folder` (with_mask/ or without_mask/ in the path) or `drawn` (a drawn mask is a mask). Every fourth
photograph, by position and with all its variants, is held out; the weights never see it. Needs numpy.
"""
import sys

import numpy as np

ROW, FEATURES_AT, FEATURES = 1 + 512 + 128, 1, 512


def load(argument):
    labels, rows, listing = argument.split(":")
    rows = np.fromfile(rows, "<f4").reshape(-1, ROW)
    lines = [line.rstrip("\n") for line in open(listing)]
    if labels == "folder":
        worn = np.array(["with_mask/" in line for line in lines])
    else:
        worn = np.array(["\t" in line for line in lines])
    names = {}
    group = np.array([names.setdefault(line.split("\t")[0], len(names)) for line in lines])
    found = rows[:, 0] == 1
    lost = [int((~found & (worn == kind)).sum()) for kind in (False, True)]
    print(f"{listing}: {len(lines)} pictures, no face in {lost[0]} bare and {lost[1]} masked")
    return rows[found, FEATURES_AT:FEATURES_AT + FEATURES].astype("f8"), worn[found], group[found] % 4 == 3


def fit(x, y, weight, strength):
    """Newton's method on the weighted log-likelihood with a ridge penalty."""
    x1 = np.hstack([x, np.ones((len(x), 1))])
    beta = np.zeros(x1.shape[1])
    ridge = np.full(x1.shape[1], strength)
    ridge[-1] = 1e-6
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x1 @ beta, -30, 30)))
        gradient = x1.T @ (weight * (p - y)) + ridge * beta
        hessian = (x1 * (weight * p * (1 - p))[:, None]).T @ x1 + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def errors(x, y, beta):
    p = 1 / (1 + np.exp(-(x @ beta[:-1] + beta[-1])))
    missed, false = (p[y] < 0.5).sum(), (p[~y] >= 0.5).sum()
    return f"missed {missed}/{y.sum()}, false {false}/{(~y).sum()}"


def main():
    sets = [load(argument) for argument in sys.argv[2:]]
    x = np.vstack([s[0][~s[2]] for s in sets])
    y = np.concatenate([s[1][~s[2]] for s in sets])
    # Real masks count as much as all drawn ones together, and each kind as much as the other.
    weight = np.concatenate([np.full((~s[2]).sum(), 1000 / (~s[2]).sum()) for s in sets])
    for kind in (False, True):
        weight[y == kind] *= 500 * len(sets) / weight[y == kind].sum()
    mean, spread = x.mean(0), x.std(0) + 1e-3
    best = None
    folds = np.arange(len(x)) % 5
    for strength in (3, 10, 30, 100, 300):
        wrong = 0.0
        for fold in range(5):
            t = folds != fold
            beta = fit((x[t] - mean) / spread, y[t], weight[t], strength)
            p = ((x[~t] - mean) / spread) @ beta[:-1] + beta[-1] > 0
            wrong += weight[~t][p != y[~t]].sum()
        print(f"ridge {strength}: cross-validated error {wrong / weight.sum():.4f}")
        if best is None or wrong < best[0]:
            best = (wrong, strength)
    beta = fit((x - mean) / spread, y, weight, best[1])
    weights = beta[:-1] / spread
    beta = np.append(weights, beta[-1] - weights @ mean).astype("<f4")
    beta.tofile(sys.argv[1])
    for argument, s in zip(sys.argv[2:], sets):
        for name, part in (("trained on", ~s[2]), ("held out", s[2])):
            print(f"{argument}: {name}: {errors(s[0][part], s[1][part], beta.astype('f8'))}")


main()
