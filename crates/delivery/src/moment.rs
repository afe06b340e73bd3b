//! Moments as AWS tells them: seconds with a fraction, in binary.

use aws_sdk_codedeploy::primitives::DateTime;
use jiff::Timestamp;

/// The millisecond that was meant. Cutting the fraction off would make about
/// every other moment one earlier.
pub(crate) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    let millis = (at.as_nanos() + 500_000).div_euclid(1_000_000);
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_millisecond_is_read_as_it_was_told() {
        for millis in 1_795_956_052_000..1_795_956_053_000_i64 {
            let told = format!("{}.{:03}", millis / 1_000, millis % 1_000);
            let at = DateTime::from_secs_f64(told.parse().unwrap());

            assert_eq!(timestamp(&at).unwrap().as_millisecond(), millis);
        }
    }
}
