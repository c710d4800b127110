/** Every attester over a faithful stand-in of its device: same protocol, same files, same socket. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import { systemClock } from '@assay/ledger';
import { expect, onTestFinished, test } from 'vitest';
import { createConfigfsTsmAttester, openConfigfsTsmAttester, type ReportFiles } from './configfs-tsm.ts';
import { detectAttester } from './detect.ts';
import { openDstackAttester } from './dstack.ts';
import { openGramineAttester } from './gramine.ts';
import { askDevice, createNitroAttester, openNitroAttester } from './nitro/nitro.ts';
import { openTappdAttester } from './tappd.ts';

const statementDigest = new Uint8Array(32).fill(0xd1);
const nonce = new Uint8Array(32).fill(0x40);
const channelPublicKey = new Uint8Array(32).fill(0x30);
const request = { statementDigest, nonce, channelPublicKey };
const padded = new Uint8Array(64);
padded.set(statementDigest);

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-tee-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('nitro: the statement, nonce and key go into their slots', async () => {
  const seen: CborValue[] = [];
  const attester = createNitroAttester(async (bytes) => {
    seen.push(decodeCbor(bytes));
    return encodeCbor(
      new Map<CborValue, CborValue>([
        ['Attestation', new Map<CborValue, CborValue>([['document', new Uint8Array([1, 2, 3])]])],
      ]),
    );
  });
  expect(await attester.attest(request)).toEqual({ teeType: 'nitro', evidenceType: 'nitro', evidence: { document: 'AQID' } });
  const [call] = seen;
  const fields = call instanceof Map ? call.get('Attestation') : null;
  expect(fields).toEqual(
    new Map<CborValue, CborValue>([
      ['user_data', statementDigest],
      ['nonce', nonce],
      ['public_key', channelPublicKey],
    ]),
  );
  await attester.attest({ ...request, nonce: null, channelPublicKey: null });
  const second = (seen[1] as Map<CborValue, CborValue>).get('Attestation') as Map<CborValue, CborValue>;
  expect([second.get('nonce'), second.get('public_key')]).toEqual([null, null]);
});

test.each([
  ['an error of the module', new Map<CborValue, CborValue>([['Error', 'InvalidArgument']]), /InvalidArgument/],
  [
    'an empty document',
    new Map<CborValue, CborValue>([['Attestation', new Map<CborValue, CborValue>([['document', new Uint8Array(0)]])]]),
    /another response/,
  ],
  ['another response', 'GetRandom', /another response/],
])('nitro: %s', async (_name, response, message) => {
  const attester = createNitroAttester(async () => encodeCbor(response));
  await expect(attester.attest(request)).rejects.toMatchObject({
    code: 'attester/unavailable',
    message: expect.stringMatching(message),
  });
});

const compiler = spawnSync('cc', ['--version']).status === 0;
const NSM = `
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
struct vec { uint64_t addr, len; };
struct raw { struct vec request, response; };
int open(const char *path, int flags, ...) { return strcmp(path, "/dev/nsm") == 0 && flags == O_RDWR ? 77 : -1; }
int ioctl(int fd, unsigned long number, ...) {
  va_list list; va_start(list, number); struct raw *raw = va_arg(list, struct raw *); va_end(list);
  if (fd != 77 || number != 0xc0200a00ul || raw->response.len != 0x3000) return -1;
  unsigned char *out = (unsigned char *)raw->response.addr; const unsigned char *in = (const unsigned char *)raw->request.addr;
  for (uint64_t i = 0; i < raw->request.len; i++) out[i] = in[i] ^ 0xff;
  raw->response.len = raw->request.len;
  return 0;
}`;

test.skipIf(!compiler)(
  'nitro: the helper speaks the ioctl of the kernel (needs a C compiler)',
  { timeout: 60_000 },
  async () => {
    const place = directory();
    writeFileSync(join(place, 'nsm.c'), NSM);
    const library = join(place, 'libnsm.so');
    expect(spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(place, 'nsm.c')]).status).toBe(0);
    const sent = new Uint8Array(3000).map((_, index) => index % 251);
    expect(await askDevice(sent, { device: '/dev/nsm', library })).toEqual(sent.map((byte) => byte ^ 0xff));
    await expect(askDevice(sent, { device: '/dev/other', library })).rejects.toMatchObject({
      message: expect.stringContaining('cannot be opened'),
    });
    await expect(askDevice(new Uint8Array(5000), { device: '/dev/nsm', library })).rejects.toMatchObject({
      message: expect.stringContaining('too long'),
    });
  },
);

test('nitro: a device that is none', { timeout: 60_000 }, async () => {
  const path = join(directory(), 'nsm');
  writeFileSync(path, '');
  await expect(openNitroAttester(path)?.attest(request)).rejects.toMatchObject({
    code: 'attester/unavailable',
    message: expect.stringContaining('refused the call'),
  });
  expect(openNitroAttester(join(path, 'none'))).toBeNull();
});

/** configfs as the kernel behaves: a directory comes with its attributes, a write counts, a stale read is busy. */
function fakeConfigfs(provider: string, options: { disturb?: number; busy?: number; missing?: string } = {}) {
  const entries = new Map<string, { generation: number; inblob: Uint8Array | null }>();
  let { disturb = 0, busy = 0 } = options;
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  const files: ReportFiles = {
    make: async (path) => {
      if (options.missing !== undefined) fail(options.missing);
      if (entries.has(path)) fail('EEXIST');
      entries.set(path, { generation: 0, inblob: null });
    },
    remove: async (path) => {
      if (!entries.delete(path)) fail('ENOENT');
    },
    write: async (path, bytes) => {
      const entry = entries.get(dirname(path)) ?? fail('ENOENT');
      if (basename(path) !== 'inblob' || bytes.length > 64) fail('EINVAL');
      entry.inblob = bytes.slice();
      entry.generation += 1;
    },
    read: async (path) => {
      const entry = entries.get(dirname(path)) ?? fail('ENOENT');
      if (basename(path) === 'provider') return Buffer.from(`${provider}\n`);
      if (basename(path) === 'generation') return Buffer.from(`${entry.generation}\n`);
      if (basename(path) === 'auxblob') return provider === 'sev_guest' ? new Uint8Array([7]) : fail('ENOENT');
      if (entry.inblob === null) fail('EINVAL');
      if (busy > 0) {
        busy -= 1;
        fail('EBUSY');
      }
      if (disturb > 0) {
        disturb -= 1;
        entry.generation += 1;
      }
      return new Uint8Array([0xaa, ...(entry.inblob ?? [])]);
    },
  };
  return { files, entries };
}

