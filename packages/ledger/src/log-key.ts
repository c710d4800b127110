/**
 * The log's own keys: one Ed25519 and one ML-DSA-44 key of the deployment, kept in the data directory with mode 0600 because they
 * outlive every boot (spec/log.md §1). The party that copies the file can sign tree heads, but neither receipts nor leaves.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { decodeBase64Url, encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';
import {
  type CheckpointBody,
  ED25519_NOTE,
  formatSignature,
  formatVerifierKey,
  ML_DSA_44_COSIGNATURE,
  mlDsaCosignatureMessage,
  noteKeyId,
  timestamped,
} from '@assay/receipt';
import { LedgerError } from './errors.ts';
import { createKeyFile, readKeyFile } from './key-file.ts';

const FILE = 'log-key.json';

/** Can be posted to a worker. */
export interface LogKey {
  readonly origin: string;
  readonly ed25519: KeyObject;
  readonly mlDsa: KeyObject;
  /** Ed25519, then ML-DSA-44. */
  readonly verifierKeys: readonly [string, string];
}

/**
 * The key in `directory`, made there on the first start. `origin` names the log; it is fixed when the key is made.
 * @throws {LedgerError} `ledger/bad-key-file`, `ledger/origin-changed`.
 */
export function openLogKey(directory: string, origin?: string): LogKey {
  const path = join(directory, FILE);
  const key = read(path) ?? create(path, origin);
  if (origin !== undefined && origin !== key.origin)
    throw new LedgerError(
      'ledger/origin-changed',
      `the log in ${directory} is named ${key.origin}, not ${origin}; use its name, or another data directory`,
    );
  return key;
}

/**
 * The key that is in `directory`; none is made.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function readLogKey(directory: string): LogKey {
  const key = read(join(directory, FILE));
  if (key === null)
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected ${FILE} in ${directory}, got none; set ASSAY_DATA_DIR to the agent's directory`,
    );
  return key;
}

function create(path: string, origin?: string): LogKey {
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const mlDsa = generateKeyPairSync('ml-dsa-44').privateKey;
  const name = origin ?? `log.assay/${sha256Hex(rawPublicKey(ed25519)).slice(0, 16)}`;
  const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const text = `${JSON.stringify({ v: 1, origin: name, ed25519: pem(ed25519), 'ml-dsa-44': pem(mlDsa) }, null, 1)}\n`;
  if (!createKeyFile(path, text)) return read(path) ?? create(path, origin);
  return logKey(name, ed25519, mlDsa);
}

function read(path: string): LogKey | null {
  const text = readKeyFile(path);
  if (text === null) return null;
  try {
    const value = parseJson(text) as Readonly<Record<string, string>>;
    if (typeof value.origin !== 'string') throw new Error('no origin');
    return logKey(value.origin, createPrivateKey(value.ed25519 ?? ''), createPrivateKey(value['ml-dsa-44'] ?? ''));
  } catch (cause) {
    throw new LedgerError('ledger/bad-key-file', `${path} is not a log key file; restore it, or use another data directory`, {
      cause,
    });
  }
}

function logKey(origin: string, ed25519: KeyObject, mlDsa: KeyObject): LogKey {
  const verifierKeys = [
    formatVerifierKey(origin, ED25519_NOTE, rawPublicKey(ed25519)),
    formatVerifierKey(origin, ML_DSA_44_COSIGNATURE, rawPublicKey(mlDsa)),
  ] as const;
  return { origin, ed25519, mlDsa, verifierKeys };
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as { readonly x?: string; readonly pub?: string };
  return decodeBase64Url(jwk.x ?? jwk.pub ?? '');
}

/** Signs heads. The caller has committed the head before. */
export class CheckpointSigner {
  readonly #key: LogKey;
  readonly #ed25519Id: Uint8Array;
  readonly #mlDsaId: Uint8Array;

  constructor(key: LogKey) {
    this.#key = key;
    this.#ed25519Id = noteKeyId(key.origin, ED25519_NOTE, rawPublicKey(key.ed25519));
    this.#mlDsaId = noteKeyId(key.origin, ML_DSA_44_COSIGNATURE, rawPublicKey(key.mlDsa));
  }

  /** The head with the Ed25519 signature: what rides with an answer. */
  sign(size: number, root: Uint8Array): string {
    const { text } = this.#body(size, root);
    const signature = sign(null, utf8(text), this.#key.ed25519);
    return `${text}\n${formatSignature({ name: this.#key.origin, keyId: this.#ed25519Id, signature })}`;
  }

  /** The head with both signatures: what is published. `time` in epoch seconds. */
  publish(size: number, root: Uint8Array, time: number): string {
    const message = mlDsaCosignatureMessage(this.#body(size, root), this.#key.origin, time);
    const signature = timestamped(time, sign(null, message, this.#key.mlDsa));
    return `${this.sign(size, root)}${formatSignature({ name: this.#key.origin, keyId: this.#mlDsaId, signature })}`;
  }

  #body(size: number, root: Uint8Array): CheckpointBody {
    const { origin } = this.#key;
    return { origin, size, root, text: `${origin}\n${size}\n${encodeBase64(root)}\n` };
  }
}
