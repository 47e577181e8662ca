//! The ratios as a plot: a bar for each row, to the left of the line at 1 where ours is less.

use crate::measure::Row;
use std::path::Path;
use svg::Document;
use svg::node::element::{Line, Rectangle, Text};

const ROW: f64 = 16.0;
const TOP: f64 = 40.0;
/// Where the axis starts, and how long a factor of ten is.
const LEFT: f64 = 430.0;
const DECADE: f64 = 110.0;
/// The axis goes from 10^-3 to 10^1.
const DECADES: [i32; 5] = [-3, -2, -1, 0, 1];

fn place(ratio: f64) -> f64 {
    let logarithm = ratio.log10().clamp(DECADES[0].into(), DECADES[4].into());
    LEFT + (logarithm - f64::from(DECADES[0])) * DECADE
}

fn text(content: impl Into<String>, x: f64, y: f64, anchor: &str) -> Text {
    Text::new(content)
        .set("x", x)
        .set("y", y)
        .set("text-anchor", anchor)
        .set("fill", "#333")
}

/// Writes the plot.
pub fn write(path: &Path, rows: &[Row]) -> std::io::Result<()> {
    let height = TOP + ROW * rows.len() as f64 + 10.0;
    let width = place(10.0) + 60.0;
    let mut document = Document::new()
        .set("viewBox", (0, 0, width as i64, height as i64))
        .set("font-family", "sans-serif")
        .set("font-size", 11)
        .add(
            Rectangle::new()
                .set("width", "100%")
                .set("height", "100%")
                .set("fill", "white"),
        )
        .add(text(
            "ours / peer; left of 1: ours is less",
            LEFT,
            14.0,
            "start",
        ));
    for exponent in DECADES {
        let ratio = 10_f64.powi(exponent);
        let x = place(ratio);
        let line = Line::new()
            .set("x1", x)
            .set("x2", x)
            .set("y1", TOP - 6.0)
            .set("y2", height - 8.0)
            .set("stroke", if exponent == 0 { "#333" } else { "#ddd" });
        document = document
            .add(line)
            .add(text(format!("{ratio}"), x, TOP - 10.0, "middle"));
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let (one, end) = (place(1.0), place(row.ratio));
        let bar = Rectangle::new()
            .set("x", one.min(end))
            .set("y", y + 2.0)
            .set("width", (end - one).abs().max(1.0))
            .set("height", ROW - 5.0)
            .set(
                "fill",
                if row.ratio <= 1.0 {
                    "#3b7dd8"
                } else {
                    "#d8703b"
                },
            );
        let (x, anchor) = if row.ratio <= 1.0 {
            (end - 4.0, "end")
        } else {
            (end + 4.0, "start")
        };
        let name = format!("{}  {}", row.name, row.peer);
        document = document
            .add(bar)
            .add(text(name, LEFT - 40.0, y + 11.0, "end"))
            .add(text(format!("{:.3}", row.ratio), x, y + 11.0, anchor));
    }
    svg::save(path, &document)
}
