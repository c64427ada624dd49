//! The pages: what is answered where.

use super::guard::Guard;
use super::look::Office;
use super::{Snapshot, exposition, metrics, operate};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// All pages.
pub(super) fn router(office: Office) -> Router {
    Router::new()
        .route("/", get(contents))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/stats", get(stats))
        .route("/api/operate/{act}", post(operate::operate))
        .with_state(Arc::new(office))
}

/// The pages, for whom `guard` lets in.
pub(super) fn guarded(pages: Router, guard: Guard) -> Router {
    let check = async |State(guard): State<Guard>, request: Request, next: Next| match guard
        .refusal(request.headers())
    {
        None => next.run(request).await,
        Some((status, text)) => refuse(status, text),
    };
    pages.layer(middleware::from_fn_with_state(guard, check))
}

fn refuse(status: StatusCode, text: &'static str) -> Response {
    let mut response = answer(status, TEXT, text.to_owned());
    if status == StatusCode::UNAUTHORIZED {
        let scheme = axum::http::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

/// A page of JSON.
pub(super) fn json(status: StatusCode, value: Value) -> Response {
    answer(status, JSON, format!("{value}\n"))
}

async fn contents() -> Response {
    let text = "/metrics    for Prometheus\n/healthz    whether every thread turns\n\
                /readyz     whether a client would be let in\n/api/stats  for wharf top\n\
                /api/operate/ACT    for wharf admin\n";
    answer(StatusCode::OK, TEXT, text.to_owned())
}

async fn metrics(State(office): State<Arc<Office>>) -> Response {
    let page = metrics::page(&*office.look().await);
    answer(StatusCode::OK, exposition::CONTENT_TYPE, page)
}

async fn stats(State(office): State<Arc<Office>>) -> Response {
    let snapshot = Snapshot::of(&*office.look().await);
    let json = serde_json::to_string(&snapshot).expect("plain data is JSON");
    answer(StatusCode::OK, JSON, json)
}

/// Whether it is worth keeping: a server that stops in order is.
async fn healthz(State(office): State<Arc<Office>>) -> Response {
    let troubles = office.look().await.troubles();
    if troubles.is_empty() {
        answer(StatusCode::OK, TEXT, "ok\n".to_owned())
    } else {
        answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, troubles)
    }
}

/// Whether to send it clients.
async fn readyz(State(office): State<Arc<Office>>) -> Response {
    let look = office.look().await;
    let Some((reason, detail)) = look.not_ready() else {
        let json = json!({ "ready": true });
        return answer(StatusCode::OK, JSON, format!("{json}\n"));
    };
    let json = json!({ "ready": false, "reason": reason, "detail": detail });
    answer(StatusCode::SERVICE_UNAVAILABLE, JSON, format!("{json}\n"))
}
