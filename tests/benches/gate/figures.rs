//! What was measured, as rows for people or as lines of JSON, each as soon as it
//! is known.

use std::time::Duration;

use serde_json::{Value, json};

/// What is said of a number that exceeds its budget.
const OVER: &str = "over";

/// How figures are printed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Table,
    Json,
}

/// Prints figures, and remembers which are over their budget.
pub(crate) struct Figures {
    form: Form,
    printed: usize,
    missed: Vec<String>,
}

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
    /// Calls one behind the other, or what takes as long.
    Depth(f64),
    /// Capacity of the database.
    Units(f64),
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
        Some(if over { OVER } else { "ok" })
    }

    fn row(&self) -> String {
        let budget = match self.budget {
            None => String::new(),
            Some(Budget::AtMost(most)) => most.to_string(),
            Some(Budget::TimesHello(times)) => format!("{times:.1}x"),
        };
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}x"));
        let verdict = self.verdict().unwrap_or_default();
        row(
            &self.value.to_string(),
            &ratio.unwrap_or_default(),
            &budget,
            verdict,
            &self.what,
        )
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
            Self::Depth(calls) => calls,
            Self::Units(units) => units,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Time(_) => "ms",
            Self::Bytes(_) => "MiB",
            Self::Count(_) => "",
            Self::Depth(_) => "calls",
            Self::Units(_) => "units",
        }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Depth(calls) => write!(f, "{calls:.1}"),
            _ => write!(f, "{:.1} {}", self.amount(), self.unit()),
        }
    }
}

impl Figures {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            printed: 0,
            missed: Vec::new(),
        }
    }

    #[expect(clippy::print_stdout, reason = "figures are what this prints")]
    pub(crate) fn add(&mut self, figure: &Figure) {
        if self.form == Form::Table && self.printed == 0 {
            println!("{}", row("value", "to hello", "budget", "", "figure"));
        }
        self.printed += 1;
        match self.form {
            Form::Table => println!("{}", figure.row()),
            Form::Json => println!("{}", figure.json()),
        }
        if figure.verdict() == Some(OVER) {
            self.missed.push(figure.row());
        }
    }

    /// What explains the figures around it.
    #[expect(clippy::print_stdout, reason = "figures are what this prints")]
    pub(crate) fn note(&self, note: &str) {
        match self.form {
            Form::Table => println!("{:>41}  {note}", ""),
            Form::Json => println!("{}", json!({ "note": note })),
        }
    }

    /// The rows of what is over its budget.
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }
}

fn row(value: &str, ratio: &str, budget: &str, verdict: &str, what: &str) -> String {
    format!("{value:>12}  {ratio:>8}  {budget:>9}  {verdict:<4}  {what}")
}
