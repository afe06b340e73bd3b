//! What things of this world are called.

pub(super) const VALIDATIONS: &str = "Validations";
pub(super) const LEDGER: &str = "Ledger";
pub(super) const REMEDIATIONS: &str = "Remediations";
pub(super) const FLAGS: &str = "Flags";

/// Where reports would be read.
pub const REPORT: &str = "https://report.example";

/// The address that announcements carry for healing.
pub const HEALING: &str = "https://healing.example";

pub(super) const TOKEN: &str = "/unbreakable/dynatrace-token";
pub(super) const REPORT_KEYS: &str = "/unbreakable/report-keys";
pub(super) const HOOK_SECRET: &str = "/unbreakable/result-hook-secret";
pub(super) const WEBHOOK_TOKEN: &str = "/unbreakable/webhook-token";
