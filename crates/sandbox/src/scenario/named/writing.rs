//! How callbacks are written and signed.

use super::{NamedScenario, named};
use crate::scenario::{DataShape, Digest, Encoding, Scheme};
use crate::status::Status;

pub(super) const ALL: &[NamedScenario] = &[
    named(
        "json",
        "data and failure callbacks are sent as one JSON body",
        |s| {
            s.data_shape = DataShape::Json;
        },
    ),
    named(
        "json-as-multipart",
        "the same, under the content type of multipart",
        |s| {
            s.data_shape = DataShape::Json;
            s.json_content_type = Some("multipart/form-data; boundary=none".to_owned());
        },
    ),
    named(
        "multipart-whole",
        "they are multipart with one part that holds the JSON",
        |s| {
            s.data_shape = DataShape::MultipartWhole;
        },
    ),
    named("sha256", "they are digested with SHA-256", |s| {
        s.signing.digest = Digest::Sha256;
    }),
    named(
        "without-expiration",
        "their signature leaves out the expiration",
        |s| {
            s.signing.encoding = Encoding::WithoutExpiration;
        },
    ),
    named(
        "go-struct",
        "their signature is over the documentation's Go structure",
        |s| {
            s.signing.encoding = Encoding::GoStruct;
        },
    ),
    named(
        "secp256k1",
        "all callbacks carry 65-byte recoverable secp256k1 signatures",
        |s| {
            s.signing.data_scheme = Scheme::Secp256k1;
            s.signing.status_scheme = Scheme::Secp256k1;
        },
    ),
    named(
        "rotation",
        "from VALIDITY_CHECK on, callbacks are signed with the next keys",
        |s| {
            s.rotate_at = Some(Status::ValidityCheck);
        },
    ),
];
