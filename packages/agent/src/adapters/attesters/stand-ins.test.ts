/**
 * Every attester over a stand-in that answers with evidence under a root of its own: what the attester makes of it is verified as any evidence is,
 * and binds the statement. Then each defect that a device, a driver or a guest agent can have; each one ends in a coded error.
 */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { collectEndorsements, type Endorsements, type TrustAnchor, verifyEvidence } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import { encodeHex } from '@assay/encoding/hex';
import { certificatesOf, FAKE_NOW, fakeDcap, fakeSnp } from '@assay/simulator';
import { expectRefusal, fakeDevice, fakeDstack, fakeNitroDocument } from '@assay/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Attester } from '../../ports/attester.ts';
import { createConfigfsTsmAttester, type ReportFiles } from './configfs-tsm.ts';
import { detectAttester } from './detect.ts';
import { openDstackAttester } from './dstack.ts';
import { openGramineAttester } from './gramine.ts';
import { guarded } from './guarded.ts';
import { createNitroAttester } from './nitro/nitro.ts';
import { findGpuTool, withGpus } from './nvidia.ts';
import { openTappdAttester } from './tappd.ts';

const statementDigest = new Uint8Array(32).fill(0xd1);
const request = { statementDigest, nonce: new Uint8Array(32).fill(0x40), channelPublicKey: new Uint8Array(32).fill(0x30) };
const UNAVAILABLE = 'attester/unavailable';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-tee-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface StandIn {
  readonly attester: Attester;
  readonly now: number;
  readonly endorsements: Endorsements;
  readonly roots: readonly TrustAnchor[];
}

/** configfs as the kernel behaves; `quote` makes what `outblob` holds. */
function configfs(
  provider: string,
  quote: (reportData: Uint8Array) => Promise<Uint8Array>,
  failing: Record<string, string> = {},
): ReportFiles {
  const entries = new Map<string, { generation: number; inblob: Uint8Array }>();
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  const at = (path: string) => entries.get(dirname(path)) ?? fail('ENOENT');
  return {
    make: async (path) => {
      if (failing.make !== undefined) fail(failing.make);
      entries.set(path, { generation: 0, inblob: new Uint8Array(0) });
    },
    remove: async (path) => void (entries.delete(path) || fail('ENOENT')),
    write: async (path, bytes) => {
      if (failing.write !== undefined || bytes.length > 64) fail(failing.write ?? 'EINVAL');
      const entry = at(path);
      entry.inblob = bytes.slice();
      entry.generation += 1;
    },
    read: async (path) => {
      const entry = at(path);
      if (failing[basename(path)] !== undefined) fail(failing[basename(path)] as string);
      if (basename(path) === 'provider') return utf8(`${provider}\n`);
      if (basename(path) === 'generation') return utf8(`${entry.generation}\n`);
      return basename(path) === 'auxblob' ? fail('ENOENT') : quote(entry.inblob);
    },
  };
}

const tdxQuote = async (reportData: Uint8Array) =>
  (await fakeDcap({ tee: 'tdx', body: (body) => body.set(reportData, 520) })).quote;
const snpReport = async (reportData: Uint8Array) => (await fakeSnp({ edit: (report) => report.set(reportData, 0x50) })).report;

type Answer = (body: { readonly report_data?: string }, response: ServerResponse) => void;