test('configfs-tsm: TDX', async () => {
  const { files, entries } = fakeConfigfs('tdx_guest');
  const { teeType, evidenceType, evidence } = await createConfigfsTsmAttester('/tsm', files).attest(request);
  expect([teeType, evidenceType]).toEqual(['tdx', 'tdx']);
  expect(evidence.quote).toBe(`aa${Buffer.from(padded).toString('hex')}`);
  expect(entries.size).toBe(0); // nothing is left behind
});

test('configfs-tsm: SEV-SNP, with the certificates of the host', async () => {
  const { files } = fakeConfigfs('sev_guest');
  const { teeType, evidenceType, evidence } = await createConfigfsTsmAttester('/tsm', files).attest(request);
  expect([teeType, evidenceType]).toEqual(['sev_snp', 'sev-snp']);
  expect(evidence).toEqual({ report: encodeBase64(new Uint8Array([0xaa, ...padded])), auxblob: 'Bw==' });
});

test('configfs-tsm: other writers and busy reads are waited out, but not for ever', async () => {
  const { files } = fakeConfigfs('tdx_guest', { disturb: 2, busy: 1 });
  await createConfigfsTsmAttester('/tsm', files).attest(request);
  const { files: restless, entries } = fakeConfigfs('tdx_guest', { disturb: 99 });
  await expect(createConfigfsTsmAttester('/tsm', restless).attest(request)).rejects.toMatchObject({
    code: 'attester/unavailable',
  });
  expect(entries.size).toBe(0);
});

test('configfs-tsm: an unknown provider, no provider, no rights', async () => {
  await expect(createConfigfsTsmAttester('/tsm', fakeConfigfs('arm_cca_guest').files).attest(request)).rejects.toMatchObject({
    message: expect.stringContaining('arm_cca_guest'),
  });
  expect(await openConfigfsTsmAttester('/tsm', fakeConfigfs('', { missing: 'ENXIO' }).files)).toBeNull();
  await expect(openConfigfsTsmAttester('/tsm', fakeConfigfs('', { missing: 'EACCES' }).files)).rejects.toMatchObject({
    code: 'attester/unavailable',
    message: expect.stringContaining('EACCES'),
  });
  expect(await openConfigfsTsmAttester('/tsm', fakeConfigfs('tdx_guest').files)).not.toBeNull();
});

function fakeGramine(kind = 'dcap', quote = new Uint8Array(500).fill(9)): string {
  const place = directory();
  writeFileSync(join(place, 'attestation_type'), kind);
  writeFileSync(join(place, 'user_report_data'), new Uint8Array(64));
  writeFileSync(join(place, 'quote'), quote);
  return place;
}

test('gramine', async () => {
  const place = fakeGramine();
  const { teeType, evidenceType, evidence } = (await openGramineAttester(place)?.attest(request)) ?? {};
  expect([teeType, evidenceType, evidence?.quote]).toEqual(['sgx', 'sgx', '09'.repeat(500)]);
  expect(new Uint8Array(readFileSync(join(place, 'user_report_data')))).toEqual(padded);
  expect(openGramineAttester(join(place, 'none'))).toBeNull();
  await expect(openGramineAttester(fakeGramine('none'))?.attest(request)).rejects.toMatchObject({
    message: expect.stringContaining('"none"'),
  });
  await expect(openGramineAttester(fakeGramine('dcap', new Uint8Array(10)))?.attest(request)).rejects.toMatchObject({
    message: expect.stringContaining('10 bytes'),
  });
});

