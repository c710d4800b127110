/** The addresses of nitriding: a document for a nonce of 20 bytes that verifies, and the hash of the keyset that it binds. */

import { createHash } from 'node:crypto';
import { parseNitroDocument } from '@assay/attestation';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { statementDigest } from '@assay/receipt';
import { expect, test } from 'vitest';
import { startTestAgent } from '../../../../../tests/e2e/agent.ts';

const nonce = '4e'.repeat(20);

test('a document for a nonce of nitriding, and the hash of the keyset', async () => {
  const agent = await startTestAgent();
  const response = await agent.request(`/enclave/attestation?nonce=${nonce}`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
  const document = parseNitroDocument(decodeBase64(await response.text()));
  expect(encodeHex(document.nonce ?? new Uint8Array(0))).toBe(nonce);
  const hash = await (await agent.request('/enclave/hash')).text();
  const report = (await (await agent.request('/v1/aci/attestation')).json()) as {
    attestation: { workload_keyset: JsonObject };
  };
  const keyset = createHash('sha256').update(canonicalJson(report.attestation.workload_keyset)).digest();
  expect(hash).toBe(encodeBase64(keyset));
  const statement = statementDigest(`sha256:${encodeHex(keyset)}` as never, nonce.padEnd(64, '0'));
  expect(encodeHex(document.userData ?? new Uint8Array(0))).toBe(encodeHex(statement));
});

test.each(['', 'zz', '4e'.repeat(21), '4e'.repeat(33)])('a nonce of %s is refused', async (bad) => {
  const agent = await startTestAgent();
  const response = await agent.request(`/enclave/attestation?nonce=${bad}`);
  expect(response.status).toBe(400);
  expect(((await response.json()) as { code: string }).code).toBe('http/bad-parameter');
});

test('nothing can be put into it', async () => {
  const agent = await startTestAgent();
  expect((await agent.request('/enclave/hash', { method: 'POST', body: 'AAAA' })).status).toBe(405);
});
