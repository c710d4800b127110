/**
 * Verifying a bundle offline (spec/bundle.md §2). Proves, for every receipt in it, that a key attested by the evidence signed it,
 * that it stands in the log, and that the payloads are those it names. Changing any byte of the file ends in an error.
 *
 * Not proved: that the evidence is wanted (the relying party's appraisal), that the log showed everybody the same tree (unless a
 * trusted witness cosigned), and when it happened beyond the enclave's own clock.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { type Bundle, type BundleReport, type BundleSource, type BundleSuccession, parseBundle } from './bundle.ts';
import { bundleChecks } from './bundle-checks.ts';
import type { BundleEntry } from './bundle-pieces.ts';
import type { Check } from './check.ts';
import { type Checkpoint, parseCheckpoint, type VerifiedSignature, verifyCheckpoint } from './checkpoint.ts';
import { type Digest, digestBytes } from './digest.ts';
import { verifyEd25519Once } from './ed25519.ts';
import { ReceiptError } from './errors.ts';
import { type KeptPayload, keptPayloads } from './events.ts';
import { encodeLeaf, logKeysDigest, verifyLeaf } from './leaf.ts';
import { hashLeaf, verifyInclusion } from './merkle.ts';
import { ED25519_NOTE, ML_DSA_44_COSIGNATURE, parseVerifierKey } from './note.ts';
import { type Receipt, receiptForms } from './receipt.ts';
import { type CollateralFile, parseReport, type Report, reportBody } from './report.ts';
import { carriesStatement, nonceBytes } from './statement.ts';
import { SUCCESSION_SALT, successionBody } from './succession.ts';
import { matchNonce, type SignedReceipt, verifySignedForm } from './verify-receipt.ts';

/** Names of the log's own kinds of signature. */
const NOTE_NAMES: Readonly<Record<number, string>> = { [ED25519_NOTE]: 'Ed25519', [ML_DSA_44_COSIGNATURE]: 'ML-DSA-44' };

/** What the caller is asked to verify with the attestation package. */
export interface EvidenceRequest {
  readonly teeType: string;
  /** The report's `evidence` object. */
  readonly evidence: Report['evidence'];
  readonly collateral: readonly CollateralFile[];
  /** Epoch milliseconds at which the agent logged the report: the time to verify at. */
  readonly time: number;
  readonly report: Report;
}

/** What authentic evidence says. Refused evidence throws instead. */
export interface VerifiedEvidence<Claims> {
  /** The signed slot for the workload: 64 bytes of report data, or Nitro's 32 bytes of `user_data`. */
  readonly reportData: Uint8Array;
  /** The signed nonce, for carriers that have a slot of its own; otherwise absent. */
  readonly nonce?: Uint8Array | null;
  readonly claims: Claims;
}

export interface VerifyBundleOptions<Claims> {
  /** Verifies evidence at a time, offline; throws when it is not authentic. */
  readonly verifyEvidence: (request: EvidenceRequest) => Promise<VerifiedEvidence<Claims>>;
  /** vkeys of witnesses that the relying party trusts; default: none. */
  readonly trustedWitnesses?: readonly string[];
}

export interface VerifiedReceipt {
  readonly receipt: Receipt;
  /** Of its JCS form. */
  readonly digest: Digest;
  readonly index: number;
  /** Epoch milliseconds by the enclave's clock. */
  readonly time: number;
  /** The digest of the keyset that signed it; finds its evidence. */
  readonly keysetDigest: Digest;
  readonly payloads: readonly (KeptPayload & { readonly content: Uint8Array | null })[];
}

export interface VerifiedBundle<Claims> {
  readonly receipts: readonly VerifiedReceipt[];
  readonly evidence: readonly { readonly report: Report; readonly time: number; readonly claims: Claims }[];
  /** Pairs of keysets of one boot of which the first named the second as its last act. */
  readonly successions: readonly { readonly ending: Digest; readonly next: Digest }[];
  readonly log: { readonly origin: string; readonly size: number; readonly witnesses: readonly VerifiedSignature[] };
  /** Every question of spec/bundle.md §2; here `pass` or `not-checked`, as a failure throws. */
  readonly checks: readonly Check[];
}