type Reply = { readonly status?: number; readonly body: unknown };

/** A guest agent on a Unix socket or a port. */
async function startGuestAgent(
  replies: Readonly<Record<string, (body: { report_data?: string }) => Reply>>,
  onSocket: boolean,
): Promise<string> {
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const reply = replies[incoming.url ?? '']?.(JSON.parse(Buffer.concat(chunks).toString())) ?? {
      status: 404,
      body: { error: 'no such method' },
    };
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  });
  onTestFinished(() => void server.close());
  const path = join(directory(), 'agent.sock');
  await new Promise<void>((resolve) => (onSocket ? server.listen(path, resolve) : server.listen(0, '127.0.0.1', resolve)));
  return onSocket ? path : `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A quote in form only: version 4, report data where TDX has it. */
const quoteOf = (reportData: string): string => `0400${'00'.repeat(566)}${reportData}${'00'.repeat(600)}`;
const info = { app_id: 'a1', tcb_info: JSON.stringify({ app_compose: '{"name":"x"}' }) };

test('dstack: on its socket, with event log and compose file', async () => {
  const socket = await startGuestAgent(
    {
      '/GetQuote': ({ report_data = '' }) => ({ body: { quote: quoteOf(report_data), event_log: '[]', vm_config: '{}' } }),
      '/Info': () => ({ body: info }),
    },
    true,
  );
  const attester = openDstackAttester(null, ['/nowhere.sock', socket]);
  expect([attester?.name, attester?.simulated]).toEqual(['dstack', false]);
  const { teeType, evidence } = (await attester?.attest(request)) ?? {};
  expect(teeType).toBe('tdx');
  expect(evidence).toEqual({
    quote: quoteOf(Buffer.from(padded).toString('hex')),
    event_log: '[]',
    vm_config: '{}',
    app_compose: '{"name":"x"}',
  });
});

test('dstack: its simulator is marked as one', async () => {
  const url = await startGuestAgent(
    {
      '/GetQuote': ({ report_data = '' }) => ({ body: { quote: `0x${quoteOf(report_data)}` } }),
      '/Info': () => ({ body: {} }),
    },
    false,
  );
  const attester = openDstackAttester(url, []);
  expect(attester?.simulated).toBe(true);
  expect((await attester?.attest(request))?.evidence).toEqual({ quote: quoteOf(Buffer.from(padded).toString('hex')) });
});

test.each<[string, Reply]>([
  ['an error', { status: 500, body: { error: 'quote failed' } }],
  ['no JSON', { body: '<html>' }],
  ['no quote', { body: { event_log: '[]' } }],
  ['a short quote', { body: { quote: 'abcd' } }],
  ['a list', { body: [] }],
])('dstack: %s', async (_name, reply) => {
  const socket = await startGuestAgent({ '/GetQuote': () => reply, '/Info': () => ({ body: info }) }, true);
  await expect(openDstackAttester(null, [socket])?.attest(request)).rejects.toMatchObject({ code: 'attester/unavailable' });
});

test('tappd: the raw quote of exactly 64 bytes', async () => {
  const socket = await startGuestAgent(
    {
      '/prpc/Tappd.RawQuote': ({ report_data = '' }) => ({ body: { quote: quoteOf(report_data), event_log: '[]' } }),
      '/prpc/Tappd.Info': () => ({ body: info }),
    },
    true,
  );
  const { evidence } = (await openTappdAttester(null, [socket])?.attest(request)) ?? {};
  expect(evidence).toMatchObject({ quote: quoteOf(Buffer.from(padded).toString('hex')), event_log: '[]' });
  expect(openTappdAttester(null, ['/nowhere.sock'])).toBeNull();
  await expect(openTappdAttester('/nowhere.sock', [])?.attest(request)).rejects.toMatchObject({
    code: 'attester/unavailable',
  });
});

test('detection: what is asked for and not there is an error; a TEE that is there and broken is one, too', async () => {
  const options = { directory: directory(), clock: systemClock, environment: {} };
  for (const choice of ['nitro', 'gramine', 'dstack', 'tappd', 'configfs-tsm', 'vendor'])
    await expect(detectAttester({ ...options, choice }), choice).rejects.toMatchObject({
      code: 'attester/unavailable',
      message: `the TEE ${choice} is not there; run the agent in it, or unset ASSAY_ATTESTER`,
    });
  expect((await detectAttester({ ...options, choice: 'simulated' })).attester.name).toBe('simulated');
  const broken = {
    name: 'tee',
    needs: null,
    open: () => Promise.reject(Object.assign(new Error('broken'), { code: 'attester/unavailable' })),
  };
  await expect(detectAttester({ ...options, choice: 'auto' }, [broken])).rejects.toThrow('broken');
  const absent = { name: 'absent', needs: null, open: () => null };
  const present = { name: 'present', needs: null, open: () => createNitroAttester(async () => new Uint8Array(0)) };
  expect(await detectAttester({ ...options, choice: 'auto' }, [absent, present])).toMatchObject({
    absent: ['absent'],
    attester: { name: 'AWS Nitro' },
  });
});
