//! A picture of the greatest size passes through the binary without ever lying in its memory, on the way
//! in and on the way out, and its download goes on from wherever it broke off.

use sha2::Digest as _;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use verilane_api::v1::download_evidence_response::Item;
use verilane_api::v1::{DownloadEvidenceRequest, Evidence, State};
use verilane_sandbox::{CivicPassScenario, Evidence as Given};

use crate::harness::civic::{
    JWT, OAUTH, PICTURE, WALLET, create, hand_over, purpose, stage, start, until, widget,
};
use crate::harness::{Draw, Server, refusal};

const MIB: u64 = 1024 * 1024;
/// As large as a picture may be.
const SIZE: u64 = 20 * MIB;
/// How the bytes of a piece are divided where they are kept.
const CHUNK: u64 = 64 * 1024;
/// Of five pictures of this size SQLite's caches are full: 16 MiB of pages for the writer, 2 MiB for each
/// reader. That is bounded, and none of it is meant here.
const WARM: u64 = 4 * MIB;
/// What the binary may need more once these are full. One that held the picture would need 20 MiB for it,
/// less the 4 MiB that it may have from one of the warm-up, and as much again for its ciphertext. What
/// streams are 16 chunks of 64 KiB on their way to the disk, twice, and windows of HTTP.
const ROOM: u64 = 8 * MIB;

/// How much memory a process has, or had at the most since this was last forgotten.
fn resident(server: &Server, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|found| found.starts_with(line));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Forgets how much memory a process had at the most (proc(5)); how much it has now.
fn forget_peak(server: &Server) -> u64 {
    std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
    resident(server, "VmHWM:")
}

/// By how much the process has grown at the most.
#[allow(clippy::print_stdout, reason = "the figure is what is measured")]
fn growth(server: &Server, before: u64, what: &str) {
    let grown = resident(server, "VmHWM:").saturating_sub(before);
    let tenths = grown * 10 / MIB;
    let (whole, part) = (tenths / 10, tenths % 10);
    println!(
        "{what}: {whole}.{part} MiB more resident, {} MiB before",
        before / MIB
    );
    assert!(grown < ROOM, "{what}: {grown} bytes more");
}

/// So many bytes from an offset on, or all of them.
async fn download(
    server: &Server,
    (id, evidence): (&str, &str),
    offset: u64,
    most: u64,
) -> Result<(Evidence, Vec<u8>), Status> {
    let request = DownloadEvidenceRequest {
        verification_id: id.to_owned(),
        evidence_id: evidence.to_owned(),
        access_context: purpose(),
        offset,
    };
    let stream = server.claims().download_evidence(request).await?;
    let mut stream = stream.into_inner();
    let Some(Item::Evidence(description)) = stream.next().await.unwrap()?.item else {
        panic!("the first message is no description");
    };
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < most
        && let Some(message) = stream.next().await
    {
        let Some(Item::Data(data)) = message?.item else {
            panic!("a further message brings no bytes");
        };
        bytes.extend_from_slice(&data);
    }
    Ok((description, bytes))
}

#[tokio::test]
async fn a_picture_of_twenty_mebibytes_is_never_in_memory_and_its_download_goes_on_anywhere() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let civic = stage.sandbox.civic_pass();
    let mut draw = Draw::asked("VERILANE_EVIDENCE_SEED", 1);
    for connection in [OAUTH, JWT] {
        let mut large = None;
        for bytes in [WARM; 5].into_iter().chain([SIZE]) {
            let mut scenario = CivicPassScenario::named("ready").unwrap();
            scenario.evidence = vec![Given {
                bytes: Some(bytes),
                ..Given::of(PICTURE)
            }];
            let created = create(&server, connection, WALLET).await;
            let request = widget(&stage, false);
            civic.set_request_scenario(&request.id, scenario).unwrap();
            let before = forget_peak(&server);
            let brought = &request.presentation_request_id;
            hand_over(&server, &created.id, brought).await.unwrap();
            until(&server, &created.id, State::InReview).await;
            if bytes == SIZE {
                growth(&server, before, &format!("{connection}, fetched"));
            }
            let read = server.read_claims(&created.id).await.unwrap();
            let listed = read.evidence.into_iter();
            let listed = listed.filter(|one| one.provider_field == PICTURE);
            let listed: Vec<_> = listed.collect();
            let [listed] = listed.try_into().unwrap();
            let small = download(&server, (&created.id, &listed.id), 0, u64::MAX).await;
            drop(small.unwrap());
            large = Some((created.id, request.id, listed));
        }
        let (id, request, listed) = large.unwrap();
        let picture = civic.evidence(&request, PICTURE).unwrap();
        assert_eq!(picture.len() as u64, SIZE);
        assert_eq!(listed.size, SIZE);
        assert_eq!(listed.sha256[..], sha2::Sha256::digest(&picture)[..]);

        let before = forget_peak(&server);
        let piece = (id.as_str(), listed.id.as_str());
        let chunk = draw.within(1, SIZE / CHUNK - 1);
        let border = chunk * CHUNK;
        for offset in [
            0,
            draw.within(0, SIZE),
            border - 1,
            border,
            border + 1,
            border + CHUNK / 2,
            SIZE - 1,
            SIZE,
        ] {
            let (description, bytes) = download(&server, piece, offset, u64::MAX).await.unwrap();
            assert_eq!(description, listed, "from {offset}");
            let rest = &picture[usize::try_from(offset).unwrap()..];
            assert!(bytes == rest, "from {offset}");
        }
        // Broken off again and again, each time somewhere else.
        let mut whole = Vec::new();
        while (whole.len() as u64) < SIZE {
            let most = draw.within(1, SIZE / 3);
            let from = whole.len() as u64;
            let (_, mut bytes) = download(&server, piece, from, most).await.unwrap();
            // The last of what came was lost on the way.
            bytes.truncate(usize::try_from(most).unwrap());
            whole.extend_from_slice(&bytes);
        }
        assert!(whole == picture[..]);
        growth(&server, before, &format!("{connection}, downloaded"));

        for beyond in [SIZE + 1, SIZE + CHUNK, u64::MAX] {
            let refused = download(&server, piece, beyond, u64::MAX).await;
            let expected = (Code::OutOfRange, "EVIDENCE_OFFSET_OUT_OF_RANGE".to_owned());
            assert_eq!(refusal(&refused.unwrap_err()), expected, "{beyond}");
        }
    }
    stage.end().await;
}
