/**
 * A small log in memory, sealed by keys from fixed seeds: bundles for tests of everything that reads them. The same input gives the same
 * bytes, ML-DSA included.
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import {
  type Bundle,
  type BundleEntry,
  checkpointText,
  commitment,
  type Digest,
  digestBytes,
  ED25519_NOTE,
  encodeBundle,
  encodeLeaf,
  formatSignature,
  formatVerifierKey,
  hashLeaf,
  hashNode,
  inclusionPath,
  type Keyset,
  type KeysetKey,
  keyId,
  keysetDigest,
  type Leaf,
  type LeafKind,
  leafDigest,
  logKeysDigest,
  ML_DSA_44_COSIGNATURE,
  mlDsaCosignatureMessage,
  noteKeyId,
  type RangeRoot,
  type Receipt,
  type ReceiptEvent,
  reportBody,
  type Signer,
  SUCCESSION_SALT,
  sealLeaf,
  sealReceipt,
  splitPoint,
  successionBody,
  timestamped,
} from '@assay/receipt';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { fakeReport } from './fake-report.ts';

const TIME_MS = 1_795_219_200_000;
const ORIGIN = 'log.example/test';

interface Pair {
  readonly publicKey: Uint8Array;
  readonly signer: Signer;
}

function pair(role: 'receipt' | 'leaf', seed: number): Pair {
  const secret = new Uint8Array(32).fill(seed);
  const publicKey = ed25519.getPublicKey(secret);
  return { publicKey, signer: { keyId: keyId(role, publicKey), sign: (message) => ed25519.sign(message, secret) } };
}

/** The `0x01` and `0x06` keys of a log or witness of this name, from one seed byte. */
function noteKeys(name: string, seed: number) {
  const secret = new Uint8Array(32).fill(seed);
  const publicKey = ed25519.getPublicKey(secret);
  const mlDsa = ml_dsa44.keygen(secret);
  return {
    vkeys: [formatVerifierKey(name, ED25519_NOTE, publicKey), formatVerifierKey(name, ML_DSA_44_COSIGNATURE, mlDsa.publicKey)],
    sign(size: number, root: Uint8Array): string {
      const text = checkpointText(ORIGIN, size, root);
      const time = Math.floor(TIME_MS / 1000);
      const message = mlDsaCosignatureMessage({ origin: ORIGIN, size, root, text }, name, time);
      const lines = [
        { keyId: noteKeyId(name, ED25519_NOTE, publicKey), signature: ed25519.sign(utf8(text), secret) },
        {
          keyId: noteKeyId(name, ML_DSA_44_COSIGNATURE, mlDsa.publicKey),
          signature: timestamped(time, ml_dsa44.sign(message, mlDsa.secretKey, { extraEntropy: false })),
        },
      ];
      return lines.map((line) => formatSignature({ name, ...line })).join('');
    },
  };
}

export interface FakeLogOptions {
  /** Receipts in the bundle; default: 1. */
  readonly receipts?: number;
  /** Entries of others after them. */
  readonly others?: number;
  readonly nonce?: string | null;
  /** Name of a witness that cosigns with both of its keys. */
  readonly witness?: string;
  /** Changes a receipt's events before it is sealed. */
  readonly events?: (events: ReceiptEvent[]) => ReceiptEvent[];
  readonly notAfter?: number;
  /** After how many receipts the keyset is replaced; the next keyset seals the rest. */
  readonly rotateAfter?: number;
  /** The ending keyset goes on sealing after it named the next one, as none may. */
  readonly sealAfterSuccession?: boolean;
  /** Logs the same report once more at the end and puts it into the bundle. */
  readonly reportTwice?: boolean;
}

export interface FakeLog {
  readonly bytes: Uint8Array;
  readonly bundle: Bundle;
  /** All entries. */
  readonly leaves: readonly Leaf[];
  /** The first keyset. */
  readonly keyset: Keyset;
  readonly receipts: readonly Receipt[];
  readonly vkeys: readonly string[];
  readonly witnessKeys: readonly string[];
  /** Seals changed leaves and receipts as the agent would; for tests of what signatures alone cannot tell. */
  readonly signers: { readonly receipt: Signer; readonly leaf: Signer };
}

/** One keyset of the boot, with its report. */
function generation(seed: number, notAfter: number) {
  const receiptKey = pair('receipt', seed);
  const leafKey = pair('leaf', seed + 1);
  const keys: readonly KeysetKey[] = [
    { key_id: receiptKey.signer.keyId, algo: 'ed25519', public_key: encodeHex(receiptKey.publicKey) },
    { key_id: leafKey.signer.keyId, algo: 'assay-leaf-ed25519', public_key: encodeHex(leafKey.publicKey) },
  ];
  return { ...fakeReport(keys, { notAfter }), signers: { receipt: receiptKey.signer, leaf: leafKey.signer } };
}

