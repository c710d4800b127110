/**
 * The service's end of the vLLM proxy's field encryption, version 2, written with Node's own cryptography and nothing of the code under
 * test: checks the headers as the proxy does, opens the fields of a request, seals those of an answer.
 */

import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { LooseJson } from '@assay/simulator';
import type { RedpillKey } from './redpill-report.ts';

/** `type` of the proxy's error answers. */
export class E2eeRefusal extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

export interface E2eeContext {
  /** The request in clear. */
  readonly request: LooseJson;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** Seals `content` and `reasoning_content` of every choice in place. */
  sealAnswer(document: LooseJson, container: 'message' | 'delta'): LooseJson;
}

const WINDOW_SECONDS = 300;
const P = 2n ** 255n - 19n;
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * @param claimed nonces and times that were used before; this one is added.
 * @returns `null` for requests that ask for no encryption.
 * @throws {E2eeRefusal}
 */
export function acceptE2ee(
  headers: IncomingHttpHeaders,
  body: LooseJson,
  keys: Readonly<Record<'ecdsa' | 'ed25519', RedpillKey>>,
  claimed: Set<string>,
  now: number,
): E2eeContext | null {
  const header = (name: string): string => String(headers[name] ?? '');
  const three = [header('x-signing-algo'), header('x-client-pub-key'), header('x-model-pub-key')];
  if (three.every((value) => value === '')) return null;
  if (three.some((value) => value === '')) throw new E2eeRefusal('e2ee_header_missing');
  const [algorithm = '', client = '', model = ''] = three;
  if (algorithm !== 'ecdsa' && algorithm !== 'ed25519') throw new E2eeRefusal('e2ee_invalid_signing_algo');
  const length = algorithm === 'ecdsa' ? 128 : 64;
  if (!new RegExp(`^(04)?[0-9a-f]{${length}}$`).test(client)) throw new E2eeRefusal('e2ee_invalid_public_key');
  const key = keys[algorithm];
  if (model.slice(-length) !== Buffer.from(key.publicKey).toString('hex')) throw new E2eeRefusal('e2ee_model_key_mismatch');
  if (header('x-e2ee-version') !== '2') throw new E2eeRefusal('e2ee_invalid_version');
  const [nonce, timestamp] = [header('x-e2ee-nonce'), header('x-e2ee-timestamp')];
  if (nonce === '' || timestamp === '') throw new E2eeRefusal('e2ee_header_missing');
  if (nonce.length < 16) throw new E2eeRefusal('e2ee_invalid_nonce');
  if (!(Math.abs(Number(timestamp) - now / 1000) <= WINDOW_SECONDS)) throw new E2eeRefusal('e2ee_invalid_timestamp');
  const context = `|n=${nonce}|ts=${timestamp}`;
  const open = (field: string, at: string): string =>
    openField(field, algorithm, key.secret, `v2|req|algo=${algorithm}|model=${body.model}|${at}${context}`);
  const messages = body.messages.map((message: LooseJson, m: number) => {
    if (Array.isArray(message.content)) {
      const content = message.content.map((part: LooseJson, c: number) =>
        part.type === 'text' ? { ...part, text: open(part.text, `m=${m}|c=${c}`) } : part,
      );
      return { ...message, content };
    }
    if (typeof message.content !== 'string') return message;
    const text = open(message.content, `m=${m}|c=-`);
    return { ...message, content: partsOf(text) ?? text };
  });
  if (claimed.has(context)) throw new E2eeRefusal('e2ee_replay_detected');
  claimed.add(context);
  const seal = sealerFor(algorithm, client);
  return {
    request: { ...body, messages },
    responseHeaders: { 'x-e2ee-applied': 'true', 'x-e2ee-version': '2', 'x-e2ee-algo': algorithm },
    sealAnswer(document, container) {
      document.choices.forEach((choice: LooseJson, index: number) => {
        for (const field of ['content', 'reasoning_content']) {
          const value = choice[container]?.[field];
          if (typeof value !== 'string') continue;
          if (container === 'delta' && field === 'content' && value === '') {
            delete choice.delta.content;
            continue;
          }
          const about = `algo=${algorithm}|model=${document.model}|id=${document.id}|choice=${index}|field=${field}`;
          choice[container][field] = seal(value, `v2|resp|${about}${context}`);
        }
      });
      return document;
    },
  };
}

