//! What stands before each of Civic's endpoints: it has faults befall a call, and writes it down.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use super::scenario::CivicPassEndpoint;
use super::stop::CallSide;
use super::world::NOBODY;
use crate::handle::SandboxHandle;
use crate::troubled::befall;
use crate::wire::Wire;

/// The endpoint at a path, and the request that it is about.
fn endpoint_at(path: &str) -> Option<(CivicPassEndpoint, String)> {
    let path = path.strip_prefix("/civic-pass/")?;
    let mut parts = path.split('/');
    // An id that is a URL may come encoded.
    let last = path.rsplit('/').next().unwrap_or_default();
    let last = last.rsplit("%2F").next().unwrap_or_default();
    let (endpoint, whom) = match parts.next()? {
        "oauth" => (CivicPassEndpoint::Token, NOBODY),
        "verify" | "sip" => (CivicPassEndpoint::Request, last),
        "storage" => (CivicPassEndpoint::Storage, parts.next()?),
        _ => {
            let id = parts.nth(1)?;
            let endpoint = match parts.next() {
                None => CivicPassEndpoint::Request,
                Some("status") => CivicPassEndpoint::Decision,
                Some(_) => CivicPassEndpoint::Evidence,
            };
            (endpoint, id)
        }
    };
    Some((endpoint, whom.to_owned()))
}

/// Passes a call on to its endpoint, with what goes wrong with it.
pub async fn witness(
    State(sandbox): State<SandboxHandle>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
    next: Next,
) -> Response {
    let Some((endpoint, whom)) = endpoint_at(request.uri().path()) else {
        return next.run(request).await;
    };
    let civic_pass = &sandbox.0.civic_pass;
    let bearer = request.headers().contains_key(header::AUTHORIZATION);
    let (trouble, is_down, side) = civic_pass.change(|world, now| {
        if world.is_down(now) {
            return (None, true, None);
        }
        let side = world.stops.side(endpoint);
        (world.trouble(endpoint, &whom), false, side)
    });
    // Written down before it is kept standing: it is never answered.
    let stands = |side| {
        civic_pass.change(|world, now| {
            let stands = world.stops.stands(endpoint, side);
            if stands {
                world.note(endpoint, &whom, None, bearer, now);
            }
            stands
        })
    };
    let response = match side {
        _ if is_down => wire.cut(),
        Some(CallSide::Before) if stands(CallSide::Before) => return stand(&sandbox, &wire).await,
        Some(CallSide::After) => {
            let response = next.run(request).await;
            if response.status().is_success() && stands(CallSide::After) {
                return stand(&sandbox, &wire).await;
            }
            response
        }
        _ => {
            let go_down = |seconds| civic_pass.change(|world, now| world.go_down(seconds, now));
            befall(trouble, &sandbox.0, &wire, go_down, next.run(request)).await
        }
    };
    let code = (!wire.is_cut()).then(|| response.status().as_u16());
    civic_pass.change(|world, now| world.note(endpoint, &whom, code, bearer, now));
    response
}

/// Never answers: until whoever calls gives up, is gone, or the sandbox closes.
async fn stand(sandbox: &SandboxHandle, wire: &Wire) -> Response {
    sandbox.0.closed().await;
    wire.cut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_of_an_endpoint_and_about_a_request() {
        use CivicPassEndpoint as At;
        for (path, endpoint, whom) in [
            ("oauth/token", At::Token, NOBODY),
            ("partner/piirequest/a1", At::Request, "a1"),
            ("partner/piirequest/a1/status", At::Decision, "a1"),
            ("partner/piirequest/a1/evidence/x", At::Evidence, "a1"),
            ("verify/a1", At::Request, "a1"),
            ("verify/http://h/sip/v3/scopeRequest/a1", At::Request, "a1"),
            ("verify/http%3A%2F%2Fh%2Fsip%2Fa1", At::Request, "a1"),
            ("sip/v3/scopeRequest/a1", At::Request, "a1"),
            ("storage/a1/x", At::Storage, "a1"),
        ] {
            let found = endpoint_at(&format!("/civic-pass/{path}"));
            assert_eq!(found, Some((endpoint, whom.to_owned())), "{path}");
        }
        assert_eq!(endpoint_at("/api/v1/kyc/status"), None);
    }
}
