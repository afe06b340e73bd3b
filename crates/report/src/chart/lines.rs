//! What connects the builds of a chart.

use std::fmt::{Arguments, Write as _};

use super::Point;

/// From the top of the picture to its highest line.
pub(super) const TOP: f64 = 8.0;
/// Between the highest and the lowest line.
pub(super) const HEIGHT: f64 = 168.0;
/// The width that lines are drawn on before they are stretched.
pub(super) const WIDTH: f64 = 1000.0;

/// The paths of a chart.
pub(super) struct Lines {
    /// Connects observations that follow each other; a gap breaks it.
    pub(super) observation: String,
    pub(super) baseline: Steps,
    pub(super) upper_limit: Steps,
    pub(super) lower_limit: Steps,
}

/// A level per build. Neighbours are joined by steps, and a gap stays one.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) line: String,
    /// What lies between the line and the edge.
    pub(super) area: String,
    edge: String,
    level: Option<String>,
}

impl Lines {
    pub(super) fn of(points: &[Point<'_>], y: impl Fn(f64) -> f64) -> Self {
        let mut lines = Self {
            observation: String::new(),
            baseline: Steps::towards(TOP),
            upper_limit: Steps::towards(TOP),
            lower_limit: Steps::towards(TOP + HEIGHT),
        };
        let mut connected = false;
        for (index, point) in points.iter().enumerate() {
            let x = |part| pixel(WIDTH * slot(index, points.len(), part));
            let level = |number: Option<f64>| number.map(|number| pixel(y(number)));
            let plotted = point.plotted;

            let observation = level(plotted.and_then(|plotted| plotted.observation));
            if let Some(level) = &observation {
                let command = if connected { 'L' } else { 'M' };
                draw(
                    &mut lines.observation,
                    format_args!("{command}{} {level}", x(0.5)),
                );
            }
            connected = observation.is_some();

            let (left, right) = (x(0.0), x(1.0));
            let step = |steps: &mut Steps, number| steps.step(&left, &right, level(number));
            step(
                &mut lines.baseline,
                plotted.and_then(|plotted| plotted.baseline),
            );
            step(
                &mut lines.upper_limit,
                plotted.and_then(|plotted| plotted.upper_limit),
            );
            step(
                &mut lines.lower_limit,
                plotted.and_then(|plotted| plotted.lower_limit),
            );
        }
        for steps in [
            &mut lines.baseline,
            &mut lines.upper_limit,
            &mut lines.lower_limit,
        ] {
            steps.end();
        }
        lines
    }
}

impl Steps {
    fn towards(edge: f64) -> Self {
        Self {
            edge: pixel(edge),
            ..Self::default()
        }
    }

    fn step(&mut self, left: &str, right: &str, level: Option<String>) {
        let Some(level) = level else {
            self.end();
            return;
        };
        match &self.level {
            None => {
                draw(&mut self.line, format_args!("M{left} {level}H{right}"));
                draw(
                    &mut self.area,
                    format_args!("M{left} {}V{level}H{right}", self.edge),
                );
            }
            Some(before) => {
                for path in [&mut self.line, &mut self.area] {
                    if *before != level {
                        draw(path, format_args!("V{level}"));
                    }
                    draw(path, format_args!("H{right}"));
                }
            }
        }
        self.level = Some(level);
    }

    fn end(&mut self) {
        if self.level.take().is_some() {
            draw(&mut self.area, format_args!("V{}z", self.edge));
        }
    }
}

/// The place of a build on the axis, from 0 to 1; `part` is how far into it.
pub(super) fn slot(index: usize, builds: usize, part: f64) -> f64 {
    (index as f64 + part) / builds.max(1) as f64
}

/// A tenth of a pixel is not seen.
pub(super) fn pixel(number: f64) -> String {
    let text = format!("{number:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn draw(path: &mut String, command: Arguments<'_>) {
    path.write_fmt(command)
        .expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(levels: &[Option<&str>]) -> Steps {
        let mut steps = Steps::towards(8.0);
        for (index, level) in levels.iter().enumerate() {
            let (left, right) = (index.to_string(), (index + 1).to_string());
            steps.step(&left, &right, level.map(str::to_owned));
        }
        steps.end();
        steps
    }

    #[test]
    fn neighbours_are_joined_and_gaps_are_not_bridged() {
        let steps = steps(&[Some("50"), Some("50"), Some("60"), None, Some("70")]);

        assert_eq!(steps.line, "M0 50H1H2V60H3M4 70H5");
        assert_eq!(steps.area, "M0 8V50H1H2V60H3V8zM4 8V70H5V8z");
    }

    #[test]
    fn line_without_a_number_is_empty() {
        let steps = steps(&[None, None]);

        assert_eq!((steps.line.as_str(), steps.area.as_str()), ("", ""));
    }
}
