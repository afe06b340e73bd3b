//! dynatrace
