/** Fetching against a local stand-in: captured files, slow answers, missing ones, garbage and floods. */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readDer } from '@assay/encoding/der';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { expectCode, fakeChain, readVector, vectorsDirectory } from '@assay/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../certificates/x509.ts';
import { revocationUrls } from './aws.ts';
import { download } from './download.ts';
import { fetchEndorsements } from './fetch-endorsements.ts';
import { fetchIntelCollateral } from './intel.ts';
import { fetchOcsp, fetchRims } from './nvidia.ts';
import type { CachedAnswer, EndorsementCache, EndorsementSource } from './source.ts';

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;
let server: Server | null = null;

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

function memoryCache(): EndorsementCache & { readonly entries: Map<string, CachedAnswer> } {
  const entries = new Map<string, CachedAnswer>();
  return {
    entries,
    get: async (key) => entries.get(key) ?? null,
    put: async (key, answer) => void entries.set(key, answer),
  };
}

const source = (more: Partial<EndorsementSource> = {}): EndorsementSource => ({ fetch: globalThis.fetch, now: NOW, ...more });
const request = (url: string) => ({ url, what: 'thing', maxBytes: 1000, freshSeconds: 3600, staleSeconds: 7 * 86_400 });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('download', () => {
  it('serves young answers from the cache, renews old ones', async () => {
    let calls = 0;
    const url = await serve((_, response) => response.end(String(++calls)));
    const cache = memoryCache();
    expect(text((await download(request(url), source({ cache }))).bytes)).toBe('1');
    expect(text((await download(request(url), source({ cache, now: NOW + 3_600_000 }))).bytes)).toBe('1');
    expect(text((await download(request(url), source({ cache, now: NOW + 3_600_001 }))).bytes)).toBe('2');
    expect(text((await download(request(url), source({ cache, offline: true, now: NOW + DAY }))).bytes)).toBe('2');
    expect(calls).toBe(2);
  });

  it('falls back to an old answer when the service is gone, and refuses a stale one', async () => {
    const cache = memoryCache();
    cache.entries.set('http://127.0.0.1:1/', { bytes: new Uint8Array([1]), headers: {}, fetchedAt: NOW });
    const gone = request('http://127.0.0.1:1/');
    expect((await download(gone, source({ cache, now: NOW + 6 * DAY }))).bytes).toEqual(new Uint8Array([1]));
    await expectCode(download(gone, source({ cache, now: NOW + 8 * DAY })), 'endorsements/stale');
    await expectCode(download(gone, source({ cache, now: NOW - 8 * DAY })), 'endorsements/stale');
    await expectCode(download(gone, source({ cache, offline: true, now: NOW + 8 * DAY })), 'endorsements/stale');
  });

  it('never calls fetch offline', async () => {
    const fetch = () => expect.unreachable();
    await expectCode(download(request('http://127.0.0.1:1/'), source({ offline: true, fetch })), 'endorsements/offline');
  });

  it.each<readonly [string, RequestListener, string]>([
    ['404', (_, response) => response.writeHead(404).end(), 'endorsements/not-found'],
    ['500', (_, response) => response.writeHead(500).end(), 'endorsements/unreachable'],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'endorsements/unreachable',
    ],
    ['silence', () => {}, 'endorsements/unreachable'],
    ['a hang-up', (incoming) => incoming.socket.destroy(), 'endorsements/unreachable'],
    ['a flood', (_, response) => response.end(Buffer.alloc(1001)), 'endorsements/too-large'],
    [
      'a slow drip',
      (_, response) => {
        response.write('x');
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      },
      'endorsements/unreachable',
    ],
  ])('refuses %s', async (name, listener, code) => {
    const timeoutMs = name === 'silence' || name === 'a slow drip' ? 200 : 30_000;
    const url = await serve(listener);
    const cache = memoryCache();
    await expectCode(download(request(url), source({ cache, timeoutMs })), code);
    expect(cache.entries.size).toBe(0);
  });
});

describe('fetchIntelCollateral', () => {
  const signature = 'ab'.repeat(64);

  it('asks the four addresses and keeps signed bytes with their chains', async () => {
    const chain = await fakeChain();
    const pem = encodeURIComponent(encodePem('CERTIFICATE', chain.leaf.der) + encodePem('CERTIFICATE', chain.root.der));
    const asked: string[] = [];
    const base = await serve((incoming, response) => {
      const path = incoming.url ?? '';
      asked.push(path);
      if (path.includes('/tcb?'))
        response.writeHead(200, { 'TCB-Info-Issuer-Chain': pem }).end(`{"tcbInfo":{"id":"TDX"},"signature":"${signature}"}`);
      else if (path.includes('identity'))
        response
          .writeHead(200, { 'SGX-Enclave-Identity-Issuer-Chain': pem })
          .end(`{"enclaveIdentity":{"id":"TD_QE"},"signature":"${signature}"}`);
      else response.end('garbage');
    });
    const found = await fetchIntelCollateral(
      { tee: 'tdx', fmspc: 'b0c06f000000', ca: 'platform' },
      source({ services: { intel: base } }),
    );
    expect(asked.toSorted()).toEqual([
      '/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      '/sgx/certification/v4/rootcacrl',
      '/tdx/certification/v4/qe/identity',
      '/tdx/certification/v4/tcb?fmspc=b0c06f000000',
    ]);
    const info = found.find(({ kind }) => kind === 'tcb-info');
    expect(info?.kind === 'tcb-info' && text(info.body)).toBe('{"id":"TDX"}');
    expect(info?.kind === 'tcb-info' && info.issuerChain.map(encodeHex)).toEqual(
      [chain.leaf.der, chain.root.der].map(encodeHex),
    );
    expect(found.filter(({ kind }) => kind === 'crl')).toEqual([]);
  });
});