/** Seals to a client's key, as the service does, and as anybody can who has seen the header. */
export function sealerFor(algorithm: 'ecdsa' | 'ed25519', client: string): (text: string, aad: string) => string {
  const { shared, shown } = algorithm === 'ecdsa' ? agreeEcdsa(client) : agreeX25519(client);
  const key = derive(shared, algorithm);
  return (text, aad) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(aad));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return Buffer.concat([shown, iv, sealed]).toString('hex');
  };
}

function openField(field: string, algorithm: 'ecdsa' | 'ed25519', secret: Uint8Array, aad: string): string {
  if (!/^([0-9a-f]{2})+$/.test(field)) throw new E2eeRefusal('invalid_e2ee_request');
  const bytes = Buffer.from(field, 'hex');
  const keyLength = algorithm === 'ecdsa' ? 65 : 32;
  if (bytes.length < keyLength + 28) throw new E2eeRefusal('e2ee_decryption_failed');
  const ephemeral = bytes.subarray(0, keyLength);
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      derive(agreeWithSecret(algorithm, secret, ephemeral), algorithm),
      bytes.subarray(keyLength, keyLength + 12),
    )
      .setAAD(Buffer.from(aad))
      .setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(keyLength + 12, -16)), decipher.final()]).toString('utf8');
  } catch {
    throw new E2eeRefusal('e2ee_decryption_failed');
  }
}

function agreeWithSecret(algorithm: 'ecdsa' | 'ed25519', secret: Uint8Array, ephemeral: Buffer): Buffer {
  if (algorithm === 'ecdsa') {
    const ecdh = createECDH('secp256k1');
    ecdh.setPrivateKey(secret);
    return ecdh.computeSecret(ephemeral);
  }
  const scalar = createHash('sha512').update(secret).digest().subarray(0, 32); // X25519 clamps it (RFC 7748 §5)
  const privateKey = createPrivateKey({ key: Buffer.concat([X25519_PKCS8, scalar]), format: 'der', type: 'pkcs8' });
  return diffieHellman({ privateKey, publicKey: x25519(ephemeral) });
}

function agreeEcdsa(client: string): { readonly shared: Buffer; readonly shown: Buffer } {
  const ecdh = createECDH('secp256k1');
  const shown = ecdh.generateKeys();
  return { shared: ecdh.computeSecret(Buffer.from(`04${client.slice(-128)}`, 'hex')), shown };
}

function agreeX25519(client: string): { readonly shared: Buffer; readonly shown: Buffer } {
  const pair = generateKeyPairSync('x25519');
  const shown = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const publicKey = x25519(montgomery(Buffer.from(client, 'hex')));
  return { shared: diffieHellman({ privateKey: pair.privateKey, publicKey }), shown };
}

function x25519(raw: Buffer): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.concat([X25519_SPKI, raw]), format: 'der', type: 'spki' });
}

/** u = (1 + y) / (1 - y) (RFC 7748 §4.1). */
function montgomery(edwards: Buffer): Buffer {
  const little = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const y = little(edwards) & (2n ** 255n - 1n);
  const inverse = power((((1n - y) % P) + P) % P, P - 2n);
  const u = ((1n + y) * inverse) % P;
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function derive(shared: Buffer, algorithm: 'ecdsa' | 'ed25519'): Buffer {
  return Buffer.from(hkdfSync('sha256', shared, Buffer.alloc(0), `${algorithm}_encryption`, 32));
}

function partsOf(text: string): LooseJson[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}
