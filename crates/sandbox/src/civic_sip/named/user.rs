//! Scenarios about what is known of the user.

use super::S;
use crate::civic_sip::scenario::{Attribute, DocumentShown, ImageKind, Md5};
use crate::scenario::{NamedScenario, named};

const EMAIL: &str = "contact.personal.email";
const PHONE: &str = "contact.personal.phoneNumber";

/// All of them.
pub static ALL: [NamedScenario<S>; 15] = [
    named("not-valid", "isValid is false throughout", |s| {
        s.not_valid.push("*".to_owned());
    }),
    named("not-owner", "isOwner is false throughout", |s| {
        s.not_owner.push("*".to_owned());
    }),
    named("email-not-valid", "isValid of the e-mail", |s| {
        s.not_valid.push(EMAIL.to_owned());
    }),
    named("email-not-owner", "isOwner of the e-mail", |s| {
        s.not_owner.push(EMAIL.to_owned());
    }),
    named("without-email", "the label is missing", |s| {
        s.without_labels.push(EMAIL.to_owned());
    }),
    named("without-phone", "the label is missing", |s| {
        s.without_labels.push(PHONE.to_owned());
    }),
    named("without-name", "the label is missing", |s| {
        s.without_labels.push("documents.genericId.name".to_owned());
    }),
    named("more-labels", "a label that no list has", |s| {
        s.more.push(Attribute {
            label: "documents.genericId.issuer".to_owned(),
            value: "Passport Office".to_owned(),
            is_valid: true,
            is_owner: true,
        });
    }),
    named("driving-license", "dates without zeros", |s| {
        s.document = DocumentShown::DrivingLicense;
    }),
    named("id-card", "months without zeros", |s| {
        s.document = DocumentShown::IdCard;
    }),
    named("residence-permit", "another document", |s| {
        s.document = DocumentShown::ResidencePermit;
    }),
    named("png", "the picture is a PNG", |s| {
        s.image.kind = ImageKind::Png;
    }),
    named("not-a-picture", "it is no picture", |s| {
        s.image.kind = ImageKind::Noise;
    }),
    named("md5-of-text", "the MD5 is of the base64 text", |s| {
        s.image.md5 = Md5::Text;
    }),
    named("wrong-md5", "the MD5 is of something else", |s| {
        s.image.md5 = Md5::Wrong;
    }),
];