describe('fetchRims and fetchOcsp', () => {
  it('asks for manifests by id and for nothing that is no id', async () => {
    const asked: string[] = [];
    const base = await serve((incoming, response) => {
      asked.push(incoming.url ?? '');
      response.end(JSON.stringify({ rim: Buffer.from('<SoftwareIdentity/>').toString('base64') }));
    });
    const found = await fetchRims(['NV_GPU_DRIVER_GH100_550.90', '../admin', 'a b'], source({ services: { nvidiaRim: base } }));
    expect(asked).toEqual(['/v1/rim/NV_GPU_DRIVER_GH100_550.90']);
    expect(found.map(({ kind }) => kind)).toEqual(['rim']);
  });

  it('posts one request a certificate, naming issuer and serial', async () => {
    const chain = await fakeChain();
    const bodies: Buffer[] = [];
    const base = await serve((incoming, response) => {
      incoming.on('data', (body: Buffer) => bodies.push(body));
      incoming.on('end', () => response.end(Buffer.from('30030a0106', 'hex')));
    });
    const chainDer = [chain.leaf.der, chain.intermediate.der, chain.root.der];
    const found = await fetchOcsp(chainDer, source({ services: { nvidiaOcsp: base } }));
    expect(found.map(({ kind }) => kind)).toEqual(['ocsp', 'ocsp']);
    const serials = bodies.map((body) => {
      const certId = readDer(body).children()[0]?.children()[0]?.children()[0]?.children()[0]?.children() ?? [];
      return encodeHex(certId[3]?.content ?? new Uint8Array()).replace(/^00/, '');
    });
    const wanted = [chain.leaf.der, chain.intermediate.der].map((der) => parseCertificate(der).serial);
    expect(serials.toSorted()).toEqual(wanted.toSorted());
  });
});

describe('revocationUrls', () => {
  it('takes nothing from a certificate without distribution points', async () => {
    expect(revocationUrls((await fakeChain()).leaf.der)).toEqual([]);
  });
});

describe.skipIf(vectorsDirectory() === null)('fetchEndorsements for genuine evidence', () => {
  /** Answers by the end of the path, and remembers what was asked. */
  function standIn(answers: Readonly<Record<string, Uint8Array>>) {
    const asked: string[] = [];
    const fetch = async (url: unknown) => {
      const { host, pathname, search } = new URL(String(url));
      asked.push(`${host}${pathname}${search}`);
      const found = Object.entries(answers).find(([path]) => `${pathname}${search}`.includes(path));
      return found === undefined ? new Response('', { status: 404 }) : new Response(new Uint8Array(found[1]));
    };
    return { asked, fetch: fetch as typeof globalThis.fetch };
  }

  it('finds the VCEK of a report that names no product, and stays with that product', async () => {
    const report = await readVector('snp/v2-milan-vcek-sev-120d77b2.report');
    const vcek = await readVector('snp/certs/vcek-3bbfb6ee.der');
    const issuer = await readVector('snp/certs/sev-milan-67d303bd.der');
    const { asked, fetch } = standIn({ 'Milan/cert_chain': issuer, blSPL: vcek });
    const { endorsements, problems } = await fetchEndorsements(report, source({ fetch }));
    expect(asked.every((url) => url.startsWith('kdsintf.amd.com/vcek/v1/'))).toBe(true);
    expect(asked[0]).toMatch(/^kdsintf\.amd\.com\/vcek\/v1\/Milan\/[0-9a-f]{128}\?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115$/);
    expect(problems.map(({ code }) => code)).toContain('endorsements/not-found');
    expect(endorsements.length).toBeLessThanOrEqual(2);
  });

  it('asks AWS alone for the revocation lists of a Nitro document, and only when told', async () => {
    const document = await readVector('nitro/nautilus-20250415-7e916453.cose');
    const { asked, fetch } = standIn({});
    await fetchEndorsements(document, source({ fetch }));
    expect(asked).toEqual([]);
    await fetchEndorsements(document, source({ fetch }), { optional: true });
    expect(asked.length).toBeGreaterThan(0);
    for (const url of asked)
      expect(url).toMatch(/^[a-z0-9.-]*aws-nitro-enclaves(?:-crl)?\.s3[a-z0-9.-]*\.amazonaws\.com\/crl\//);
  });

  it('finds the quotes inside a combined report, each platform once', async () => {
    const report = await readVector('combined/near-cloud-20260610/report.json');
    const { asked, fetch } = standIn({});
    await fetchEndorsements(report, source({ fetch }));
    const platforms = new Set(asked.flatMap((url) => /fmspc=([0-9a-f]{12})/.exec(url)?.[1] ?? []));
    expect([...platforms].toSorted()).toEqual(['90c06f000000', 'b0c06f000000']);
    expect(asked.filter((url) => url.includes('/tcb?'))).toHaveLength(2);
  });

  it('needs nothing for what is no evidence', async () => {
    const fetch = () => expect.unreachable();
    for (const bytes of [new Uint8Array(), new TextEncoder().encode('{"a":[1,{"b":"c"}]}'), new Uint8Array(5000).fill(0x41)]) {
      expect(await fetchEndorsements(bytes, source({ fetch }), { optional: true })).toEqual({ endorsements: [], problems: [] });
    }
  });
});
