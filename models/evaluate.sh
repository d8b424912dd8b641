#!/usr/bin/env bash
# Evaluates the shipped model set: writes its calibration and the reports of docs/faces/report.
# Usage: evaluate.sh IMP_CLIENT DATA WORK [THREADS]
#   IMP_CLIENT  the program, as a release build
#   DATA        a folder with faces/lfw-dev (a folder per person), faces/montage-dev (group_index_m|u.png) and
#               faces/mask-crops/{with,without}_mask; research photographs, which are not in this repository
#   WORK        a folder for measurements and results; an interrupted evaluation goes on there
# The photographs of the montage are 60 pixels wide; they are enlarged three times (needs ffmpeg), since faces of fewer
# than 16 pixels between the eyes are refused.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -lt 3 ]; then
  sed -n '2,9p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
client=$(realpath "$1") data=$(realpath "$2")/faces work=$3 threads=${4:-$(nproc)}
reports=$here/../docs/faces/report
mkdir -p "$work" "$reports"
work=$(realpath "$work")

# People with two photographs or more: those with one made the population's mean, and are nobody's to be measured on.
arrange_people() {
  local person
  mkdir -p "$work/people"
  for person in "$data"/lfw-dev/*/; do
    if [ "$(find "$person" -type f | wc -l)" -ge 2 ]; then ln -sfn "$person" "$work/people/$(basename "$person")"; fi
  done
}

# Real masks, by person: bare tiles in the person's folder, masked ones below it.
arrange_montage() {
  local tile name person kind place
  for tile in "$data"/montage-dev/*.png; do
    name=$(basename "$tile" .png)
    person=${name%%_*} kind=${name##*_}
    place=$work/montage/$person
    if [ "$kind" = m ]; then place=$place/masked; fi
    mkdir -p "$place"
    [ -s "$place/$name.png" ] || ffmpeg -nostdin -loglevel error -y -i "$tile" -vf 'scale=iw*3:ih*3:flags=lanczos' "$place/$name.png"
  done
}

# Real masks without names: they can be judged, not compared.
arrange_crops() {
  mkdir -p "$work/crops/unnamed"
  ln -sfn "$data/mask-crops/with_mask" "$work/crops/unnamed/masked"
  local picture
  for picture in "$data"/mask-crops/without_mask/*; do
    ln -sf "$picture" "$work/crops/unnamed/"
  done
}

# evaluate NAME FOLDER WORDS: exit status 1 (too few photographs for a calibration) is no failure.
evaluate() {
  local status=0 begin=()
  [ ! -e "$work/$1-results/measurements" ] || begin=(--resume)
  "$client" face evaluate "$2" --models "$here" --out "$work/$1-results" --threads "$threads" --data "$3" "${begin[@]}" || status=$?
  [ "$status" -le 1 ] || exit "$status"
  cp "$work/$1-results/report.html" "$reports/$1.html"
  cp "$work/$1-results/report.json" "$reports/$1.json"
}

arrange_people
arrange_montage
arrange_crops
evaluate lfw "$work/people" "Labeled Faces in the Wild, deep-funneled: press photographs of public figures, people with two photographs or more, research use, not in the repository; masks are drawn"
if [ -e "$work/lfw-results/calibration.json" ]; then
  cp "$work/lfw-results/calibration.json" "$here/imp-face.calibration.json"
else
  echo "evaluate.sh: the people are too few for a calibration; the one before stays" >&2
fi
evaluate montage "$work/montage" "MaskTheFace's montage: 51 tiles of 60 pixels, ten public figures with and without real masks, enlarged three times"
evaluate crops "$work/crops" "Face-Mask-Detection: photographs of unknown people from the web with and without real masks"
python3 "$here/figures.py" "$here/../docs/faces"
