//! What the rest of the workspace relies on in the generated code.

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

use crate::{ADMIN_FILE_DESCRIPTOR_SET, FILE_DESCRIPTOR_SET, SharedMessage, admin, v1};

fn methods() -> (DescriptorPool, Vec<MethodDescriptor>) {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let methods = pool.services().flat_map(|service| {
        let methods: Vec<_> = service.methods().collect();
        methods
    });
    let methods = methods.collect();
    (pool, methods)
}

fn event() -> v1::Event {
    v1::Event {
        sequence: 7,
        verification_id: "018bcfe5-0000-7000-8000-000000000001".to_owned(),
        revision: 3,
        state_after: v1::State::Processing.into(),
        provider_status: "ACCEPTED".to_owned(),
        tx_hash: "0xd90eb185".to_owned(),
        ..Default::default()
    }
}

#[test]
fn an_events_bytes_and_a_token_make_a_watch_response_of_either_stream() {
    let head = v1::WatchVerificationResponse {
        item: Some(v1::watch_verification_response::Item::Event(event())),
        resume_token: String::new(),
    };
    let tail = v1::WatchVerificationsResponse {
        item: None,
        resume_token: "opaque".to_owned(),
    };
    let shared = SharedMessage::new(head.encode_to_vec().into(), tail.encode_to_vec().into());
    let bytes = shared.encode_to_vec();

    let one = v1::WatchVerificationResponse::decode(bytes.as_slice()).unwrap();
    assert_eq!(
        one.item,
        Some(v1::watch_verification_response::Item::Event(event()))
    );
    assert_eq!(one.resume_token, "opaque");
    assert_eq!(one.encode_to_vec(), bytes, "the token is the last field");

    let all = v1::WatchVerificationsResponse::decode(bytes.as_slice()).unwrap();
    assert_eq!(
        all.item,
        Some(v1::watch_verifications_response::Item::Event(event()))
    );
    assert_eq!(all.resume_token, "opaque");
}

#[test]
fn the_two_watch_responses_have_the_same_fields_and_a_page_shares_the_events_number() {
    let (pool, _) = methods();
    let layout = |name: &str| {
        let message = pool
            .get_message_by_name(&format!("verilane.verification.v1.{name}"))
            .unwrap();
        let fields: Vec<_> = message
            .fields()
            .map(|field| {
                let kind = format!("{:?}", field.kind());
                (field.number(), field.name().to_owned(), kind)
            })
            .collect();
        fields
    };
    let one = layout("WatchVerificationResponse");
    assert_eq!(one, layout("WatchVerificationsResponse"));
    let highest = one.iter().map(|(number, ..)| *number).max();
    let token = one.iter().find(|(_, name, _)| name == "resume_token");
    assert_eq!(token.map(|(number, ..)| *number), highest);
    for (number, name, kind) in layout("ListEventsResponse") {
        let same = one.iter().any(|(n, _, k)| *n == number && *k == kind);
        assert!(same, "{name}");
    }
}

#[test]
fn a_shared_message_keeps_every_field_it_decodes() {
    let message = v1::ListEventsResponse {
        events: vec![event(), event()],
        next_resume_token: "token".to_owned(),
    };
    let bytes = message.encode_to_vec();
    let shared = SharedMessage::decode(bytes.as_slice()).unwrap();
    assert_eq!(shared.encoded_len(), bytes.len());
    assert_eq!(shared.encode_to_vec(), bytes);
    assert_eq!(SharedMessage::of(&message).encode_to_vec(), bytes);
    let cut = Bytes::from(bytes).slice(..20);
    assert!(SharedMessage::decode(cut).is_err());
}

#[test]
fn every_rpc_declares_a_permission_and_says_so_in_its_comment() {
    let (pool, methods) = methods();
    let option = pool
        .get_extension_by_name("verilane.verification.v1.permission")
        .unwrap();
    assert_eq!(methods.len(), 15);
    for method in methods {
        let name = method.full_name().to_owned();
        let options = method.options();
        assert!(options.has_extension(&option), "{name} has no permission");
        let Value::String(permission) = options.get_extension(&option).into_owned() else {
            panic!("the permission of {name} is not text");
        };
        let (what, verb) = permission.split_once('.').unwrap();
        assert!(!what.is_empty() && !verb.is_empty(), "{name}: {permission}");
        let said = include_str!("verilane/verification/v1/verification_service.proto").to_owned()
            + include_str!("verilane/verification/v1/claim_service.proto")
            + include_str!("verilane/verification/v1/connection_service.proto");
        assert!(
            said.contains(&format!("// Permission: `{permission}`.")),
            "the comment on {name} does not say {permission}"
        );
    }
}

#[test]
fn the_public_descriptors_know_nothing_of_what_operators_do() {
    let (pool, _) = methods();
    assert!(
        pool.get_service_by_name("verilane.admin.v1.AdminService")
            .is_none()
    );
    let files: Vec<_> = pool
        .files()
        .map(|file| file.package_name().to_owned())
        .collect();
    assert!(
        files.iter().all(|package| !package.contains("admin")),
        "{files:?}"
    );
    let admin = DescriptorPool::decode(ADMIN_FILE_DESCRIPTOR_SET).unwrap();
    assert!(
        admin
            .get_service_by_name("verilane.admin.v1.AdminService")
            .is_some()
    );
}

#[test]
fn what_is_printed_of_a_message_names_nobody() {
    let subject = v1::Subject {
        identifier: Some(v1::subject::Identifier::CoreId("ab148af5".to_owned())),
    };
    let request = v1::CreateVerificationRequest {
        subject: Some(subject.clone()),
        subject_ref: "customer-ab148af5".to_owned(),
        labels: [("team".to_owned(), "ab148af5".to_owned())].into(),
        ..Default::default()
    };
    let answer = v1::GetVerificationResponse {
        verification: Some(v1::Verification {
            subject_ref: "ab148af5".to_owned(),
            ..Default::default()
        }),
    };
    let hash = v1::Event {
        tx_hash: "ab148af5".to_owned(),
        ..Default::default()
    };
    let import = admin::ImportProviderMessageRequest {
        part: Some(admin::import_provider_message_request::Part::Data(
            Bytes::from_static(b"ab148af5"),
        )),
    };
    let printed = format!("{subject:?}{request:?}{answer:?}{hash:?}{import:?}");
    assert!(!printed.contains("ab148af5"), "{printed}");
    assert!(printed.contains("Verification"));
}
