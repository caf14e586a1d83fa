//! What the program found and did, for a person at a terminal.

mod table;

use demarcate::{BoundaryStats, Site, SiteKind};

use self::table::{Align, Table};
use crate::api::JobReport;

/// What is stored of some jobs: a line for each sitemap file, and the first warning of each.
pub fn stored(reports: &[&JobReport]) -> String {
    let mut table = Table::new(&[
        ("job", Align::Right),
        ("sitemap", Align::Left),
        ("kind", Align::Left),
        ("bytes", Align::Right),
        ("warnings", Align::Right),
        ("URLs", Align::Right),
    ]);
    for report in reports {
        for file in &report.files {
            let packed = if file.gzipped { ", gzipped" } else { "" };
            table.row([
                report.job.id.to_string(),
                file.address.clone(),
                format!("{}{packed}", file.kind),
                file.bytes.to_string(),
                file.warnings.to_string(),
                file.urls.to_string(),
            ]);
        }
    }
    let files = reports.iter().flat_map(|report| &report.files);
    let warnings = files.filter_map(|file| {
        let warning = file.warning.as_deref()?;
        let name = file.address.rsplit('/').next().unwrap_or_default();
        Some(wrapped("note", &format!("{name}: {warning}")))
    });
    let warnings: String = warnings.collect();
    let gap = if warnings.is_empty() { "" } else { "\n" };
    format!("{table}{gap}{warnings}")
}

/// Why a job failed.
pub fn failure(report: &JobReport) -> String {
    let reason = report.job.error.as_deref();
    wrapped(
        &format!("job {}", report.job.id),
        reason.unwrap_or("it does not say why"),
    )
}

/// What each boundary did: a line for each.
pub fn boundaries(stats: &[(Site, BoundaryStats)]) -> String {
    let mut table = Table::new(&[
        ("boundary", Align::Left),
        ("where", Align::Left),
        ("commits", Align::Right),
        ("rollbacks", Align::Right),
        ("statements", Align::Right),
        ("round trips", Align::Right),
    ]);
    for (site, stats) in stats {
        let recording = if site.kind() == SiteKind::OnError {
            ", on error"
        } else {
            ""
        };
        let file = site
            .file()
            .strip_prefix("examples/sitemap/")
            .unwrap_or(site.file());
        table.row([
            format!("{}{recording}", site.name()),
            format!("{file}:{}", site.line()),
            stats.committed.to_string(),
            stats.rolled_back.to_string(),
            stats.statements.to_string(),
            stats.round_trips.to_string(),
        ]);
    }
    table.to_string()
}

/// A text under a name, broken at its blanks, so that a terminal does not break it in a word.
pub fn wrapped(name: &str, text: &str) -> String {
    const WIDTH: usize = 88;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    let lines = names.zip(&lines);
    lines
        .map(|(name, line)| format!("  {name:<5}  {line}\n"))
        .collect()
}
