//! Compiles `proto/` in pure Rust: messages and clients into one module, the servers' side into
//! another, and the descriptors that reflection answers.
//!
//! The descriptors are written by protox itself, since prost's own type would drop the permission
//! option.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The folder that imports are relative to.
const ROOT: &str = "proto";
/// The folder that is compiled: everything in it, and nothing else, starts a rebuild.
const SOURCES: &str = "proto/verilane";
const PACKAGE: &str = ".verilane.verification.v1";

/// What a server sends as bytes that were made once.
const SHARED: [&str; 3] = [
    "ListEventsResponse",
    "WatchVerificationResponse",
    "WatchVerificationsResponse",
];

/// What holds data about a person gets its `Debug` from `proto/redacted.rs`.
const PERSONAL: [&str; 15] = [
    "AccessContext",
    "Claim",
    "ClaimValue",
    "ClaimValue.kind",
    "Country",
    "CreateVerificationRequest",
    "Date",
    "DownloadEvidenceResponse",
    "DownloadEvidenceResponse.item",
    "Event",
    "QrOrLink",
    "Subject",
    "Subject.identifier",
    "Verification",
    "VerificationFilter",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={SOURCES}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.open_files(sources(Path::new(SOURCES))?)?;
    compiler.include_imports(true);
    std::fs::write(
        out.join("descriptors.binpb"),
        compiler.encode_file_descriptor_set(),
    )?;
    compiler.include_source_info(true);
    let descriptors = compiler.file_descriptor_set();

    let messages = out.join("messages");
    std::fs::create_dir_all(&messages)?;
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".")
        .skip_debug(PERSONAL.map(|name| format!("{PACKAGE}.{name}")))
        .emit_rerun_if_changed(false)
        .out_dir(messages)
        .compile_fds(descriptors.clone())?;

    let server = out.join("server");
    std::fs::create_dir_all(&server)?;
    let mut builder = tonic_prost_build::configure()
        .build_client(false)
        .extern_path(PACKAGE, "crate::v1");
    for name in SHARED {
        builder = builder.extern_path(format!("{PACKAGE}.{name}"), "crate::SharedMessage");
    }
    builder
        .codec_path("crate::ServerCodec")
        .emit_rerun_if_changed(false)
        .out_dir(server)
        .compile_fds(descriptors)?;
    Ok(())
}

/// All protos below a folder, in a fixed order so that the output is the same on every machine.
fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
