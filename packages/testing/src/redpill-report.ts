/**
 * Combined reports as RedPill and the dstack vLLM proxy give them, made for a fake Intel root: sound, or with one lie. Report data is
 * the signing address padded to 32 bytes (or its hash with the TLS fingerprint) followed by the nonce.
 */

import { createHash } from 'node:crypto';
import type { Endorsement, TrustAnchor } from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { FakeDcapOptions } from '@assay/simulator';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { fakeDstack } from './fake-dstack.ts';
import { fakeDevice } from './fake-nvidia.ts';

export type RedpillAlgorithm = 'ecdsa' | 'ed25519';

/** What a dishonest or broken upstream does. */
export type RedpillLie =
  /** A report for another nonce, its own member edited to the one asked for. */
  | 'wrong-nonce'
  /** A report for another nonce, unedited: yesterday's. */
  | 'replayed-report'
  /** A signing address that the quote does not commit to. */
  | 'other-address'
  | 'other-public-key'
  | 'edited-log'
  | 'debug-td'
  | 'missing-quote'
  | 'broken-quote'
  | 'expired-collateral'
  | 'outdated-tcb'
  | 'no-report'
  /** One character of the answer changed after it was signed. */
  | 'tampered-response'
  /** A signature over another request. */
  | 'other-request'
  /** The attested address with a signature by another key. */
  | 'forged-signature'
  /** A good signature by a key that is not attested. */
  | 'other-signer'
  /** The good signature of an earlier answer. */
  | 'earlier-signature'
  | 'no-signature'
  | 'malformed-signature'
  /** From now on connections end at somebody who has a good certificate and another key. */
  | 'wrong-tls-key'
  /** The TLS fingerprint of somebody else, who is not in the report data. */
  | 'other-fingerprint'
  /** A sealed request is answered in clear, and says so. */
  | 'answer-in-clear'
  /** … in clear, marked as sealed. */
  | 'unsealed-field'
  /** … with words in a member the protocol does not seal. */
  | 'tool-call-in-clear'
  /** … with fields that were sealed for another request. */
  | 'foreign-fields'
  /** … by somebody in the middle, who seals words of his own to the client's key. */
  | 'resealed-answer';

export interface RedpillKey {
  readonly algorithm: RedpillAlgorithm;
  /** 20 bytes of a secp256k1 key, 32 of an Ed25519 one. */
  readonly address: Uint8Array;
  /** 64 bytes x ‖ y, or 32. */
  readonly publicKey: Uint8Array;
  /** 32 bytes: the scalar, or Ed25519's seed. */
  readonly secret: Uint8Array;
  /** EIP-191 for ECDSA (65 bytes), plain for Ed25519 (64 bytes). */
  sign(text: string): Promise<Uint8Array>;
}

/** A fresh signing key, as the proxy makes one at each start. */
export async function redpillKey(algorithm: RedpillAlgorithm): Promise<RedpillKey> {
  if (algorithm === 'ecdsa') {
    const secret = secp256k1.utils.randomSecretKey();
    const publicKey = secp256k1.getPublicKey(secret, false).subarray(1);
    return {
      algorithm,
      publicKey,
      secret,
      address: keccak_256(publicKey).subarray(12),
      sign: async (text) => {
        const message = utf8(text);
        const hash = keccak_256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
        const [recovery = 0, ...rest] = secp256k1.sign(hash, secret, { prehash: false, format: 'recovered' });
        return Uint8Array.from([...rest, recovery + 27]);
      },
    };
  }
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const secret = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).slice(-32);
  return {
    algorithm,
    publicKey,
    secret,
    address: publicKey,
    sign: async (text) =>
      new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, pair.privateKey, utf8(text) as BufferSource)),
  };
}

export interface RedpillReportOptions {
  readonly key: RedpillKey;
  /** 32 bytes, as asked for. */
  readonly nonce: Uint8Array;
  readonly model: string;
  /** Epoch milliseconds around which certificates and collateral are in force. */
  readonly now: number;
  readonly lie: RedpillLie | null;
  /** One Hopper GPU under a fake device root; in force at FAKE_NOW only. */
  readonly gpu: boolean;
  /** `two-layer`: a gateway in front of the model's node. */
  readonly shape: 'flat' | 'two-layer';
  /** Members that are JSON travel as text. */
  readonly textMembers: boolean;
  /** 32 bytes; the report data then commits to it too. */
  readonly tlsFingerprint: Uint8Array | null;
}

