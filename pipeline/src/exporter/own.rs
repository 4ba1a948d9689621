//! Gathered families of the own registry in, their text in either format out.
//!
//! The prometheus crate writes only 0.0.4, and bounds as `le="1"` where OpenMetrics wants `le="1.0"`: a series whose name hung on
//! the scraper's headers. So both are written here; a test compares with the crate's own encoder.

use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use super::accept::Format;
use super::name::{self, TOTAL};
use super::render::{float, header, header_suffix, le, whole};

/// Appends one family.
pub(super) fn encode(family: &MetricFamily, format: Format, out: &mut Vec<u8>) {
    let kind = family.get_field_type();
    let (base, word) = match kind {
        MetricType::COUNTER => (name::counter_base(family.name()), "counter"),
        MetricType::GAUGE => (family.name(), "gauge"),
        MetricType::HISTOGRAM => (family.name(), "histogram"),
        MetricType::SUMMARY => (family.name(), "summary"),
        // The crate makes none; its own encoder gives up on them.
        MetricType::UNTYPED => return,
    };
    let suffix = match kind {
        MetricType::COUNTER => header_suffix(format),
        _ => "",
    };
    header(base, suffix, word, family.help(), out);
    for metric in family.get_metric() {
        let labels = metric.get_label();
        let mut line = |suffix: &str, extra: Option<(&str, f64)>, write: &dyn Fn(&mut Vec<u8>)| {
            out.extend_from_slice(base.as_bytes());
            out.extend_from_slice(suffix.as_bytes());
            write_labels(labels, extra, out);
            out.push(b' ');
            write(out);
            out.push(b'\n');
        };
        match kind {
            MetricType::COUNTER => {
                line(TOTAL, None, &|out| {
                    float(metric.get_counter().get_value(), out)
                });
            }
            MetricType::GAUGE => line("", None, &|out| float(metric.get_gauge().get_value(), out)),
            MetricType::UNTYPED => {}
            MetricType::HISTOGRAM => {
                let histogram = metric.get_histogram();
                let count = histogram.get_sample_count();
                for bucket in histogram.get_bucket() {
                    if bucket.upper_bound() < f64::INFINITY {
                        let count = bucket.cumulative_count();
                        line("_bucket", Some(("le", bucket.upper_bound())), &|out| {
                            whole(count, out)
                        });
                    }
                }
                line("_bucket", Some(("le", f64::INFINITY)), &|out| {
                    whole(count, out)
                });
                line("_sum", None, &|out| float(histogram.get_sample_sum(), out));
                line("_count", None, &|out| whole(count, out));
            }
            MetricType::SUMMARY => {
                let summary = metric.get_summary();
                for quantile in summary.get_quantile() {
                    line("", Some(("quantile", quantile.quantile())), &|out| {
                        float(quantile.value(), out)
                    });
                }
                line("_sum", None, &|out| float(summary.sample_sum(), out));
                line("_count", None, &|out| whole(summary.sample_count(), out));
            }
        }
    }
}

fn write_labels(labels: &[LabelPair], extra: Option<(&str, f64)>, out: &mut Vec<u8>) {
    let mut open = b'{';
    for label in labels {
        let mut value = String::new();
        name::value(label.value(), &mut value);
        out.push(open);
        open = b',';
        for part in [label.name(), "=\"", &value, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if let Some((name, number)) = extra {
        out.push(open);
        open = b',';
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        le(number, out);
        out.push(b'"');
    }
    if open == b',' {
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_text_is_that_of_the_prometheus_crate_but_for_whole_bounds() {
        let metrics = Metrics::new();
        metrics.batch_lines.observe(7.0);
        metrics
            .stored_lines
            .with_label_values(&["a\"\\\nb"])
            .inc_by(3);
        let families = metrics.registry.gather();
        let mut theirs = Vec::new();
        TextEncoder::new().encode(&families, &mut theirs).unwrap();
        let mut ours = Vec::new();
        for family in &families {
            encode(family, Format::Text, &mut ours);
        }
        let ours = String::from_utf8(ours).unwrap().replace(".0\"}", "\"}");
        assert_eq!(ours, String::from_utf8(theirs).unwrap());
    }
}
