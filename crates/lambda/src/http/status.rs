//! How a request ended, and the number that HTTP has for it: the one place where
//! either is written.

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done, was so already, or here it is.
    Done,
    /// It has begun.
    Begun,
    /// It is done, and there is nothing to say.
    Silent,
    /// Whoever asks has the answer already.
    Known,
    /// It makes no sense.
    Bad,
    /// Nobody knows who asks.
    Unknown,
    /// Whoever asks may not.
    Forbidden,
    /// There is no such thing.
    Nowhere,
    /// It cannot be done here in this way.
    Method,
    /// Something else was done meanwhile.
    Conflict,
    /// It, or its answer, is too long.
    TooLong,
    /// It is written in something else.
    Content,
    /// It comes too often.
    TooOften,
    /// The function itself is broken.
    Defect,
    /// Another service refused what was needed for it.
    Upstream,
    /// Something it needs is broken or not there yet; it may be sent again.
    Unavailable,
}

impl Status {
    /// The number.
    pub fn code(self) -> u16 {
        match self {
            Self::Done => 200,
            Self::Begun => 202,
            Self::Silent => 204,
            Self::Known => 304,
            Self::Bad => 400,
            Self::Unknown => 401,
            Self::Forbidden => 403,
            Self::Nowhere => 404,
            Self::Method => 405,
            Self::Conflict => 409,
            Self::TooLong => 413,
            Self::Content => 415,
            Self::TooOften => 429,
            Self::Defect => 500,
            Self::Upstream => 502,
            Self::Unavailable => 503,
        }
    }
}
