//! What was measured, as a table for people or as JSON.

use std::time::Duration;

use serde_json::{Value, json};

/// Everything that was measured, in the order it was.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

/// One measured number.
pub(crate) struct Figure {
    what: String,
    value: Quantity,
    /// The same of a hello world.
    hello: Option<Quantity>,
    budget: Option<Budget>,
}

/// A number with its unit.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Quantity {
    Time(Duration),
    Bytes(u64),
    Count(usize),
}

/// What a number must not exceed.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    AtMost(Quantity),
    TimesHello(f64),
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, value: Quantity) -> Self {
        Self {
            what: what.into(),
            value,
            hello: None,
            budget: None,
        }
    }

    pub(crate) fn beside(self, hello: Quantity) -> Self {
        Self {
            hello: Some(hello),
            ..self
        }
    }

    pub(crate) fn within(self, budget: Budget) -> Self {
        Self {
            budget: Some(budget),
            ..self
        }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.value.amount() / self.hello?.amount())
    }

    fn verdict(&self) -> Option<&'static str> {
        let over = match self.budget? {
            Budget::AtMost(most) => most.amount() < self.value.amount(),
            Budget::TimesHello(times) => times < self.ratio()?,
        };
        Some(if over { "over" } else { "ok" })
    }

    fn cells(&self) -> [String; 5] {
        let budget = match self.budget {
            None => String::new(),
            Some(Budget::AtMost(most)) => most.to_string(),
            Some(Budget::TimesHello(times)) => format!("{times:.1}x"),
        };
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}x"));
        [
            self.what.clone(),
            self.value.to_string(),
            budget,
            ratio.unwrap_or_default(),
            self.verdict().unwrap_or_default().to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let (limit, times) = match self.budget {
            None => (None, None),
            Some(Budget::AtMost(most)) => (Some(most.amount()), None),
            Some(Budget::TimesHello(times)) => (None, Some(times)),
        };
        json!({
            "figure": self.what,
            "value": self.value.amount(),
            "unit": self.value.unit(),
            "ratio": self.ratio(),
            "budget": limit,
            "budgetRatio": times,
            "verdict": self.verdict(),
        })
    }
}

impl Quantity {
    fn amount(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64() * 1e3,
            Self::Bytes(bytes) => bytes as f64 / f64::from(1 << 20),
            Self::Count(count) => count as f64,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Time(_) => "ms",
            Self::Bytes(_) => "MiB",
            Self::Count(_) => "",
        }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            _ => write!(f, "{:.1} {}", self.amount(), self.unit()),
        }
    }
}

impl Figures {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    #[expect(clippy::print_stdout, reason = "the table is what this prints")]
    pub(crate) fn print_table(&self) {
        let head = ["figure", "value", "budget", "to hello", "verdict"].map(str::to_owned);
        let rows: Vec<_> = [head]
            .into_iter()
            .chain(self.0.iter().map(Figure::cells))
            .collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        for [what, value, budget, ratio, verdict] in &rows {
            let line = format!(
                "{what:<a$}  {value:>b$}  {budget:>c$}  {ratio:>d$}  {verdict}",
                a = widths[0],
                b = widths[1],
                c = widths[2],
                d = widths[3],
            );
            println!("{}", line.trim_end());
        }
    }

    #[expect(clippy::print_stdout, reason = "the figures are what this prints")]
    pub(crate) fn print_json(&self) {
        let figures: Vec<Value> = self.0.iter().map(Figure::json).collect();
        println!("{}", json!({ "figures": figures }));
    }
}
