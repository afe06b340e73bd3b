//! One evaluation.

use futures_util::future::join;
use release::link::Scope;
use release::validation::ValidationId;
use report::{Evaluation, Trouble, json, junit, page};

use super::route::Shape;
use super::{Document, Ended, Reading};

impl Reading<'_> {
    pub(super) async fn evaluation(
        &self,
        id: ValidationId,
        shape: Shape,
    ) -> Result<Document, Ended> {
        let until = self.open(Scope::Evaluation(id))?;
        let shape = self.of_today(shape)?;
        let (found, stopped) = join(
            Box::pin(self.services.validations.evaluated(id)),
            self.stopped(),
        )
        .await;
        let Some(found) = found? else {
            return Err(Ended::Trouble(Trouble::NotFound));
        };
        let addresses = self.addresses(until);
        let registration = &found.validation.registration;
        let evaluation = Evaluation {
            validation: &found.validation,
            evidence: found.evidence.as_ref(),
            spec: found.spec.as_deref(),
            history: Some(&addresses.history(&registration.pipeline, &registration.comparison)),
            json: Some(&addresses.evaluation_json(id)),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        Ok(match shape {
            Shape::Page => Document::page(page::evaluation(&frame, &evaluation)),
            Shape::Junit => Document::junit(junit::junit(&evaluation)),
            Shape::Json | Shape::Svg => Document::json(json::evaluation(&frame, &evaluation)),
        })
    }
}
