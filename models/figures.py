#!/usr/bin/env python3
"""Writes the figures of docs/faces/report/*.json into docs/faces/evaluation.md, between its two markers.

Usage: figures.py DOCS_FACES
"""
import json
import pathlib
import sys

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
ENROLLED = {
    "one": "one photograph",
    "two": "two photographs",
    "three": "three photographs",
    "one-masked": "one photograph with a mask",
    "three-masked": "three photographs with masks",
}


def share(errors, trials):
    return errors / max(trials, 1)


def percent(p):
    if p is None:
        return "–"
    return f"{100 * share(p['errors'], p['trials']):.1f} ({100 * p['low']:.1f}–{100 * p['high']:.1f})"


def rate(p):
    if p is None:
        return "–"
    return f"{share(p['errors'], p['trials']):.1e} ({p['low']:.1e}–{p['high']:.1e})"


def counted(p):
    return "–" if p is None else f"{p['errors']:,} / {p['trials']:,}"


def probes(of):
    if isinstance(of, dict):
        return "drawn, " + ["surgical", "cloth", "respirator", "dark"][of["style"]]
    return {"bare": "bare", "drawn": "mask drawn", "worn": "mask really worn"}[of]


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def errors(conditions):
    rows = [
        [
            ENROLLED[c["enrolment"]],
            probes(c["probes"]),
            f"{c['people']:,}",
            percent(c["false_non_matches"]),
            counted(c["false_non_matches"]),
            rate(c["false_matches"]),
            counted(c["false_matches"]),
            "–" if c["generalised_false_reject"] is None else f"{100 * c['generalised_false_reject']:.1f}",
        ]
        for c in conditions
    ]
    header = ["Enrolled with", "Probe", "People", "FNMR % (95 %)", "Errors", "FMR (95 %)", "Errors", "GFRR %"]
    return table(header, rows)


def wrong(shares):
    rows = [[s["shows"], percent(s["wrong"]), counted(s["wrong"])] for s in shares]
    return table(["Shown", "Wrong % (95 %)", "Errors"], rows)


def refused(acquisition):
    def reasons(a):
        most = sorted(a["reasons"].items(), key=lambda r: -r[1])
        return "; ".join(f"{count} × {why}" for why, count in most) or "–"

    rows = [[a["shows"], percent(a["refused"]), counted(a["refused"]), reasons(a)] for a in acquisition]
    return table(["Photograph", "FTA % (95 %)", "Refused", "Reasons"], rows)


def bona_fide(attacks):
    rows = [[b["kind"], percent(b["bpcer"]), counted(b["bpcer"])] for b in attacks["bona_fide"]]
    return table(["Shown", "BPCER % (95 %)", "Alarms"], rows)


def figures(report):
    lfw, montage, crops = (json.loads((report / f"{n}.json").read_text()) for n in ("lfw", "montage", "crops"))
    aimed = [c for c in lfw["conditions"] if abs(c["aim"] - lfw["aim"]) < 1e-9]
    made = lfw["made"]
    digest = ", ".join(f"{name} {sha[:8]}" for name, sha in lfw["models"].items())
    return "\n\n".join(
        [
            f"{lfw['set']}, pipeline {lfw['pipeline']}, {made['at'][:10]} ({digest}).",
            f"**{made['data']}**: {lfw['people']:,} people, {lfw['pictures']:,} pictures, aim {lfw['aim']:g}. "
            "Errors of people who did not choose the threshold:",
            errors(aimed),
            "Photographs of which no probe could be made:",
            refused(lfw["acquisition"]),
            f"**{montage['made']['data']}**, at the thresholds of the calibration above, chosen by others:",
            errors(montage["in_use"]["conditions"]) if montage["in_use"] else "no calibration fitted",
            "**Mask or no mask**: press photographs, then the montage, then photographs of unknown people with and without real masks "
            "(three quarters of which trained the mask detector).",
            wrong(lfw["masks"]),
            wrong(montage["masks"]),
            wrong(crops["masks"]),
            "**Bona fide photographs taken for attacks** (press photographs, then photographs from the web; some of both helped to fit the detector):",
            bona_fide(lfw["attacks"]),
            bona_fide(crops["attacks"]),
        ]
    )


def main():
    docs = pathlib.Path(sys.argv[1])
    page = docs / "evaluation.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{figures(docs / 'report')}\n\n{END}{after}")


main()
