/**
 * Verifying a bundle offline (spec/bundle.md §2). Proves, for every receipt in it, that a key attested by the evidence signed it,
 * that it stands in the log, and that the payloads are those it names. Changing any byte of the file ends in an error.
 *
 * Not proved: that the evidence is wanted (the relying party's appraisal), that the log showed everybody the same tree (unless a
 * trusted witness cosigned), and when it happened beyond the enclave's own clock.
 */

import { equalBytes, utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { type Bundle, type BundleReport, type BundleSuccession, parseBundle } from './bundle.ts';
import type { BundleEntry } from './bundle-pieces.ts';
import type { Check } from './check.ts';
import { type Checkpoint, parseCheckpoint, type VerifiedSignature, verifyCheckpoint } from './checkpoint.ts';
import { type Digest, digestBytes } from './digest.ts';
import { ReceiptError } from './errors.ts';
import { type KeptPayload, keptPayloads } from './events.ts';
import { encodeLeaf, logKeysDigest, verifyLeaf } from './leaf.ts';
import { hashLeaf, verifyInclusion } from './merkle.ts';
import { ED25519_NOTE, ML_DSA_44_COSIGNATURE, parseVerifierKey } from './note.ts';
import type { Receipt } from './receipt.ts';
import { type CollateralFile, parseReport, type Report, reportBody } from './report.ts';
import { carriesStatement, nonceBytes } from './statement.ts';
import { SUCCESSION_SALT, successionBody } from './succession.ts';
import { matchNonce, verifyReceiptSignature } from './verify-receipt.ts';

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
  /** vkeys of witnesses that the relying party trusts; none unless told. */
  readonly trustedWitnesses?: readonly string[];
}

export interface VerifiedReceipt {
  readonly receipt: Receipt;
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
  readonly log: { readonly origin: string; readonly size: number; readonly witnesses: readonly VerifiedSignature[] };
  /** Every question of spec/bundle.md §2; here `pass` or `not-checked`, as a failure throws. */
  readonly checks: readonly Check[];
}

/**
 * Verifies all of a bundle.
 * @throws {ReceiptError} at the first thing that is not authentic; and whatever `verifyEvidence` throws.
 * @example
 * const { receipts, checks } = await authenticateBundle(bytes, { verifyEvidence: ({ evidence, time }) => verifyWith(evidence, time) })
 */
export async function authenticateBundle<Claims>(
  bytes: Uint8Array,
  options: VerifyBundleOptions<Claims>,
): Promise<VerifiedBundle<Claims>> {
  const bundle = parseBundle(bytes);
  const log = await verifyLog(bundle, options.trustedWitnesses ?? []);
  const evidence = await Promise.all(bundle.reports.map((report) => verifyBundleReport(report, log, options)));
  const receipts = await Promise.all(bundle.receipts.map((item) => verifyBundleReceipt(item, bundle, evidence, log)));
  const joined = await Promise.all(bundle.successions.map((item) => verifySuccession(item, bundle, evidence, log)));
  const used = new Set([...receipts.map(({ source }) => source), ...joined.flat()]);
  if (used.size !== evidence.length)
    throw new ReceiptError(
      'bundle/report-unused',
      'expected every report to be that of some receipt or succession, got one that is not needed',
    );
  verifyPayloads(bundle);
  const verified = receipts.map(({ source: _, ...receipt }) => receipt);
  return {
    receipts: verified,
    evidence: evidence.map(({ report, claims, item }) => ({ report, claims, time: item.entry.leaf.time })),
    log: { origin: log.checkpoint.origin, size: log.checkpoint.size, witnesses: log.trusted },
    checks: listChecks(bundle, verified, log, evidence),
  };
}

interface VerifiedLog {
  readonly checkpoint: Checkpoint;
  readonly logKeys: Digest;
  readonly trusted: readonly VerifiedSignature[];
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
    trusted: signatures.filter(({ key }) => trustedWitnesses.includes(key.vkey)),
  };
}

function verifyEntry(entry: BundleEntry, log: VerifiedLog): void {
  verifyInclusion({
    index: entry.index,
    size: log.checkpoint.size,
    leafHash: hashLeaf(encodeLeaf(entry.leaf)),
    path: entry.path,
    root: log.checkpoint.root,
  });
}

