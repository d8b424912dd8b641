//! Detection error trade-off curves as SVG, on logarithmic axes; text is left to the reader's own fonts.
use plotters::prelude::*;

use crate::conditions::Curve;

const SIZE: (u32, u32) = (760, 460);
/// Rates below are drawn at the edge.
const LEAST_FALSE_MATCH: f64 = 1e-6;
const LEAST_FALSE_NON_MATCH: f64 = 1e-3;
/// Told apart also by people with another colour vision (Okabe and Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// The curves in one drawing; none where it cannot be drawn.
pub(super) fn det(curves: &[&Curve], aim: f64) -> Option<String> {
    let mut svg = String::new();
    draw(curves, aim, &mut svg).ok()?;
    Some(svg)
}

fn draw(curves: &[&Curve], aim: f64, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let font = || ("sans-serif", 14).into_font();
    let axes = (LEAST_FALSE_MATCH..1.0).log_scale();
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(66)
        .build_cartesian_2d(axes, (LEAST_FALSE_NON_MATCH..1.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("false match rate")
        .y_desc("false non-match rate")
        .label_style(font())
        .axis_desc_style(font())
        .x_label_formatter(&|rate| power(*rate))
        .y_label_formatter(&|rate| format!("{} %", plain(rate * 100.0)))
        .light_line_style(RGBColor(240, 240, 240))
        .draw()?;
    let aimed = [(aim, LEAST_FALSE_NON_MATCH), (aim, 1.0)];
    chart.draw_series(LineSeries::new(aimed, RGBColor(150, 150, 150)))?;
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points = curve.points.iter().map(|p| {
            let wrong = p.false_match_rate.clamp(LEAST_FALSE_MATCH, 1.0);
            (wrong, p.false_non_match_rate.clamp(LEAST_FALSE_NON_MATCH, 1.0))
        });
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(curve.probes.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(RGBColor(200, 200, 200))
        .label_font(font())
        .draw()?;
    area.present()?;
    Ok(())
}

/// `1e-4` for 0.0001.
fn power(rate: f64) -> String {
    if rate >= 0.999 { "1".to_owned() } else { format!("1e{:.0}", rate.log10()) }
}

/// Without trailing zeros.
fn plain(percent: f64) -> String {
    let text = format!("{percent:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
