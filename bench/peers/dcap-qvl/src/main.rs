//! Rust `dcap-qvl` behind the peers' protocol (bench/peers/README.md): one JSON request a line in, one JSON answer a line out.
//!
//! Checked by the peer: everything but policy. Debug mode and service TDs are let through here, because Assay reports both as claims.

use base64::{engine::general_purpose::STANDARD, Engine};
use dcap_qvl::{verify::QuoteVerifier, QuoteCollateralV3};
use serde::Deserialize;
use std::io::{self, BufRead, Write};

#[derive(Deserialize)]
struct Request {
    /// Seconds since the epoch.
    at: u64,
    /// The quote, base64.
    evidence: String,
    /// DER of the root, base64; Intel's when absent.
    root: Option<String>,
    collateral: Collateral,
    /// Repeats the verification and answers what one cost.
    calls: Option<u32>,
}

/// The collateral file of dcap-qvl, bytes in hex.
#[derive(Deserialize)]
struct Collateral {
    #[serde(default)]
    pck_crl_issuer_chain: String,
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
}

impl Collateral {
    fn decode(self) -> Result<QuoteCollateralV3, String> {
        let bytes = |text: &str| hex::decode(text).map_err(|error| error.to_string());
        Ok(QuoteCollateralV3 {
            root_ca_crl: bytes(&self.root_ca_crl)?,
            pck_crl: bytes(&self.pck_crl)?,
            tcb_info_signature: bytes(&self.tcb_info_signature)?,
            qe_identity_signature: bytes(&self.qe_identity_signature)?,
            pck_crl_issuer_chain: self.pck_crl_issuer_chain,
            tcb_info_issuer_chain: self.tcb_info_issuer_chain,
            tcb_info: self.tcb_info,
            qe_identity_issuer_chain: self.qe_identity_issuer_chain,
            qe_identity: self.qe_identity,
            pck_certificate_chain: None,
        })
    }
}

/// Processor microseconds of this process, all threads.
fn processor_time() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let of = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn answer(line: &str) -> Result<(String, Option<f64>), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let request: Request = serde_json::from_str(line).map_err(|error| text(&error))?;
    let decode = |field: &str| STANDARD.decode(field).map_err(|error| text(&error));
    let quote = decode(&request.evidence)?;
    let verifier = match &request.root {
        Some(root) => QuoteVerifier::new(decode(root)?),
        None => QuoteVerifier::new_prod(),
    };
    let verifier = verifier.allow_debug(true).allow_service_td(true);
    let collateral = request.collateral.decode()?;
    let start = processor_time();
    for _ in 1..request.calls.unwrap_or(1) {
        verifier.verify(&quote, &collateral, request.at).ok();
    }
    let verdict = verifier.verify(&quote, &collateral, request.at).map_err(|error| format!("{error:#}"))?;
    let each = request.calls.map(|calls| (processor_time() - start) / f64::from(calls));
    Ok((verdict.status, each))
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let (verdict, microseconds) = answer(&line?).unwrap_or_else(|error| (format!("ERR {error}"), None));
        writeln!(out, "{}", serde_json::json!({ "verdict": verdict, "microseconds": microseconds }))?;
        out.flush()?;
    }
    Ok(())
}
