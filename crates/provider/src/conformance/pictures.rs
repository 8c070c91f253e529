//! Pictures, of connections that bring them as evidence: whole files, or known not to be.
//!
//! What a picture's text is written as is the provider's, so the suite damages the very text that
//! the plug-in gave as the value.

use verilane_core::{ClaimRequest, ClaimSelector};

use super::letter::Letter;
use super::stage::Stage;
use super::{Bench, Upset};
use crate::{Capability, DataItem, Image, Report, StartRequest};

/// The bench's wish, and the first picture that the connection offers.
fn wish_with_a_picture<B: Bench>(bench: &B) -> StartRequest {
    let mut wish = bench.wish();
    let plugin = bench.plugin();
    let mut offered = plugin.profile().claims.iter();
    if let Some(picture) = offered.find(|offered| offered.name.is_image()) {
        wish.claims.push(ClaimRequest {
            selector: ClaimSelector::ProviderField(picture.field.to_owned()),
            required: true,
        });
    }
    wish
}

/// The data of a run that asked for a picture, as it came and as it was read; none if no pictures are
/// called in over the connection.
async fn delivered<B: Bench>() -> Option<(Stage<B>, Letter, Vec<DataItem>)> {
    let stage = Stage::<B>::wishing(wish_with_a_picture).await;
    if !stage.has(Capability::Evidence) || !stage.has(Capability::Callback) {
        return None;
    }
    for letter in stage.played_out().await {
        if let Report::Data(data) = stage.read(&letter).await.unwrap().report {
            return Some((stage, letter, data.items));
        }
    }
    panic!("no data came");
}

fn picture(items: &[DataItem]) -> (&DataItem, &[u8]) {
    let pictures: Vec<_> = items.iter().filter(|item| item.image.is_some()).collect();
    assert_eq!(pictures.len(), 1);
    match &pictures[0].image {
        Some(Image::File(file)) => (pictures[0], file.expose()),
        other => panic!("{other:?}"),
    }
}

/// A picture is taken out of the text that encodes it, the same each time; other values are none.
pub async fn pictures_come_as_files_and_nothing_else_does<B: Bench>() {
    let Some((stage, letter, items)) = delivered::<B>().await else {
        return;
    };
    let (item, file) = picture(&items);
    assert!(!file.is_empty() && file != item.value.expose().as_bytes());
    assert!(items.len() > 1);
    let Report::Data(again) = stage.read(&letter).await.unwrap().report else {
        panic!("it was data");
    };
    assert_eq!(picture(&again.items).1, file);
}

/// Cut by half or replaced by something else, its text fails the signature; and where unsigned data
/// is read at all, what is left of it is not the picture, and no file if it encodes nothing.
pub async fn a_picture_that_was_damaged_is_never_taken_for_the_whole_one<B: Bench>() {
    let Some((stage, letter, items)) = delivered::<B>().await else {
        return;
    };
    let (item, whole) = picture(&items);
    let text = item.value.expose().as_bytes();
    let at = letter.body.windows(text.len()).position(|at| at == text);
    let at = at.expect("the value stands in the message as it was given");
    let (half, nothing) = (&text[..text.len() / 2], b"(no picture)".as_slice());
    for damaged in [half, nothing] {
        let body = [&letter.body[..at], damaged, &letter.body[at + text.len()..]].concat();
        let letter = letter.with(body);
        assert!(stage.read(&letter).await.is_err());
        let Ok(read) = stage.read_unsigned(&letter).await else {
            continue;
        };
        let damaged_item = read.data.items.iter().find(|one| one.field == item.field);
        match damaged_item.and_then(|item| item.image.as_ref()) {
            Some(Image::Unreadable) => {}
            Some(Image::File(file)) => {
                assert!(damaged == half && file.expose() != whole, "it is believed");
            }
            None => panic!("it is no picture any more"),
        }
    }
    // Half a message is none, with pictures too.
    let half = letter.with(letter.body[..letter.body.len() / 2].to_vec());
    assert!(stage.read(&half).await.is_err());
    assert!(stage.read_unsigned(&half).await.is_err());
    // Nor is the provider asked anything by reading.
    let asked = stage.front.requests();
    stage.front.upset(Upset::Cut);
    stage.read(&letter).await.unwrap();
    assert_eq!(stage.front.requests(), asked);
}
