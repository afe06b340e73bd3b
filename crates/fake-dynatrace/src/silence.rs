//! The many ways in which the tenant says that it has no data.

/// One way to answer that there is no data. Each belongs to one API version and
/// leaves the other as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoDataShape {
    /// v2: the metric is missing from the result.
    EmptyResult,
    /// v2: the metric has no series.
    EmptyData,
    /// v2: there is a series without points.
    EmptySeries,
    /// v2: there is a point whose value is null.
    NullValue,
    /// v1: the entity is missing from the data points.
    Absent,
    /// v1: the entity has an empty list of points.
    EmptyList,
    /// v1: the entity has one point whose value is null.
    NullPoint,
}

/// The shape in use per API version. Until a test pins one, the shapes take
/// turns, so that a client that knows only some of them is found out.
#[derive(Default)]
pub(super) struct Silence {
    v2: Option<NoDataShape>,
    v1: Option<NoDataShape>,
    turn: usize,
}

impl Silence {
    pub(super) fn pin(&mut self, shape: NoDataShape) {
        if V2.contains(&shape) {
            self.v2 = Some(shape);
        } else {
            self.v1 = Some(shape);
        }
    }

    pub(super) fn next_v2(&mut self) -> NoDataShape {
        self.v2.unwrap_or_else(|| self.next_of(&V2))
    }

    pub(super) fn next_v1(&mut self) -> NoDataShape {
        self.v1.unwrap_or_else(|| self.next_of(&V1))
    }

    fn next_of(&mut self, shapes: &[NoDataShape]) -> NoDataShape {
        let shape = shapes[self.turn % shapes.len()];
        self.turn = self.turn.wrapping_add(1);
        shape
    }
}

const V2: [NoDataShape; 4] = [
    NoDataShape::EmptyResult,
    NoDataShape::EmptyData,
    NoDataShape::EmptySeries,
    NoDataShape::NullValue,
];

const V1: [NoDataShape; 3] = [
    NoDataShape::Absent,
    NoDataShape::EmptyList,
    NoDataShape::NullPoint,
];
