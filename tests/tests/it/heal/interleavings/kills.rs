//! Where workers die: behind which of their calls.

use std::cell::RefCell;
use std::pin::pin;
use std::task::Poll;

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use futures_util::future::poll_fn;

thread_local! {
    /// The last call of the process that is running now.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes the calls of a client for the process that makes them.
#[derive(Debug)]
pub(super) struct Calls;

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or("S3");
        let operation = target.rsplit('.').next().unwrap_or(target);
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body);
        let mut call = operation.to_owned();
        for table in ["ledger", "remediations", "flags"] {
            if body.contains(&format!("\"{table}\"")) {
                call = format!("{call} {table}");
            }
        }
        LAST.set(call);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        _: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        LAST.with_borrow_mut(|last| {
            if !last.ends_with(ANSWERED) {
                last.push_str(ANSWERED);
            }
        });
        Ok(())
    }
}

const ANSWERED: &str = ", answered";

/// Lets a process take so many steps, and drops it wherever it is by then, as a
/// kill does: what it had called last. One without a number comes to its end.
pub(super) async fn killed_after<T>(
    steps: Option<u32>,
    work: impl Future<Output = T>,
) -> Result<T, String> {
    let mut work = pin!(work);
    let mut left = steps;
    let mut last = String::new();
    poll_fn(|context| {
        match &mut left {
            Some(0) => return Poll::Ready(Err(std::mem::take(&mut last))),
            Some(left) => *left -= 1,
            None => {}
        }
        LAST.set(std::mem::take(&mut last));
        let polled = work.as_mut().poll(context).map(Ok);
        last = LAST.take();
        polled
    })
    .await
}
