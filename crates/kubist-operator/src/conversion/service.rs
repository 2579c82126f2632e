//! The converter as a service of HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower::{BoxError, Service};

use super::{Converter, ReviewError};

impl<B> Service<Request<B>> for Converter
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let converter = self.clone();
        Box::pin(async move { Ok(respond(&converter, request).await) })
    }
}

async fn respond<B>(converter: &Converter, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Error: Into<BoxError>>,
{
    if request.method() != Method::POST {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "a ConversionReview is posted");
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !request.headers().get(CONTENT_TYPE).is_none_or(is_json) {
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a ConversionReview is JSON");
    }
    let body = match Limited::new(request.into_body(), converter.body_limit)
        .collect()
        .await
    {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let limit = converter.body_limit;
            tracing::warn!(limit, "a ConversionReview is larger than the limit");
            let message = format!("the ConversionReview is larger than {limit} bytes");
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, &message);
        }
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "the body broke off"),
    };
    match converter.answer(body).await {
        Ok(answer) => response(StatusCode::OK, "application/json", answer),
        Err(error) => {
            tracing::warn!(%error, "a ConversionReview cannot be answered");
            let status = match error {
                ReviewError::Encode(_) | ReviewError::Interrupted => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            refusal(status, &error.to_string())
        }
    }
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn refusal(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", format!("{message}\n"))
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
