//! Units, in the spelling of each API version.

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    MicroSecond,
    MilliSecond,
    Percent,
    Count,
    PerMinute,
    PerSecond,
    Byte,
    BytePerSecond,
    Unspecified,
}

impl Unit {
    /// How API v2 writes the unit.
    pub(crate) fn v2(self) -> &'static str {
        match self {
            Self::MicroSecond => "MicroSecond",
            Self::MilliSecond => "MilliSecond",
            Self::Percent => "Percent",
            Self::Count => "Count",
            Self::PerMinute => "PerMinute",
            Self::PerSecond => "PerSecond",
            Self::Byte => "Byte",
            Self::BytePerSecond => "BytePerSecond",
            Self::Unspecified => "Unspecified",
        }
    }

    /// How API v1 wrote the unit at first.
    pub(crate) fn v1_symbol(self) -> &'static str {
        match self {
            Self::MicroSecond => "µs",
            Self::MilliSecond => "ms",
            Self::Percent => "%",
            Self::Count | Self::Unspecified => "count",
            Self::PerMinute => "count/min",
            Self::PerSecond => "count/s",
            Self::Byte => "B",
            Self::BytePerSecond => "B/s",
        }
    }
}

/// The factor between two units, or nothing if they do not measure the same.
pub(crate) fn conversion(from: &str, to: &str) -> Result<Option<f64>, String> {
    let scale = |name: &str| {
        Ok(match name {
            "MicroSecond" => ("time", 1.0),
            "MilliSecond" => ("time", 1e3),
            "Second" => ("time", 1e6),
            "Minute" => ("time", 6e7),
            "Byte" => ("bytes", 1.0),
            "KiloByte" => ("bytes", 1e3),
            "MegaByte" => ("bytes", 1e6),
            "Percent" => ("percent", 1.0),
            "Count" => ("count", 1.0),
            _ => return Err(format!("No unit found using the Unit Id: '{name}'.")),
        })
    };
    let ((from_kind, from_scale), (to_kind, to_scale)) = (scale(from)?, scale(to)?);
    Ok((from_kind == to_kind).then_some(from_scale / to_scale))
}