export interface RedpillReport {
  readonly document: Readonly<Record<string, unknown>>;
  readonly endorsements: readonly Endorsement[];
  readonly anchors: readonly TrustAnchor[];
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

export async function redpillReport(options: RedpillReportOptions): Promise<RedpillReport> {
  const { key, lie, shape } = options;
  // Connections end at the gateway where there is one; the node behind it serves TLS with a key of its own.
  const behind = shape === 'flat' || options.tlsFingerprint === null ? {} : { tlsFingerprint: new Uint8Array(32).fill(0x77) };
  const model = await node({ ...options, ...behind }, key, lie);
  if (shape === 'flat') {
    const { document } = model;
    return { ...model, document: { ...document, all_attestations: [document] } };
  }
  const gateway = await node({ ...options, gpu: false }, await redpillKey('ecdsa'), lie === 'other-fingerprint' ? lie : null);
  return {
    ...model,
    document: {
      gateway_attestation: gateway.document,
      model_attestations: [{ model_name: options.model, ...model.document }],
    },
  };
}

async function node(options: RedpillReportOptions, key: RedpillKey, lie: RedpillLie | null): Promise<RedpillReport> {
  const { nonce, tlsFingerprint: fingerprint } = options;
  const answered = lie === 'wrong-nonce' || lie === 'replayed-report' ? new Uint8Array(32).fill(0x0d) : nonce;
  const first = new Uint8Array(32);
  first.set(fingerprint === null ? key.address : sha256(concatBytes(key.address, fingerprint)));
  const fake = await fakeDstack({
    reportData: concatBytes(first, answered),
    dcap: { ...fakeDcapAt(options.now, lie), ...(lie === 'debug-td' ? { body: (body) => void body.set([1], 120) } : {}) },
    ...(lie === 'edited-log' ? { shown: (log) => log.filter(({ event }) => event !== 'key-provider') } : {}),
  });
  const at = (offset: number): string => encodeHex(fake.quote.subarray(48 + offset, 48 + offset + 48));
  const compose_hash = encodeHex(sha256(utf8(fake.compose)));
  const event_log: unknown = options.textMembers ? JSON.stringify(fake.log) : fake.log;
  const tcbInfo = {
    ...{ mrtd: at(136), rtmr0: at(328), rtmr1: at(376), rtmr2: at(424), rtmr3: at(472) },
    ...{ app_compose: fake.compose, compose_hash, os_image_hash: '05'.repeat(32), event_log: fake.log },
  };
  const device = options.gpu ? await fakeDevice({ nonce: answered }) : null;
  const payload = { nonce: encodeHex(answered), evidence_list: device === null ? [] : [device.entry], arch: 'HOPPER' };
  const shownKey = lie === 'other-address' || lie === 'other-public-key' ? await redpillKey(key.algorithm) : key;
  const prefix = key.algorithm === 'ecdsa' ? '0x' : '';
  const quote = lie === 'broken-quote' ? fake.quote.with(600, (fake.quote[600] ?? 0) ^ 1) : fake.quote;
  const document = {
    signing_address: `${prefix}${encodeHex((lie === 'other-address' ? shownKey : key).address)}`,
    signing_algo: key.algorithm,
    request_nonce: encodeHex(lie === 'replayed-report' ? answered : nonce),
    ...(lie === 'missing-quote' ? {} : { intel_quote: encodeHex(quote) }),
    nvidia_payload: device === null ? null : JSON.stringify(payload),
    event_log,
    info: {
      ...{ app_id: compose_hash.slice(0, 40), instance_id: '1d'.repeat(20), app_name: 'fake', app_cert: '' },
      ...{ compose_hash, os_image_hash: '05'.repeat(32), key_provider_info: '{"name":"kms","id":"0102"}', vm_config: '{}' },
      tcb_info: options.textMembers ? JSON.stringify(tcbInfo) : tcbInfo,
    },
    vm_config: '{}',
    signing_public_key: encodeHex(shownKey.publicKey),
    ...(fingerprint === null
      ? {}
      : { tls_cert_fingerprint: lie === 'other-fingerprint' ? '0e'.repeat(32) : encodeHex(fingerprint) }),
  };
  return {
    document,
    endorsements: fake.endorsements,
    anchors: [...fake.anchors, ...(device === null ? [] : [device.anchor])],
  };
}

/** Certificates and collateral in force around `now`, with the lies about them. */
export function fakeDcapAt(now: number, lie: string | null): FakeDcapOptions {
  const window = { notBefore: now - DAY, notAfter: now + DAY };
  const lists = { thisUpdate: now - DAY, nextUpdate: now + DAY };
  const instant = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
  const nextUpdate = instant(lie === 'expired-collateral' ? now - HOUR : now + DAY);
  return {
    ...{ root: window, ca: window, pck: window, tcbSigning: window, rootCrl: lists, pckCrl: lists },
    tcbInfo: (document) => {
      Object.assign(document, { issueDate: instant(now - DAY), nextUpdate });
      if (lie === 'outdated-tcb') document.tcbLevels.shift();
    },
    identity: (document) => void Object.assign(document, { issueDate: instant(now - DAY), nextUpdate: instant(now + DAY) }),
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}