/**
 * Verifies all of a bundle. What the file itself shows comes first: a byte that was changed is named as such, also where the evidence is
 * under a root that is not trusted.
 * @throws {ReceiptError} at the first thing that is not authentic; and whatever `verifyEvidence` throws.
 * @example
 * const { receipts, checks } = await authenticateBundle(bytes, { verifyEvidence, trustedWitnesses });
 */
export async function authenticateBundle<Claims>(
  source: BundleSource,
  options: VerifyBundleOptions<Claims>,
): Promise<VerifiedBundle<Claims>> {
  const bundle = parseBundle(source);
  const log = await verifyLog(bundle, options.trustedWitnesses ?? []);
  const reports = await Promise.all(bundle.reports.map((report) => verifyLoggedReport(report, log)));
  const receipts = await Promise.all(bundle.receipts.map((item) => verifyBundleReceipt(item, bundle, reports, log)));
  const joined = await Promise.all(bundle.successions.map((item) => verifySuccession(item, bundle, reports, log)));
  const used = new Set([...receipts.map(({ source }) => source), ...joined.flatMap((succession) => succession.reports)]);
  if (used.size !== reports.length)
    throw new ReceiptError(
      'bundle/report-unused',
      'expected every report to be that of some receipt or succession, got one that is not needed',
    );
  const payloads = verifyPayloads(bundle);
  // Only now are the keys attested that signed all of it.
  const evidence = await Promise.all(reports.map((report) => verifyReportEvidence(report, options)));
  const verified = receipts.map(({ source: _, signed: _signed, logged: _logged, ...receipt }) => receipt);
  return {
    receipts: verified,
    evidence: evidence.map(({ report, claims, item }) => ({ report, claims, time: item.entry.leaf.time })),
    successions: joined.map(({ ending, successor }) => ({ ending, next: successor })),
    log: { origin: log.checkpoint.origin, size: log.checkpoint.size, witnesses: log.trusted },
    checks: bundleChecks({
      ...{ bundle, checkpoint: log.checkpoint, logSigners: log.signers, witnesses: log.trusted.map(({ key }) => key.name) },
      bound: evidence.map(({ bound }) => bound),
      signed: receipts.map(({ signed }) => signed),
      logged: [...evidence, ...receipts, ...joined].map(({ logged }) => logged),
      joined: joined.map(({ successor }) => successor),
      payloads,
    }),
  };
}

interface VerifiedLog {
  readonly checkpoint: Checkpoint;
  readonly logKeys: Digest;
  /** Kinds of the log's own signatures that verified. */
  readonly signers: readonly string[];
  readonly trusted: readonly VerifiedSignature[];
  /** For signatures of leaves. */
  readonly verifySignature: ReturnType<typeof verifyEd25519Once>;
}

async function verifyLog(bundle: Bundle, trustedWitnesses: readonly string[]): Promise<VerifiedLog> {
  const checkpoint = parseCheckpoint(bundle.checkpoint);
  const own = bundle.vkeys.map(parseVerifierKey);
  const [first, second] = own;
  if (own.length !== 2 || first?.type !== ED25519_NOTE || second?.type !== ML_DSA_44_COSIGNATURE)
    throw new ReceiptError('bundle/malformed', "expected the log's Ed25519 and ML-DSA-44 keys in vkeys, in this order");
  if (first.name !== checkpoint.origin || second.name !== checkpoint.origin)
    throw new ReceiptError(
      'checkpoint/origin-mismatch',
      `expected a checkpoint of ${first.name}, got one of ${checkpoint.origin}`,
    );
  const witnesses = bundle.witnesses.map(parseVerifierKey);
  const signatures = await verifyCheckpoint(checkpoint, [...own, ...witnesses]);
  if (signatures.length !== own.length + witnesses.length || signatures.length !== checkpoint.signatures.length)
    throw new ReceiptError('note/key-unknown', 'expected exactly one checkpoint signature for each key listed in the bundle');
  return {
    checkpoint,
    logKeys: logKeysDigest(bundle.vkeys),
    signers: own
      .filter(({ vkey }) => signatures.some(({ key }) => key.vkey === vkey))
      .map(({ type }) => NOTE_NAMES[type] ?? 'unknown'),
    trusted: signatures.filter(({ key }) => trustedWitnesses.includes(key.vkey)),
    verifySignature: verifyEd25519Once(),
  };
}