async function guestAgent(answers: Readonly<Record<string, Answer>>): Promise<string> {
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    answers[incoming.url ?? '']?.(JSON.parse(Buffer.concat(chunks).toString()), response);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const path = join(folder(), 'agent.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const json = (response: ServerResponse, body: unknown): void => void response.end(JSON.stringify(body));

/** A guest whose quote covers the report data it is asked for, with the event log that leads to its registers. */
async function dstackGuest(quoteMethod: string, infoMethod: string) {
  const reportData = new Uint8Array(64);
  reportData.set(statementDigest);
  const guest = await fakeDstack({ reportData });
  const socket = await guestAgent({
    [quoteMethod]: ({ report_data: wanted }, response) =>
      wanted === encodeHex(statementDigest).padEnd(128, '0') ? json(response, guest.document) : json(response, {}),
    [infoMethod]: (_, response) => json(response, { tcb_info: JSON.stringify({ app_compose: guest.compose }) }),
  });
  return { guest, socket };
}

const STAND_INS: Readonly<Record<string, () => Promise<StandIn>>> = {
  nitro: async () => {
    const { anchor } = await fakeNitroDocument();
    const attester = createNitroAttester(async (bytes) => {
      const call = decodeCbor(bytes) as Map<CborValue, CborValue>;
      const fields = Object.fromEntries(call.get('Attestation') as Map<string, CborValue>);
      const { document } = await fakeNitroDocument({ fields });
      return encodeCbor(new Map([['Attestation', new Map([['document', document]])]]));
    });
    return { attester, now: FAKE_NOW, endorsements: [], roots: [anchor] };
  },
  'configfs-tsm of TDX': async () => {
    const { endorsements, anchors, now } = await fakeDcap({ tee: 'tdx' });
    return { attester: createConfigfsTsmAttester('/tsm', configfs('tdx_guest', tdxQuote)), now, endorsements, roots: anchors };
  },
  'configfs-tsm of SEV-SNP': async () => {
    const { chain, anchor } = await fakeSnp();
    const attester = createConfigfsTsmAttester('/tsm', configfs('sev_guest', snpReport));
    return { attester, now: FAKE_NOW, endorsements: certificatesOf(chain), roots: [anchor] };
  },
  gramine: async () => {
    const { quote, endorsements, anchors, now } = await fakeDcap({
      tee: 'sgx',
      body: (body) => body.fill(0, 320, 384) && body.set(statementDigest, 320),
    });
    return { attester: openGramineAttester(gramine('dcap', quote)) as Attester, now, endorsements, roots: anchors };
  },
  dstack: async () => {
    const { guest, socket } = await dstackGuest('/GetQuote', '/Info');
    return {
      attester: openDstackAttester(null, [socket]) as Attester,
      now: guest.now,
      endorsements: guest.endorsements,
      roots: guest.anchors,
    };
  },
  tappd: async () => {
    const { guest, socket } = await dstackGuest('/prpc/Tappd.RawQuote', '/prpc/Tappd.Info');
    return {
      attester: openTappdAttester(null, [socket]) as Attester,
      now: guest.now,
      endorsements: guest.endorsements,
      roots: guest.anchors,
    };
  },
};

function gramine(kind: string, quote: Uint8Array): string {
  const place = folder();
  writeFileSync(join(place, 'attestation_type'), kind);
  writeFileSync(join(place, 'user_report_data'), new Uint8Array(64));
  writeFileSync(join(place, 'quote'), quote);
  return place;
}

describe.each(Object.entries(STAND_INS))('%s', (_name, open) => {
  it('gives evidence that verifies under the root of its stand-in and binds the statement', async () => {
    const { attester, now, endorsements, roots } = await open();
    const { evidence, evidenceType } = await guarded(attester).attest(request);
    const file = utf8(JSON.stringify(evidence));
    const companions = collectEndorsements([{ name: 'evidence.json', bytes: file }]);
    const claims = await verifyEvidence(file, { now, endorsements: [...companions, ...endorsements], trust: { roots } });
    expect(claims.type).toBe('event_log' in evidence ? 'dstack' : evidenceType);
    const { reportData, userData } = claims.bindings;
    expect((reportData ?? userData)?.padEnd(128, '0')).toBe(encodeHex(statementDigest).padEnd(128, '0'));
  });

  it('refuses what fits no carrier before the device sees it', async () => {
    const attester = guarded((await open()).attester);
    const attest = (change: object) => attester.attest({ ...request, ...change });
    await expectRefusal(attest({ statementDigest: new Uint8Array(64) }), 'attester/bad-request', ['32 bytes', 'got 64']);
    await expectRefusal(attest({ nonce: new Uint8Array(600) }), 'attester/bad-request', ['32 bytes', 'got 600']);
    await expectRefusal(attest({ channelPublicKey: new Uint8Array(1025) }), 'attester/bad-request', ['1024 bytes', 'got 1025']);
  });

  it('refuses evidence for another statement', async () => {
    const { attester } = await open();
    const other = { ...attester, attest: () => attester.attest(request) };
    const asked = guarded(other).attest({ ...request, statementDigest: new Uint8Array(32).fill(0x5a) });
    await expectRefusal(asked, UNAVAILABLE, ['for another']);
  });
});

const configfsWith = (failing: Record<string, string>, cut?: number) =>
  createConfigfsTsmAttester(
    '/tsm',
    configfs('tdx_guest', async (data) => (await tdxQuote(data)).subarray(0, cut), failing),
  );

describe('a device that fails', () => {
  it.each<[string, () => Attester, readonly string[]]>([
    ['no rights to make a report', () => configfsWith({ make: 'EACCES' }), ['/tsm', 'EACCES', 'run the agent as a user']],
    ['no rights to write', () => configfsWith({ write: 'EPERM' }), ['/tsm', 'EPERM']],
    ['a driver that went away', () => configfsWith({ outblob: 'ENXIO' }), ['ENXIO', 'load the driver']],
    ['a host that serves no quotes', () => configfsWith({ outblob: 'ETIMEDOUT' }), ['ETIMEDOUT', 'quote generation service']],
    ['a quote of nothing', () => configfsWith({}, 0), ['cut off']],
    ['a quote without its signature', () => configfsWith({}, 640), ['cut off']],
    ['a quote that lacks one byte of its chain', () => configfsWith({}, -1), ['cut off']],
    [
      'Gramine without remote attestation',
      () => openGramineAttester(gramine('none', new Uint8Array(0))) as Attester,
      ['"none"', 'manifest'],
    ],
    [
      'a quote of Gramine cut short',
      () => openGramineAttester(gramine('dcap', new Uint8Array(435))) as Attester,
      ['435 bytes'],
    ],
    [
      'a device of Nitro that gives half a document',
      () =>
        createNitroAttester(async () => {
          const { document } = await fakeNitroDocument({ fields: { user_data: statementDigest } });
          return encodeCbor(new Map([['Attestation', new Map([['document', document.subarray(0, 900)]])]]));
        }),
      ['cut off'],
    ],
  ])('%s', async (_name, open, words) => {
    await expectRefusal(guarded(open()).attest(request), UNAVAILABLE, words);
  });

  it('a Gramine whose files vanished', async () => {
    const place = gramine('dcap', new Uint8Array(500));
    const attester = openGramineAttester(place) as Attester;
    rmSync(join(place, 'user_report_data'));
    await expectRefusal(guarded(attester).attest(request), UNAVAILABLE, [place, 'ENOENT']);
  });
});

describe.each([
  ['dstack', openDstackAttester, '/GetQuote', '/Info'],
  ['tappd', openTappdAttester, '/prpc/Tappd.RawQuote', '/prpc/Tappd.Info'],
] as const)('a guest agent of %s', (_name, open, quoteMethod, infoMethod) => {
  const attestAt = (socket: string, patienceMs?: number) =>
    open(null, [socket], patienceMs)?.attest(request) as Promise<unknown>;
  const answering = (answer: Answer) => guestAgent({ [quoteMethod]: answer, [infoMethod]: answer });

  it('that is down: the socket is a file that nothing listens on', async () => {
    const socket = join(folder(), 'agent.sock');
    writeFileSync(socket, '');
    await expectRefusal(attestAt(socket), UNAVAILABLE, [socket, 'got E']);
  });

  it('that never answers', async () => {
    await expectRefusal(attestAt(await answering(() => undefined), 50), UNAVAILABLE, ['none within 50 ms']);
  });

  it('that gives a quote and never says what it is', async () => {
    const { guest } = await dstackGuest(quoteMethod, infoMethod);
    const socket = await guestAgent({
      [quoteMethod]: (_, response) => json(response, guest.document),
      [infoMethod]: () => undefined,
    });
    await expectRefusal(attestAt(socket, 200), UNAVAILABLE, ['none within 200 ms']);
  });

  it('that answers byte by byte for ever', async () => {
    const socket = await answering((_, response) => {
      const timer = setInterval(() => response.write(' '), 5);
      response.once('close', () => clearInterval(timer));
    });
    await expectRefusal(attestAt(socket, 100), UNAVAILABLE, ['none within 100 ms']);
  });

  it('that answers without end', async () => {
    const socket = await answering((_, response) => {
      const more = (): void => void (response.destroyed || response.write(Buffer.alloc(1 << 20), more));
      more();
    });
    await expectRefusal(attestAt(socket), UNAVAILABLE, ['4194304 bytes']);
  });

  it('that ends the connection in the middle of its answer', async () => {
    const socket = await answering((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"quote":"04', () => response.destroy());
    });
    await expectRefusal(attestAt(socket), UNAVAILABLE, [socket]);
  });
});

/** `nvattest` as a program that answers `output` to the call that is documented, and nothing to any other. */
function gpuTool(output: string, exit = 0): string {
  const place = folder();
  writeFileSync(join(place, 'output.json'), output);
  const wanted = `collect-evidence --device gpu --nonce ${encodeHex(statementDigest)}`;
  const tool = join(place, 'nvattest');
  writeFileSync(tool, `#!/bin/sh\n[ "$*" = "${wanted}" ] || exit 9\ncat "${join(place, 'output.json')}"\nexit ${exit}\n`);
  chmodSync(tool, 0o755);
  return tool;
}

const collection = (entries: readonly object[]) => JSON.stringify({ evidences: entries, result_code: 0, result_message: 'Ok' });

describe('NVIDIA GPUs', () => {
  const cpu = async () => (await (STAND_INS['configfs-tsm of TDX'] as () => Promise<StandIn>)()).attester;
  const attest = async (tool: string, patienceMs?: number) =>
    guarded(withGpus(await cpu(), { wish: 'required', tool, ...(patienceMs === undefined ? {} : { patienceMs }) })).attest(
      request,
    );

  it('answer the statement, next to the quote of the CPU', async () => {
    const devices = await Promise.all([1, 2].map((serial) => fakeDevice({ serial, nonce: statementDigest })));
    const { evidence } = await attest(gpuTool(collection(devices.map(({ entry }) => entry))));
    expect(evidence.nvidia).toEqual(devices.map(({ entry }) => ({ ...entry, nonce: encodeHex(statementDigest) })));
    const claims = await verifyEvidence(utf8(JSON.stringify(evidence.nvidia)), {
      now: (await fakeDcap()).now,
      trust: { roots: [devices[0]?.anchor as TrustAnchor] },
    });
    expect(Object.keys(claims.submodules)).toEqual(['gpu-0', 'gpu-1']);
    expect(claims.bindings.nonce).toBe(encodeHex(statementDigest));
  });

  it.each<[string, () => Promise<string>, readonly string[]]>([
    ['of another nonce', async () => gpuTool(collection([(await fakeDevice()).entry])), ['another nonce']],
    ['that are none', async () => gpuTool(collection([])), ['no GPU', 'code 0']],
    [
      'whose tool failed',
      async () => gpuTool('{"evidences":[],"result_code":104,"result_message":"no devices"}', 1),
      ['no devices'],
    ],
    ['whose tool prints a page', async () => gpuTool('<html>'), ['not JSON']],
    ['whose tool prints nothing', async () => gpuTool('', 3), ['no output', 'exit code 3']],
    ['whose tool is gone', async () => '/nowhere/nvattest', ['no start']],
  ])('%s are refused', async (_name, tool, words) => {
    await expectRefusal(attest(await tool()), UNAVAILABLE, words);
  });

  it('whose tool hangs are refused', async () => {
    const tool = join(folder(), 'nvattest');
    writeFileSync(tool, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    await expectRefusal(attest(tool, 100), UNAVAILABLE, ['no end within 100 ms']);
  });

  it('are asked where the tool is, and demanded where the settings say so', async () => {
    const attester = await cpu();
    expect(withGpus(attester, { wish: 'auto', tool: null })).toBe(attester);
    expect(withGpus(attester, { wish: 'off', tool: gpuTool('') })).toBe(attester);
    await expectRefusal(() => withGpus(attester, { wish: 'required', tool: null }), UNAVAILABLE, [
      'ASSAY_GPU_EVIDENCE=required',
    ]);
    const tool = gpuTool('');
    expect(await findGpuTool(`relative:/nowhere:${dirname(tool)}`)).toBe(tool);
    expect(await findGpuTool('/nowhere')).toBeNull();
    const options = { choice: 'simulated', directory: folder(), clock: { now: Date.now } };
    expect((await detectAttester({ ...options, gpus: 'auto' })).attester.name).toBe('simulated');
  });
});
