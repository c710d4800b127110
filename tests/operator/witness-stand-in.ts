/**
 * A witness as C2SP tlog-witness has it, with one log: it takes checkpoints that the log's Ed25519 key signed and that continue what it saw,
 * remembers the newest, and answers with a `cosignature/v1`. Refusals have the specification's status codes.
 */

import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import {
  ED25519_COSIGNATURE,
  ed25519CosignatureMessage,
  formatSignature,
  formatVerifierKey,
  noteKeyId,
  parseCheckpoint,
  parseVerifierKey,
  timestamped,
  verifyCheckpoint,
  verifyConsistency,
} from '@assay/receipt';
import { onTestFinished } from 'vitest';

const NAME = 'witness.example/w1';

export interface StandInWitness {
  readonly url: string;
  readonly vkey: string;
  /** Requests that it answered with 200. */
  readonly cosigned: () => number;
  /** Size of the newest head that it saw. */
  readonly size: () => number;
  /** Gives this answer instead, or what it comes to for the body of a question; `null`: its own again. */
  answer(other: Answer | ((body: string) => Answer) | null): void;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

export async function startWitness(logKeys: () => readonly string[]): Promise<StandInWitness> {
  const { privateKey, publicKey: half } = generateKeyPairSync('ed25519');
  const publicKey = new Uint8Array(half.export({ format: 'der', type: 'spki' }).subarray(-32));
  let seen: { readonly size: number; readonly root: Uint8Array } = { size: 0, root: new Uint8Array(32) };
  let cosigned = 0;
  let other: Answer | ((body: string) => Answer) | null = null;

  async function add(body: string): Promise<Answer> {
    const end = body.indexOf('\n\n');
    const [first = '', ...path] = body.slice(0, end).split('\n');
    const old = /^old (0|[1-9][0-9]*)$/.exec(first)?.[1];
    if (end < 0 || old === undefined) return { status: 400, body: 'malformed' };
    const checkpoint = parseCheckpoint(body.slice(end + 2));
    const [key = ''] = logKeys();
    try {
      await verifyCheckpoint(checkpoint, [parseVerifierKey(key)]);
    } catch {
      return { status: 403, body: 'no signature of a known log' };
    }
    const { size, root, origin, text } = checkpoint;
    if (Number(old) > size) return { status: 400, body: 'old is larger than the checkpoint' };
    if (Number(old) !== seen.size) return { status: 409, type: 'text/x.tlog.size', body: `${seen.size}\n` };
    try {
      const proof = {
        size1: seen.size,
        root1: seen.root,
        size2: size,
        root2: root,
        path: path.map((hash) => decodeBase64(hash)),
      };
      if (seen.size > 0) verifyConsistency(proof);
      else if (path.length > 0) return { status: 400, body: 'a proof from nothing' };
    } catch {
      return { status: 422, body: 'the proof does not verify' };
    }
    seen = { size, root };
    cosigned += 1;
    const time = Math.floor(Date.now() / 1000);
    const signature = new Uint8Array(sign(null, ed25519CosignatureMessage({ text, size, root, origin }, time), privateKey));
    const keyId = noteKeyId(NAME, ED25519_COSIGNATURE, publicKey);
    return { status: 200, body: formatSignature({ name: NAME, keyId, signature: timestamped(time, signature) }) };
  }

  const server: Server = createServer(async (request, response) => {
    const body = await textOf(request);
    const known = request.method === 'POST' && request.url === '/add-checkpoint';
    const given = typeof other === 'function' ? other(body) : other;
    const { status, type = 'text/plain', body: text } = known ? (given ?? (await add(body))) : { status: 404, body: '' };
    response.writeHead(status, { 'content-type': type }).end(utf8(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    vkey: formatVerifierKey(NAME, ED25519_COSIGNATURE, publicKey),
    cosigned: () => cosigned,
    size: () => seen.size,
    answer: (given) => {
      other = given;
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
