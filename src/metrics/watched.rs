//! Metrics whose values other parts of the server hold. They are read when the metrics are rendered.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The value only grows while the process runs.
    Counter,
    /// The value goes up and down.
    Gauge,
}

/// A value of a metric; `None` if there is no value at present.
pub trait Reading {
    /// The value for Prometheus. Above 2^53 it is the nearest number that a double can represent.
    fn reading(self) -> Option<f64>;
}

impl Reading for f64 {
    fn reading(self) -> Option<f64> {
        Some(self)
    }
}

impl Reading for u64 {
    fn reading(self) -> Option<f64> {
        // There is no lossless conversion in the standard library, and casts are not allowed.
        let halves = [self >> 32, self & u64::from(u32::MAX)].map(u32::try_from);
        let [Ok(high), Ok(low)] = halves else { return None };
        Some(f64::from(high) * 4_294_967_296.0 + f64::from(low))
    }
}

impl Reading for usize {
    fn reading(self) -> Option<f64> {
        u64::try_from(self).ok()?.reading()
    }
}

impl Reading for i64 {
    fn reading(self) -> Option<f64> {
        let size = self.unsigned_abs().reading()?;
        Some(if self < 0 { -size } else { size })
    }
}

impl<R: Reading> Reading for Option<R> {
    fn reading(self) -> Option<f64> {
        self?.reading()
    }
}

/// A metric whose value is read when the metrics are rendered.
pub(super) struct Watched {
    kind: Kind,
    desc: Desc,
    read: Box<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl Watched {
    pub(super) fn new(
        kind: Kind,
        name: &str,
        help: &str,
        read: Box<dyn Fn() -> Option<f64> + Send + Sync>,
    ) -> Result<Self, prometheus::Error> {
        Ok(Self { kind, desc: Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new())?, read })
    }
}

impl Collector for Watched {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(value) = (self.read)() else { return Vec::new() };
        let mut metric = Metric::default();
        let mut family = MetricFamily::default();
        match self.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
                family.set_field_type(MetricType::COUNTER);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
                family.set_field_type(MetricType::GAUGE);
            }
        }
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_metric(vec![metric]);
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_they_are() {
        assert_eq!(0_u64.reading(), Some(0.0));
        assert_eq!(4_294_967_297_u64.reading(), Some(4_294_967_297.0));
        assert_eq!((1_u64 << 53).reading(), Some(9_007_199_254_740_992.0));
        assert_eq!((-3_i64).reading(), Some(-3.0));
        assert_eq!(i64::MIN.reading(), Some(-9_223_372_036_854_775_808.0));
        assert_eq!(None::<u64>.reading(), None);
    }
}
