//! monspec