interface VerifiedReport<Claims> {
  readonly item: BundleReport;
  readonly report: Report;
  readonly claims: Claims;
}

async function verifyBundleReport<Claims>(
  item: BundleReport,
  log: VerifiedLog,
  options: VerifyBundleOptions<Claims>,
): Promise<VerifiedReport<Claims>> {
  const report = parseReport(item.report, item.nonce);
  await verifyLeaf(item.entry.leaf, {
    keyset: report.keyset,
    origin: log.checkpoint.origin,
    logKeys: log.logKeys,
    kind: 'report',
    salt: item.entry.salt,
    body: reportBody(item.report, item.nonce, item.collateral),
  });
  verifyEntry(item.entry, log);
  const { evidence, teeType } = report;
  const found = await options.verifyEvidence({
    teeType,
    evidence,
    collateral: item.collateral,
    time: item.entry.leaf.time,
    report,
  });
  if (!carriesStatement(found.reportData, report.statementDigest))
    throw new ReceiptError(
      'keyset/unbound',
      'expected the statement of this keyset in the evidence, got other report data; its keys are not attested',
    );
  if (found.nonce !== undefined && !sameNonce(found.nonce, report.nonce))
    throw new ReceiptError('keyset/unbound', 'expected the nonce of the statement in the evidence, got another one');
  return { item, report, claims: found.claims };
}

function sameNonce(found: Uint8Array | null, expected: string | null): boolean {
  if (found === null || expected === null) return found === null && expected === null;
  return equalBytes(found, nonceBytes(expected));
}

async function verifyBundleReceipt<Claims>(
  item: Bundle['receipts'][number],
  bundle: Bundle,
  evidence: readonly VerifiedReport<Claims>[],
  log: VerifiedLog,
): Promise<VerifiedReceipt & { readonly source: VerifiedReport<Claims> }> {
  const { entry, receipt } = item;
  const source = evidence.find(({ report }) => report.keysetDigest === entry.leaf.keyset_digest);
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
  await Promise.all([
    verifyReceiptSignature(receipt, source.report.keyset),
    verifyLeaf(entry.leaf, {
      keyset: source.report.keyset,
      origin: log.checkpoint.origin,
      logKeys: log.logKeys,
      kind: 'receipt',
      salt: entry.salt,
      body: utf8(canonicalJson(receipt)),
    }),
  ]);
  matchNonce(receipt, entry.leaf);
  verifyEntry(entry, log);
  const payloads = keptPayloads(receipt.event_log).map((kept) => ({
    ...kept,
    content: bundle.payloads.get(kept.hash as Digest) ?? null,
  }));
  return { source, receipt, index: entry.index, time: entry.leaf.time, keysetDigest: entry.leaf.keyset_digest, payloads };
}

/** That the leaf key of one keyset named the other, as its last act; gives the reports of both. */
async function verifySuccession<Claims>(
  { entry, successor }: BundleSuccession,
  bundle: Bundle,
  evidence: readonly VerifiedReport<Claims>[],
  log: VerifiedLog,
): Promise<readonly VerifiedReport<Claims>[]> {
  const { leaf } = entry;
  const ending = evidence.find(({ report }) => report.keysetDigest === leaf.keyset_digest);
  const next = evidence.find(({ report }) => report.keysetDigest === successor);
  if (ending === undefined || next === undefined)
    throw new ReceiptError('bundle/report-missing', `expected the reports of both keysets that a succession joins`);
  await verifyLeaf(leaf, {
    keyset: ending.report.keyset,
    origin: log.checkpoint.origin,
    logKeys: log.logKeys,
    kind: 'succession',
    salt: entry.salt === SUCCESSION_SALT ? entry.salt : '',
    body: successionBody(successor),
  });
  verifyEntry(entry, log);
  const before = [ending.item.entry, next.item.entry];
  const signed = [...bundle.receipts, ...bundle.reports].filter(
    (item) => item.entry.leaf.keyset_digest === leaf.keyset_digest && item.entry.leaf.boot === leaf.boot,
  );
  if (ending === next || before.some((each) => !precedes(each, entry)) || signed.some((item) => !precedes(item.entry, entry)))
    throw new ReceiptError(
      'leaf/chain-broken',
      'expected a succession behind both reports of its boot and behind everything its keyset signed',
    );
  return [ending, next];
}

