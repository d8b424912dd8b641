//! What `imp-client face` answers, for people and for programs.
use std::io::{self, Write};
use std::path::Path;

use imp_biometrics::{InspectedFace, Inspection, Outcome, Step, Verification};
use serde::Serialize;

/// The answer to `face compare`.
#[derive(Serialize)]
pub(super) struct ComparisonReport {
    pub(super) reference: InspectionReport,
    pub(super) probe: InspectionReport,
    #[serde(flatten)]
    pub(super) verification: Verification,
}

/// The answer to `face inspect`.
#[derive(Serialize)]
pub(super) struct InspectionReport {
    picture: String,
    attack_threshold: f32,
    #[serde(flatten)]
    inspection: Inspection,
}

/// Writes `report` as one JSON document.
pub(super) fn json(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}

impl ComparisonReport {
    /// Writes it for people.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.reference.write_faces(out)?;
        self.probe.write_faces(out)?;
        let v = &self.verification;
        let same = v.outcome == Outcome::Match;
        writeln!(
            out,
            "similarity {:.3}, threshold {:.3} ({})",
            v.similarity, v.threshold, v.model_set
        )?;
        writeln!(out, "{}", if same { "same person" } else { "different people" })?;
        steps(&v.steps, out)
    }
}

impl InspectionReport {
    /// What was found in the file at `path`.
    pub(super) fn new(path: &Path, inspection: Inspection, attack_threshold: f32) -> Self {
        Self { picture: path.display().to_string(), attack_threshold, inspection }
    }

    /// Writes it for people.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_faces(out)?;
        steps(&self.inspection.steps, out)
    }

    fn write_faces(&self, out: &mut impl Write) -> io::Result<()> {
        let Inspection { width, height, faces, .. } = &self.inspection;
        writeln!(out, "{}: {width}×{height} pixels, faces: {}", self.picture, faces.len())?;
        faces.iter().enumerate().try_for_each(|(index, face)| self.write_face(index + 1, face, out))
    }

    fn write_face(
        &self,
        number: usize,
        found: &InspectedFace,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let (b, q) = (found.face.bounding_box, &found.quality);
        writeln!(
            out,
            "  face {number}: {:.0}×{:.0} pixels at {:.0},{:.0}, certainty {:.2}",
            b.width, b.height, b.left, b.top, found.face.score
        )?;
        write!(out, "    landmarks:")?;
        let names = ["right eye", "left eye", "nose", "mouth right", "mouth left"];
        for (name, point) in names.iter().zip(found.face.landmarks.points()) {
            write!(out, " {name} {:.0},{:.0};", point.x, point.y)?;
        }
        let hint = found.hint.map_or_else(|| "good".to_owned(), |hint| hint.to_string());
        writeln!(
            out,
            "\n    quality: {hint} (eyes {:.0} pixels apart, sharpness {:.3}, brightness {:.0}, contrast {:.0}, \
             unevenness {:.2}, yaw {:.0}°, roll {:.0}°)",
            q.eye_distance, q.sharpness, q.brightness, q.contrast, q.unevenness, q.yaw, q.roll
        )?;
        let worn = if found.mask_worn { "worn" } else { "none" };
        writeln!(out, "    mask: {worn} ({:.3})", found.mask_score)?;
        let living = found.attack_score >= self.attack_threshold;
        let liveness = if living { "bona fide" } else { "presentation attack" };
        writeln!(
            out,
            "    liveness: {liveness} ({:.3}, threshold {:.2})",
            found.attack_score, self.attack_threshold
        )
    }
}

fn steps(steps: &[Step], out: &mut impl Write) -> io::Result<()> {
    write!(out, "time:")?;
    for step in steps {
        let (whole, part) = (step.micros / 1000, step.micros % 1000 / 100);
        write!(out, " {} {whole}.{part} ms;", step.name)?;
    }
    writeln!(out)
}
