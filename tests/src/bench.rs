//! What the benchmarks share: statistics of samples and exponents of growth.

/// The median of samples, and the quartiles around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// A quarter of the samples is below.
    pub lower: f64,
    /// Half of them are.
    pub median: f64,
    /// Three quarters are.
    pub upper: f64,
}

impl Summary {
    /// Of at least one sample, in any order.
    pub fn new(samples: impl IntoIterator<Item = f64>) -> Summary {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = (sorted.len() - 1) as f64;
        let quantile = |part: f64| {
            let place = part * last;
            let (below, above) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            below + (above - below) * place.fract()
        };
        Summary {
            lower: quantile(0.25),
            median: quantile(0.5),
            upper: quantile(0.75),
        }
    }

    /// How far apart the quartiles are, as a part of the median.
    pub fn spread(&self) -> f64 {
        (self.upper - self.lower) / self.median
    }
}

/// The exponent `e` of `cost = c * size^e` that fits best: the slope of the line through the
/// logarithms, by least squares over all sizes. Two sizes at least must differ.
pub fn exponent(costs: &[(f64, f64)]) -> f64 {
    let logarithms = costs.iter().map(|&(size, cost)| (size.ln(), cost.ln()));
    let count = costs.len() as f64;
    let (sum_x, sum_y) = logarithms
        .clone()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let products = logarithms.map(|(x, y)| {
        let from_mean = x - mean_x;
        (from_mean * (y - mean_y), from_mean * from_mean)
    });
    let (covariance, variance) = products.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    covariance / variance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_samples() {
        let summary = Summary::new([40.0, 10.0, 20.0, 30.0]);
        assert_eq!(
            summary,
            Summary {
                lower: 17.5,
                median: 25.0,
                upper: 32.5
            }
        );
        assert_eq!(summary.spread(), 0.6);
        assert_eq!(Summary::new([7.0]).spread(), 0.0);
    }

    #[test]
    fn exponents_come_out_of_powers() {
        let power = |e: f64| [1.0, 10.0, 100.0, 1000.0].map(|n: f64| (n, 3.0 * n.powf(e)));
        for e in [0.0, 1.0, 2.0] {
            assert!((exponent(&power(e)) - e).abs() < 1e-9);
        }
    }
}