/** @returns the index that was proved to be in the log. */
function verifyEntry(entry: BundleEntry, log: VerifiedLog): number {
  verifyInclusion({
    index: entry.index,
    size: log.checkpoint.size,
    leafHash: hashLeaf(encodeLeaf(entry.leaf)),
    path: entry.path,
    root: log.checkpoint.root,
  });
  return entry.index;
}

/** A report that its keyset signed into the log; whether its evidence is authentic is not known yet. */
interface LoggedReport {
  readonly item: BundleReport;
  readonly report: Report;
  readonly logged: number;
}

interface VerifiedReport<Claims> extends LoggedReport {
  readonly claims: Claims;
  /** The keyset that its evidence was found to bind. */
  readonly bound: Digest;
}

async function verifyLoggedReport(item: BundleReport, log: VerifiedLog): Promise<LoggedReport> {
  const report = parseReport(item.report, item.nonce);
  await verifyLeaf(item.entry.leaf, {
    keyset: report.keyset,
    origin: log.checkpoint.origin,
    logKeys: log.logKeys,
    verifySignature: log.verifySignature,
    kind: 'report',
    salt: item.entry.salt,
    body: reportBody(item.report, item.nonce, item.collateral),
  });
  return { item, report, logged: verifyEntry(item.entry, log) };
}

async function verifyReportEvidence<Claims>(
  logged: LoggedReport,
  options: VerifyBundleOptions<Claims>,
): Promise<VerifiedReport<Claims>> {
  const { item, report } = logged;
  const { evidence, teeType } = report;
  const found = await options.verifyEvidence({
    teeType,
    evidence,
    collateral: item.collateral,
    time: item.entry.leaf.time,
    report,
  });
  return { ...logged, claims: found.claims, bound: boundKeyset(found, report) };
}

/** @returns the digest of the keyset that the evidence binds. */
function boundKeyset(found: VerifiedEvidence<unknown>, report: Report): Digest {
  if (!carriesStatement(found.reportData, report.statementDigest))
    throw new ReceiptError(
      'keyset/unbound',
      'expected the statement of this keyset in the evidence, got other report data; its keys are not attested',
    );
  if (found.nonce !== undefined && !sameNonce(found.nonce, report.nonce))
    throw new ReceiptError('keyset/unbound', 'expected the nonce of the statement in the evidence, got another one');
  return report.keysetDigest;
}

function sameNonce(found: Uint8Array | null, expected: string | null): boolean {
  if (found === null || expected === null) return found === null && expected === null;
  return equalBytes(found, nonceBytes(expected));
}

/** What was proved of one receipt. */
interface ReceiptProof {
  readonly source: LoggedReport;
  readonly signed: SignedReceipt;
  readonly logged: number;
}

async function verifyBundleReceipt(
  item: Bundle['receipts'][number],
  bundle: Bundle,
  reports: readonly LoggedReport[],
  log: VerifiedLog,
): Promise<VerifiedReceipt & ReceiptProof> {
  const { entry, receipt } = item;
  const source = reports.find(({ report }) => report.keysetDigest === entry.leaf.keyset_digest);
  const reportLeaf = source?.item.entry.leaf;
  if (
    source === undefined ||
    reportLeaf === undefined ||
    reportLeaf.boot !== entry.leaf.boot ||
    reportLeaf.seq >= entry.leaf.seq
  )
    throw new ReceiptError(
      'bundle/report-missing',
      `expected the report of keyset ${entry.leaf.keyset_digest} from the same boot, before the receipt`,
    );
  if (reportLeaf.time > entry.leaf.time || reportLeaf.replica !== entry.leaf.replica || source.item.entry.index >= entry.index)
    throw new ReceiptError('leaf/chain-broken', 'expected the report to be logged before the receipt, by the same replica');
  const forms = receiptForms(receipt);
  const [signed] = await Promise.all([
    verifySignedForm(receipt, forms.signed, source.report.keyset),
    verifyLeaf(entry.leaf, {
      keyset: source.report.keyset,
      origin: log.checkpoint.origin,
      logKeys: log.logKeys,
      verifySignature: log.verifySignature,
      kind: 'receipt',
      salt: entry.salt,
      body: forms.whole,
    }),
  ]);
  matchNonce(receipt, entry.leaf);
  const logged = verifyEntry(entry, log);
  const payloads = keptPayloads(receipt.event_log).map((kept) => ({
    ...kept,
    content: bundle.payloads.get(kept.hash as Digest) ?? null,
  }));
  const { time, keyset_digest: keysetDigest } = entry.leaf;
  const digest = digestBytes(forms.whole);
  return { source, signed, logged, receipt, digest, index: entry.index, time, keysetDigest, payloads };
}

