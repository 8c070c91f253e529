//! Who calls. Until callers are authenticated, everybody is anonymous but an operator, for whom the
//! system vouches.

use tonic::Request;
use verilane_core::Principal;

use crate::connection::Connection;

/// The principal of a call.
pub(crate) fn principal<T>(_request: &Request<T>) -> Principal {
    Principal::anonymous()
}

/// The principal of an operator's call.
pub(crate) fn operator<T>(request: &Request<T>) -> Principal {
    let connection = request.extensions().get::<Connection>();
    match connection.and_then(|connection| connection.user) {
        Some(user) => Principal::new(&format!("operator:{}", user.0)),
        None => Principal::new("operator"),
    }
}
