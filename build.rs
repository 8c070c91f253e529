//! Compiles `proto/` in pure Rust, the public package and the operators' apart from each other:
//! messages and clients into one module, the servers' side into another, and the descriptors, which
//! reflection answers for the public one.
//!
//! The descriptors are written by protox itself, since prost's own type would drop the permission
//! option.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The folder that imports are relative to.
const ROOT: &str = "proto";
/// Everything below it, and nothing else, starts a rebuild.
const SOURCES: &str = "proto/verilane";

/// What is compiled together: the names of its package and of what comes of it.
struct Package {
    name: &'static str,
    folder: &'static str,
    /// Its module in the crate.
    module: &'static str,
    descriptors: &'static str,
    /// Below it everything generated lies in a folder of its own.
    out: &'static str,
}

const PUBLIC: Package = Package {
    name: ".verilane.verification.v1",
    folder: "proto/verilane/verification",
    module: "crate::v1",
    descriptors: "descriptors.binpb",
    out: "public",
};
/// Uses messages of the public one, and is used by nothing in it.
const ADMIN: Package = Package {
    name: ".verilane.admin.v1",
    folder: "proto/verilane/admin",
    module: "crate::admin",
    descriptors: "admin.binpb",
    out: "admin",
};

/// What a server sends as bytes that were made once.
const SHARED: [&str; 3] = [
    "ListEventsResponse",
    "WatchVerificationResponse",
    "WatchVerificationsResponse",
];

/// What holds data about a person gets its `Debug` from `proto/redacted.rs`.
const PERSONAL: [&str; 16] = [
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
    "ReadClaimsResponse",
    "Subject",
    "Subject.identifier",
    "Verification",
    "VerificationFilter",
];
/// The same of the operators' package.
const PERSONAL_OF_ADMIN: [&str; 2] = [
    "ImportProviderMessageRequest",
    "ImportProviderMessageRequest.part",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={SOURCES}");
    for package in [PUBLIC, ADMIN] {
        compile(&package)?;
    }
    Ok(())
}

/// Compiles one package.
fn compile(package: &Package) -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.open_files(sources(Path::new(package.folder))?)?;
    compiler.include_imports(true);
    std::fs::write(
        out.join(package.descriptors),
        compiler.encode_file_descriptor_set(),
    )?;
    compiler.include_source_info(true);
    let descriptors = compiler.file_descriptor_set();

    let messages = out.join(package.out).join("messages");
    std::fs::create_dir_all(&messages)?;
    let mut builder = tonic_prost_build::configure().build_server(false);
    if package.name != PUBLIC.name {
        builder = builder.extern_path(PUBLIC.name, PUBLIC.module);
    }
    builder
        .bytes(".")
        .skip_debug(PERSONAL.map(|name| format!("{}.{name}", PUBLIC.name)))
        .skip_debug(PERSONAL_OF_ADMIN.map(|name| format!("{}.{name}", ADMIN.name)))
        .emit_rerun_if_changed(false)
        .out_dir(messages)
        .compile_fds(descriptors.clone())?;

    let server = out.join(package.out).join("server");
    std::fs::create_dir_all(&server)?;
    let mut builder = tonic_prost_build::configure().build_client(false);
    for name in SHARED {
        builder = builder.extern_path(format!("{}.{name}", PUBLIC.name), "crate::SharedMessage");
    }
    builder
        .extern_path(PUBLIC.name, PUBLIC.module)
        .extern_path(ADMIN.name, ADMIN.module)
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