interface VerifiedSuccession {
  readonly ending: Digest;
  readonly successor: Digest;
  /** Of both keysets. */
  readonly reports: readonly LoggedReport[];
  readonly logged: number;
}

/** That the leaf key of one keyset named the other, as its last act. */
async function verifySuccession(
  { entry, successor }: BundleSuccession,
  bundle: Bundle,
  reports: readonly LoggedReport[],
  log: VerifiedLog,
): Promise<VerifiedSuccession> {
  const { leaf } = entry;
  const ending = reports.find(({ report }) => report.keysetDigest === leaf.keyset_digest);
  const next = reports.find(({ report }) => report.keysetDigest === successor);
  if (ending === undefined || next === undefined)
    throw new ReceiptError('bundle/report-missing', `expected the reports of both keysets that a succession joins`);
  await verifyLeaf(leaf, {
    keyset: ending.report.keyset,
    origin: log.checkpoint.origin,
    logKeys: log.logKeys,
    verifySignature: log.verifySignature,
    kind: 'succession',
    salt: entry.salt === SUCCESSION_SALT ? entry.salt : '',
    body: successionBody(successor),
  });
  const logged = verifyEntry(entry, log);
  const before = [ending.item.entry, next.item.entry];
  const signed = [...bundle.receipts, ...bundle.reports].filter(
    (item) => item.entry.leaf.keyset_digest === leaf.keyset_digest && item.entry.leaf.boot === leaf.boot,
  );
  if (ending === next || before.some((each) => !precedes(each, entry)) || signed.some((item) => !precedes(item.entry, entry)))
    throw new ReceiptError(
      'leaf/chain-broken',
      'expected a succession behind both reports of its boot and behind everything its keyset signed',
    );
  return { ending: ending.report.keysetDigest, successor: next.report.keysetDigest, reports: [ending, next], logged };
}

/** True when `first` stands before `second` in the chain of one boot and in the log. */
function precedes(first: BundleEntry, second: BundleEntry): boolean {
  const [a, b] = [first.leaf, second.leaf];
  return a.boot === b.boot && a.replica === b.replica && a.seq < b.seq && a.time <= b.time && first.index < second.index;
}

/** @returns the hashes of the payloads whose bytes were compared. */
function verifyPayloads(bundle: Bundle): ReadonlySet<Digest> {
  const compared = new Set<Digest>();
  const kept = new Map(
    bundle.receipts.flatMap(({ receipt }) => keptPayloads(receipt.event_log).map((payload) => [payload.hash, payload])),
  );
  for (const [hash, bytes] of bundle.payloads) {
    const payload = kept.get(hash);
    if (payload === undefined)
      throw new ReceiptError('bundle/payload-unknown', `expected payloads that a receipt names, got ${hash}`);
    if (digestBytes(bytes) !== hash || payload.bytes !== bytes.length)
      throw new ReceiptError(
        'bundle/payload-mismatch',
        `expected the payload ${JSON.stringify(payload.name)} of ${payload.bytes} bytes and ${hash}, got ${bytes.length} other bytes; the file was changed, export the bundle again`,
        { details: { name: payload.name } },
      );
    compared.add(hash);
  }
  return compared;
}