/** True when `first` stands before `second` in the chain of one boot and in the log. */
function precedes(first: BundleEntry, second: BundleEntry): boolean {
  const [a, b] = [first.leaf, second.leaf];
  return a.boot === b.boot && a.replica === b.replica && a.seq < b.seq && a.time <= b.time && first.index < second.index;
}

function verifyPayloads(bundle: Bundle): void {
  const kept = new Map(
    bundle.receipts.flatMap(({ receipt }) => keptPayloads(receipt.event_log).map((payload) => [payload.hash, payload])),
  );
  for (const [hash, bytes] of bundle.payloads) {
    const payload = kept.get(hash);
    if (payload === undefined)
      throw new ReceiptError('bundle/payload-unknown', `expected payloads that a receipt names, got ${hash}`);
    if (digestBytes(bytes) !== hash || payload.bytes !== bytes.length)
      throw new ReceiptError('bundle/payload-mismatch', `expected the bytes of ${hash}, got others`, {
        details: { name: payload.name },
      });
  }
}

function listChecks(
  bundle: Bundle,
  receipts: readonly VerifiedReceipt[],
  log: VerifiedLog,
  evidence: readonly VerifiedReport<unknown>[],
): readonly Check[] {
  const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const passed = (id: string, actual: string, spec: string): Check => ({ id, outcome: 'pass', expected: actual, actual, spec });
  const open = (id: string, actual: string, spec: string): Check => ({
    id,
    outcome: 'not-checked',
    expected: null,
    actual,
    spec,
  });
  const all = receipts.flatMap(({ payloads }) => payloads);
  const missing = all.filter(({ content }) => content === null);
  const witnesses = log.trusted.map(({ key }) => key.name).join(', ');
  return [
    passed('bundle.form', 'canonical, no unknown member', 'spec/bundle.md §1'),
    passed(
      'bundle.checkpoint',
      `${log.checkpoint.origin}, ${many(log.checkpoint.size, 'entry').replace(/entrys/, 'entries')}, Ed25519 and ML-DSA-44`,
      'spec/log.md §4',
    ),
    passed('bundle.keyset-binding', `${many(bundle.reports.length, 'keyset')} bound by evidence`, 'spec/keyset.md §3'),
    passed('bundle.signatures', `${many(receipts.length, 'receipt')} signed by attested keys`, 'spec/receipt.md §4'),
    ...successionChecks(bundle, evidence),
    passed('bundle.inclusion', `${many(receipts.length, 'receipt')} in the log`, 'spec/log.md §5'),
    missing.length === 0
      ? passed('bundle.payloads', `${many(all.length, 'payload')} as named`, 'spec/bundle.md §2')
      : open('bundle.payloads', `left out: ${missing.map(({ name }) => name).join(', ')}`, 'spec/bundle.md §3'),
    witnesses === ''
      ? open(
          'bundle.witnessed',
          'no trusted witness cosigned: the log could have shown another tree to others',
          'spec/bundle.md §2',
        )
      : passed('bundle.witnessed', witnesses, 'spec/bundle.md §2'),
  ];
}

/** Whether the keysets of one boot are joined by successions; nothing to ask when each boot has one. */
function successionChecks(bundle: Bundle, evidence: readonly VerifiedReport<unknown>[]): readonly Check[] {
  const boots = new Set(evidence.map(({ item }) => item.entry.leaf.boot));
  const links = evidence.length - boots.size;
  if (links === 0) return [];
  const shared = { id: 'bundle.succession', spec: 'spec/log.md §3' };
  const named = bundle.successions.length;
  const actual = `${named} of ${links} keysets named by the one before`;
  return named === links
    ? [{ ...shared, outcome: 'pass', expected: actual, actual }]
    : [{ ...shared, outcome: 'not-checked', expected: null, actual }];
}
