/** TLS identities for stand-ins: a key, a certificate for loopback that signs itself, and a server that keeps every byte it decrypts. */

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodePem } from '@assay/encoding/pem';
import { basicConstraints } from '@assay/encoding/x509-writer';
import { fakeCertificate, fakeKey } from '@assay/simulator';

export interface FakeTls {
  readonly keyPem: string;
  /** Also the authority that signed it. */
  readonly certificatePem: string;
  /** DER. */
  readonly certificate: Uint8Array;
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly spkiSha256: string;
}

const YEAR = 365 * 86_400_000;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

const made = new Map<string, Promise<FakeTls>>();

/** The identity of this label, for 127.0.0.1 and localhost; the same one for the same label. */
export function fakeTls(label: string): Promise<FakeTls> {
  const known = made.get(label) ?? makeTls(label, Date.now());
  made.set(label, known);
  return known;
}

async function makeTls(label: string, now: number): Promise<FakeTls> {
  const key = await fakeKey('P-256', `tls ${label}`);
  const names = [encodeDer(0x87, Uint8Array.of(127, 0, 0, 1)), encodeDer(0x82, utf8('localhost'))];
  const { der } = await fakeCertificate({
    name: `fake TLS ${label}`,
    key,
    ...{ notBefore: now - YEAR, notAfter: now + YEAR },
    extensions: [
      basicConstraints(true),
      { oid: SUBJECT_ALTERNATIVE_NAME, critical: false, value: encodeDer(DER_TAG.sequence, concatBytes(...names)) },
    ],
  });
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', key.privateKey));
  return {
    keyPem: encodePem('PRIVATE KEY', pkcs8),
    certificatePem: encodePem('CERTIFICATE', der),
    certificate: der,
    spkiSha256: createHash('sha256').update(key.spki).digest('hex'),
  };
}

/** Somebody in the middle with a good certificate and another key: terminates TLS and writes down all it can read. */
export interface Eavesdropper {
  readonly origin: string;
  /** Everything decrypted so far. */
  read(): Uint8Array;
  /** Connections that ended so far. */
  ended(): number;
  close(): Promise<void>;
}

export async function startEavesdropper({ keyPem, certificatePem }: FakeTls): Promise<Eavesdropper> {
  const pieces: Uint8Array[] = [];
  const sockets = new Set<TLSSocket>();
  let ended = 0;
  const server = createServer({ key: keyPem, cert: certificatePem }, (socket) => {
    sockets.add(socket);
    socket.on('data', (piece) => {
      pieces.push(new Uint8Array(piece));
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
    });
    socket.on('error', () => socket.destroy());
  });
  server.on('connection', (connection: Socket) => {
    connection.on('close', () => {
      ended += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `https://127.0.0.1:${port}`,
    read: () => concatBytes(...pieces),
    ended: () => ended,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
