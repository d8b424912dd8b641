"""Makes the means by which embeddings are centred before they are compared.

    samples MODELS rows.f32 < list.txt     (example of imp-biometrics; path, or path<TAB>style<TAB>seed for a drawn mask)
    python3 population.py OUT.f32 rows.f32 list.txt

List each person once bare and once under a drawn mask, at least a hundred people, and nobody who is in the evaluation as
anything but a stranger: a mean of many says nothing about one of them, and what is measured on others stays honest.
Needs numpy.
"""
import sys

import numpy as np

DIMENSIONS, ROW = 128, 1 + 512 + 128
LEAST = 100


def main():
    out, rows, listing = sys.argv[1:]
    rows = np.fromfile(rows, "<f4").reshape(-1, ROW)
    embeddings = rows[:, -DIMENSIONS:].astype("f8")
    drawn = np.array(["\t" in line for line in open(listing)])
    known = (embeddings**2).sum(1) > 0.5
    means = []
    for masked in (False, True):
        chosen = embeddings[known & (drawn == masked)]
        if len(chosen) < LEAST:
            raise SystemExit(f"{len(chosen)} faces are too few for a mean that says nothing about one of them")
        means.append(chosen.mean(0))
        print(f"{'masked' if masked else 'bare'}: {len(chosen)} faces, length of the mean {np.linalg.norm(means[-1]):.3f}")
    np.concatenate(means).astype("<f4").tofile(out)


main()
