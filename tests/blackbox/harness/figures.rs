//! A strict parser of Prometheus' text format 0.0.4: it fails where a lenient parser would not.

use std::collections::{BTreeMap, BTreeSet};

use super::Client;

/// One time series: its name and its labels.
type Series = (String, BTreeMap<String, String>);

/// The metrics of one request to `/metrics`.
pub struct Figures {
    pub text: String,
    samples: BTreeMap<Series, f64>,
}

impl Figures {
    pub fn read(probe: &Client) -> Self {
        let answer = probe.get("/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
        Self::parse(String::from_utf8(answer.body).unwrap())
    }

    fn parse(text: String) -> Self {
        assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'));
        let mut samples = BTreeMap::new();
        let mut families = BTreeSet::new();
        let mut helped = None;
        // Name and type of the family that the lines belong to.
        let mut family: Option<(String, String)> = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty() && families.insert(name.to_owned()), "{line}");
                helped = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(helped.take().as_deref(), Some(name), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                family = Some((name.to_owned(), kind.to_owned()));
            } else {
                let (series, value) = sample(line);
                let (name, kind) = family.as_ref().unwrap();
                let suffix = series.0.strip_prefix(name.as_str()).unwrap_or_else(|| panic!("{line}"));
                let allowed: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(allowed.contains(&suffix), "{line}");
                assert_eq!(suffix == "_bucket", series.1.contains_key("le"), "{line}");
                assert!(kind == "gauge" || value >= 0.0, "{line}");
                assert!(samples.insert(series, value).is_none(), "twice: {line}");
            }
        }
        assert!(helped.is_none());
        let figures = Self { text, samples };
        figures.check_histograms();
        figures
    }

    /// Checks that the buckets do not decrease, and that the last one is the count.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<Series, Vec<(f64, f64)>> = BTreeMap::new();
        for ((name, labels), value) in &self.samples {
            if let Some(name) = name.strip_suffix("_bucket") {
                let mut labels = labels.clone();
                let bound = number(&labels.remove("le").unwrap());
                buckets.entry((name.to_owned(), labels)).or_default().push((bound, *value));
            }
        }
        assert!(!buckets.is_empty());
        for ((name, labels), mut buckets) in buckets {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1), "{name} {labels:?}");
            let count = self.samples[&(format!("{name}_count"), labels.clone())];
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{name} {labels:?}");
            assert!(self.samples.contains_key(&(format!("{name}_sum"), labels)));
        }
    }

    /// The sum of all series of the name that have these labels; `None` if there is none.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let matches = |(own, all): &&Series| {
            own == name && labels.iter().all(|(label, value)| all.get(*label).is_some_and(|own| own == value))
        };
        let found: Vec<f64> =
            self.samples.iter().filter(|(series, _)| matches(series)).map(|(_, value)| *value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// Returns the sum of all series of the name that have these labels; 0 if there is none.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_default()
    }

    /// Every value of a label of this name.
    pub fn values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.keys().filter_map(|(_, labels)| labels.get(label)).map(String::as_str).collect()
    }

    /// Every label and value.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.samples.keys().flat_map(|(_, labels)| labels).map(|(label, value)| (label.as_str(), value.as_str()))
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic()) && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => {
            assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b".e-".contains(&byte)), "{text}");
            text.parse().unwrap()
        }
    }
}

/// `name{label="value",...} number`; no value here needs an escape.
fn sample(line: &str) -> (Series, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    assert!(is_name(name), "{line}");
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
    let mut found = BTreeMap::new();
    for pair in labels.split(',').filter(|_| !labels.is_empty()) {
        let (label, value) = pair.split_once('=').unwrap();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
        assert!(is_name(label) && !value.is_empty() && !value.contains(['"', '\\']), "{line}");
        assert!(found.insert(label.to_owned(), value.to_owned()).is_none(), "{line}");
    }
    ((name.to_owned(), found), number(value))
}
