//! Rust `nsm-nitro-enclave-utils` behind the peers' protocol (bench/peers/README.md): one JSON request a line in, one JSON answer a line out.
//!
//! Checked by the peer: chain to the root of the request, dates, signature. PCRs, sizes of fields and age are left to its caller.

use base64::{engine::general_purpose::STANDARD, Engine};
use nsm_nitro_enclave_utils::{api::nsm::AttestationDoc, time::Time, verify::AttestationDocVerifierExt};
use serde::Deserialize;
use std::io::{self, BufRead, Write};

#[derive(Deserialize)]
struct Request {
    /// Seconds since the epoch.
    at: u64,
    /// The document, base64.
    evidence: String,
    /// DER of the root, base64.
    root: String,
    /// Repeats the verification and answers what one cost.
    calls: Option<u32>,
}

/// Processor microseconds of this process, all threads.
fn processor_time() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let of = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn answer(line: &str) -> Result<(&'static str, Option<f64>), String> {
    let request: Request = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let decode = |field: &str| STANDARD.decode(field).map_err(|error| error.to_string());
    let (document, root) = (decode(&request.evidence)?, decode(&request.root)?);
    let milliseconds = request.at * 1000;
    let verify = || AttestationDoc::from_cose(&document, &root, Time::new(Box::new(move || milliseconds)));
    let start = processor_time();
    for _ in 1..request.calls.unwrap_or(1) {
        verify().ok();
    }
    verify().map_err(|error| format!("{:?}", error.kind()))?;
    let each = request.calls.map(|calls| (processor_time() - start) / f64::from(calls));
    Ok(("accepted", each))
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answered = std::panic::catch_unwind(|| answer(&line)).unwrap_or_else(|_| Err("panic".into()));
        let (verdict, microseconds) = match answered {
            Ok((verdict, microseconds)) => (verdict.to_string(), microseconds),
            Err(error) => (format!("ERR {error}"), None),
        };
        writeln!(out, "{}", serde_json::json!({ "verdict": verdict, "microseconds": microseconds }))?;
        out.flush()?;
    }
    Ok(())
}
