/** The certificate is one that OpenSSL takes, and its key is the one that is pinned. */
import { createHash, X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createTlsKey } from './tls-key.ts';

it('serves TLS under the pinned key, for its names', async () => {
  const key = createTlsKey(['localhost', '127.0.0.1'], Date.now(), Date.now() + 3_600_000);
  const certificate = new X509Certificate(key.certificatePem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(
    createHash('sha256')
      .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
  ).toBe(key.spkiSha256);
  const server = createServer({ key: key.privateKeyPem, cert: key.certificatePem }, (_request, response) =>
    response.end('hello'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const answered = await new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', port, ca: key.certificatePem }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
  server.close();
  expect(answered).toBe('hello');
});
