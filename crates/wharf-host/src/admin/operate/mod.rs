//! What whoever runs the server does: `POST /api/operate/ACT`, for `wharf admin`.
//!
//! A page in a browser on the same machine could send a form here. So beside what guards every
//! page, these want a JSON body and a header that no form can send and no other site's script may.

mod answers;
mod asks;
mod fields;

use super::look::Office;
use answers::Told;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use fields::Fields;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use wharf_data::access::Error;

/// What a form cannot send; its value does not matter.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-wharf-admin");
/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long the services may take; they give up before.
const PATIENCE: Duration = Duration::from_secs(12);

/// One act, and what came of it.
pub(super) async fn operate(
    State(office): State<Arc<Office>>,
    Path(act): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    match run(&office, &act, &head.headers, body).await {
        Ok(told) => super::pages::json(StatusCode::OK, told.0),
        Err(refused) => super::pages::json(refused.status, refused.told.0),
    }
}

/// Why nothing was done.
struct Refused {
    status: StatusCode,
    told: Told,
}

impl Refused {
    fn new(status: StatusCode, code: &str, text: &str) -> Self {
        let told = Told::error(code, text);
        Self { status, told }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            status: answers::status_of(&error),
            told: Told::refusal(&error),
        }
    }
}

async fn run(office: &Office, act: &str, headers: &HeaderMap, body: Body) -> Result<Told, Refused> {
    if !is_json(headers) {
        let text = "Content-Type: application/json is needed";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refused::new(status, "content-type", text));
    }
    if !headers.contains_key(HEADER) {
        let text = "the header X-Wharf-Admin is needed, which a page elsewhere cannot send";
        return Err(Refused::new(StatusCode::FORBIDDEN, "header", text));
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        let text = format!("a body has at most {BODY_BYTES_MAX} bytes");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Refused::new(status, "too-large", &text));
    };
    let fields = Fields::read(&body)?;
    let Some(request) = asks::request(act, fields, unix_ms())? else {
        let text = format!("there is no act {act:?}");
        return Err(Refused::new(StatusCode::NOT_FOUND, "no-such-act", &text));
    };
    let (name, whom, only_looks) = (request.name(), request.target(), request.only_looks());
    let (give, answer) = oneshot::channel();
    let give = Box::new(move |outcome| {
        // Whoever asked may have gone.
        let _ = give.send(outcome);
    });
    office.services().operate(request, give);
    let outcome = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(outcome)) => outcome,
        // They do not answer in time, or have ended.
        Ok(Err(_)) | Err(_) => Err(Error::Unavailable),
    };
    match &outcome {
        _ if only_looks => tracing::debug!(act = name, whom, "an operator looks"),
        Ok(_) => tracing::info!(act = name, whom, "an operator acts"),
        Err(error) => tracing::info!(act = name, whom, %error, "an operator's act was refused"),
    }
    Ok(Told::outcome(outcome?))
}

/// Whether the body is said to be JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return false;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis() as i64
}