/** A log of one boot with its receipts, exported as a bundle with two payloads for each receipt. */
export function fakeLog(options: FakeLogOptions = {}): FakeLog {
  const log = noteKeys(ORIGIN, 3);
  const first = generation(1, options.notAfter ?? 1_800_000_000);
  let current = first;
  const leaves: Leaf[] = [];
  const salts: string[] = [];
  const append = (kind: LeafKind, body: Uint8Array, clientNonce: string | null): number => {
    const salt = kind === 'succession' ? decodeHex(SUCCESSION_SALT) : sha256(utf8(`salt ${leaves.length}`));
    const before = leaves.at(-1);
    const leaf = sealLeaf(
      {
        v: 'assay-leaf/2',
        kind,
        origin: ORIGIN,
        log_keys: logKeysDigest(log.vkeys),
        replica: '0'.repeat(16),
        boot: '1'.repeat(32),
        seq: leaves.length,
        prev: before === undefined ? null : encodeHex(leafDigest(before)),
        time: TIME_MS + leaves.length,
        nonce: clientNonce,
        keyset_digest: keysetDigest(current.keyset),
        commitment: commitment(salt, body),
      },
      current.signers.leaf,
    );
    salts.push(encodeHex(salt));
    return leaves.push(leaf) - 1;
  };
  const collateral = [{ name: 'ca.crl', mediaType: 'application/pkix-crl', bytes: utf8('collateral') }];
  const reports: { readonly index: number; readonly report: JsonObject; readonly nonce: string | null }[] = [];
  const logReport = (): void => {
    const { report, nonce } = current;
    reports.push({ index: append('report', reportBody(report, nonce, collateral), null), report, nonce });
  };
  const successions: { readonly index: number; readonly successor: Digest }[] = [];
  const rotate = (): void => {
    const ending = current;
    current = generation(11, options.notAfter ?? 1_800_000_000);
    logReport();
    const successor = keysetDigest(current.keyset);
    current = ending;
    successions.push({ index: append('succession', successionBody(successor), null), successor });
    if (options.sealAfterSuccession !== true) current = generation(11, options.notAfter ?? 1_800_000_000);
  };
  logReport();
  const payloads = new Map<Digest, Uint8Array>();
  const receipts = Array.from({ length: options.receipts ?? 1 }, (_, i) => {
    if (i === options.rotateAfter) rotate();
    const receipt = sealReceipt(content(i, options, keysetDigest(current.keyset), payloads), current.signers.receipt);
    return { receipt, index: append('receipt', utf8(canonicalJson(receipt)), options.nonce ?? null) };
  });
  for (let i = 0; i < (options.others ?? 0); i++) append('receipt', utf8(`other ${i}`), null);
  if (options.reportTwice === true) logReport();
  const hashes = leaves.map((leaf) => hashLeaf(encodeLeaf(leaf)));
  const root: RangeRoot = (from, to) => {
    if (to - from === 1) return hashes[from] as Uint8Array;
    const middle = from + splitPoint(to - from);
    return hashNode(root(from, middle), root(middle, to));
  };
  const entry = (index: number): BundleEntry => ({
    index,
    leaf: leaves[index] as Leaf,
    salt: salts[index] as string,
    path: inclusionPath(root, index, leaves.length),
  });
  const head = root(0, leaves.length);
  const witness = options.witness === undefined ? null : noteKeys(options.witness, 4);
  const bundle: Bundle = {
    checkpoint: `${checkpointText(ORIGIN, leaves.length, head)}\n${log.sign(leaves.length, head)}${witness?.sign(leaves.length, head) ?? ''}`,
    vkeys: log.vkeys,
    witnesses: witness?.vkeys ?? [],
    reports: reports.map(({ index, report, nonce }) => ({ entry: entry(index), report, nonce, collateral })),
    receipts: receipts.map(({ receipt, index }) => ({ entry: entry(index), receipt })),
    successions: successions.map(({ index, successor }) => ({ entry: entry(index), successor })),
    payloads,
  };
  return {
    bundle,
    leaves,
    keyset: first.keyset,
    receipts: receipts.map(({ receipt }) => receipt),
    bytes: encodeBundle(bundle),
    vkeys: log.vkeys,
    witnessKeys: witness?.vkeys ?? [],
    signers: first.signers,
  };
}

function content(i: number, options: FakeLogOptions, digest: Digest, payloads: Map<Digest, Uint8Array>) {
  const kept = [`print(${i})`, `${i}\n`].map((text, n) => {
    const bytes = utf8(text);
    const hash = digestBytes(bytes);
    payloads.set(hash, bytes);
    return { type: 'payload.kept', name: n === 0 ? 'code.py' : 'stdout', media_type: 'text/plain', bytes: bytes.length, hash };
  });
  const events: ReceiptEvent[] = [
    { type: 'request.received', body_hash: digestBytes(utf8(`request ${i}`)) },
    { type: 'task.received', task_id: `task-${i}`, task: 'execute', nonce: options.nonce ?? null },
    { type: 'task.completed', result_hash: digestBytes(utf8(`${i}`)) },
    ...kept,
  ];
  return {
    api_version: 'aci/1' as const,
    receipt_id: `rcpt_${String(i).padStart(32, '0')}`,
    chat_id: null,
    model: null,
    workload_keyset_digest: digest,
    endpoint: '/api/process',
    method: 'POST',
    served_at: Math.floor(TIME_MS / 1000),
    event_log: options.events?.(events) ?? events,
  };
}
