import { createHash } from 'node:crypto';
import type { ExecutionLimits } from '@assay/receipt';
import { describe, expect, it } from 'vitest';
import { buildClaim, type ClaimFacts } from './claim.ts';
import { digestInputs, pathDefect } from './files.ts';
import type { Lane } from './lane.ts';
import { MAXIMUM_LIMITS, mergeLimits } from './limits.ts';
import { sniffMediaType } from './media-type.ts';
import { transcriptDigest, transcriptFromJson, transcriptToJson } from './network/transcript.ts';
import { DEFAULT_LIMITS, type NetworkTranscript, type Sandbox } from './port.ts';
import { selectSandbox } from './select.ts';
import { OutputBudget, StreamCapture } from './stream-capture.ts';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('limits', () => {
  it('fill in the defaults', () => {
    expect(mergeLimits({ wallMs: 5000 })).toEqual({ ...DEFAULT_LIMITS, wallMs: 5000 });
  });
  it.each([
    ['an unknown name', { wall: 1 }, 'sandbox/limit-invalid'],
    ['a prototype name', { constructor: 1 }, 'sandbox/limit-invalid'],
    ['a fraction', { wallMs: 1000.5 }, 'sandbox/limit-invalid'],
    ['NaN', { memoryBytes: Number.NaN }, 'sandbox/limit-invalid'],
    ['text', { wallMs: '1000' as unknown as number }, 'sandbox/limit-invalid'],
    ['a negative', { outputBytes: -1 }, 'sandbox/limit-invalid'],
    ['too little memory to start', { memoryBytes: 1024 }, 'sandbox/limit-invalid'],
    ['more than the maximum', { wallMs: MAXIMUM_LIMITS.wallMs + 1 }, 'sandbox/limit-too-high'],
  ])('refuse %s', (_name, wanted, code) => {
    expect(() => mergeLimits(wanted as Partial<ExecutionLimits>)).toThrow(expect.objectContaining({ code }));
  });
});

describe('paths', () => {
  it.each(['/tmp/a.csv', '/tmp/a b/ü.png', '/tmp/.hidden', '/tmp/1/2/3/4/5/6/7/8'])('take %s', (path) => {
    expect(pathDefect(path)).toBeNull();
  });
  it.each([
    '/tmp',
    '/tmp/',
    'tmp/x',
    '/etc/passwd',
    '/tmp/../etc/passwd',
    '/tmp/./x',
    '/tmp//x',
    '/tmp/a\nb.png',
    '/tmp/\u001b[31mred',
    '/tmp/\u202egnp.exe',
    '/tmp/-rf',
    '/tmp/a\\b',
    '/tmp/\ufffd.bin',
    '/tmp/\ud800',
    `/tmp/${'ü'.repeat(128)}`,
    '/tmp/1/2/3/4/5/6/7/8/9',
  ])('refuse %j', (path) => {
    expect(pathDefect(path)).not.toBeNull();
  });
  it.each([
    ['a repeated path', ['/tmp/a', '/tmp/a'], {}],
    ['a file over its limit', ['/tmp/a'], { fileBytes: 2 }],
    ['files over their sum', ['/tmp/a', '/tmp/b'], { diskBytes: 5 }],
    ['too many files', ['/tmp/a', '/tmp/b'], { inodes: 1 }],
  ])('inputs refuse %s', (_name, paths, limits) => {
    const files = paths.map((path) => ({ path, bytes: new Uint8Array(3) }));
    expect(() => digestInputs(files, mergeLimits(limits))).toThrow(expect.objectContaining({ code: 'sandbox/file-refused' }));
  });
});

describe('stream capture', () => {
  it('keeps to one budget for both streams and hashes the kept bytes', () => {
    const budget = new OutputBudget(8);
    const out = new StreamCapture(budget);
    const err = new StreamCapture(budget);
    expect(out.write(Buffer.from('hello'))).toBe('hello');
    expect(err.write(Buffer.from('world'))).toBe('wor');
    expect(out.write(Buffer.from('!'))).toBe('');
    expect(out.finish()).toEqual({ text: 'hello', bytes: 6, sha256: sha('hello'), truncated: true });
    expect(err.finish()).toEqual({ text: 'wor', bytes: 5, sha256: sha('wor'), truncated: true });
  });
  it('joins characters cut between chunks and replaces broken ones', () => {
    const capture = new StreamCapture(new OutputBudget(100));
    const bytes = Buffer.from('é€\xff', 'utf8');
    expect([...bytes].map((byte) => capture.write(Uint8Array.of(byte))).join('')).toBe('é€ÿ');
    expect(capture.write(Uint8Array.of(0xff))).toBe('�');
    expect(capture.finish().truncated).toBe(false);
  });
});

describe('media types', () => {
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0);
  it.each([
    ['/tmp/chart.png', png, 'image/png'],
    ['/tmp/chart.txt', png, 'image/png'],
    ['/tmp/fake.png', Buffer.from('<script>'), 'text/plain'],
    ['/tmp/a.csv', Buffer.from('a,b\n1,2\n'), 'text/csv'],
    ['/tmp/a.csv', Uint8Array.of(0, 1, 2), 'application/octet-stream'],
    ['/tmp/a.json', Buffer.from('{"a":1}'), 'application/json'],
    ['/tmp/a.json', Buffer.from('{'), 'text/plain'],
    ['/tmp/a.svg', Buffer.from('<svg xmlns="x"/>'), 'image/svg+xml'],
    ['/tmp/a.svg', Buffer.from('no'), 'text/plain'],
    ['/tmp/empty', new Uint8Array(0), 'text/plain'],
  ])('%s', (path, bytes, type) => {
    expect(sniffMediaType(path, bytes)).toBe(type);
  });
});

const transcript: NetworkTranscript = [
  {
    method: 'POST',
    url: 'http://127.0.0.1:8545/',
    requestHeaders: { 'content-type': 'application/json' },
    requestBody: Buffer.from('{}'),
    status: 200,
    responseHeaders: {},
    responseBody: Uint8Array.of(0, 255),
  },
];

describe('claims', () => {
  const facts: ClaimFacts = {
    language: 'python',
    lane: 'wasm',
    isolation: 'wasm',
    code: 'print(1)',
    argv: [],
    inputs: [],
    environmentDigest: sha('environment'),
    limits: DEFAULT_LIMITS,
    seed: '00'.repeat(32),
    clock: { mode: 'frozen', epochMs: 0 },
    entropy: 'seeded',
    networkPolicy: undefined,
    transcript: [],
    sessionPrevious: null,
    status: 'ok',
    exitCode: 0,
    stdoutSha256: sha('1\n'),
    stderrSha256: sha(''),
    outputs: [],
    truncated: false,
  };
  it.each([
    ['wasm, frozen and seeded', {}, 'bit-exact'],
    ['wasm with an error', { status: 'error' }, 'bit-exact'],
    ['wasm with host clock', { clock: { mode: 'host' } }, 'none'],
    ['wasm with host entropy', { entropy: 'os' }, 'none'],
    ['wasm that ran out of time', { status: 'timeout' }, 'none'],
    ['wasm that was killed', { status: 'killed' }, 'none'],
    ['native code', { lane: 'linux-ns', isolation: 'ns' }, 'cpu-dependent'],
    ['native code out of memory', { lane: 'linux-ns', status: 'oom' }, 'none'],
  ] as const)('reproducibility: %s', (_name, change, wanted) => {
    expect(buildClaim({ ...facts, ...change } as ClaimFacts).claim.reproducibility).toBe(wanted);
  });
  it('name the transcript when the network was on, and sort the files', () => {
    const b = { path: '/tmp/b', bytes: 1, sha256: sha('b') };
    const a = { path: '/tmp/a', bytes: 1, sha256: sha('a') };
    const { claim } = buildClaim({ ...facts, outputs: [b, a], networkPolicy: { allow: ['127.0.0.1:8545'] }, transcript });
    expect(claim.network).toEqual({ mode: 'record', transcriptSha256: transcriptDigest(transcript) });
    expect(claim.outputs).toEqual([a, b]);
    expect(buildClaim(facts).claim.network).toEqual({ mode: 'off' });
  });
  it('have a digest that every field changes', () => {
    const base = buildClaim(facts).claimDigest;
    for (const change of [
      { code: 'print(2)' },
      { exitCode: 1 },
      { argv: ['x'] },
      { seed: '11'.repeat(32) },
      { sessionPrevious: sha('x') },
    ]) {
      expect(buildClaim({ ...facts, ...change }).claimDigest).not.toBe(base);
    }
  });
});

describe('transcripts', () => {
  it('come back from JSON with the same digest', () => {
    const back = transcriptFromJson(JSON.parse(JSON.stringify(transcriptToJson(transcript))));
    expect(transcriptDigest(back)).toBe(transcriptDigest(transcript));
  });
  it.each([[null], [{}], [[null]], [[{ ...transcriptToJson(transcript)[0], responseBody: '!' }]], [[{ method: 'GET' }]]])(
    'refuse %j',
    (json) => {
      expect(() => transcriptFromJson(json)).toThrow(expect.objectContaining({ code: 'sandbox/replay-mismatch' }));
    },
  );
});

describe('selection', () => {
  const opened: string[] = [];
  const lane = (name: Lane['name'], isolation: Lane['isolation'], works: boolean): Lane => ({
    name,
    isolation,
    open: async () => {
      opened.push(name);
      if (!works) throw new Error('self-test failed');
      return { capabilities: { lane: name } } as Sandbox;
    },
  });
  const lanes = [lane('linux-ns', 'ns', false), lane('wasm', 'wasm', true), lane('landlock', 'reduced', true)];
  it('takes the strongest that works and says why others do not', async () => {
    const { sandbox, refused } = await selectSandbox({ minIsolation: 'reduced', directory: '/x' }, lanes);
    expect(sandbox.capabilities.lane).toBe('wasm');
    expect(refused).toEqual([{ lane: 'linux-ns', reason: 'self-test failed' }]);
  });
  it('takes the preferred first', async () => {
    const { sandbox } = await selectSandbox({ minIsolation: 'reduced', prefer: 'landlock', directory: '/x' }, lanes);
    expect(sandbox.capabilities.lane).toBe('landlock');
  });
  it('never goes below the minimum, not even for the preferred', async () => {
    opened.length = 0;
    await expect(selectSandbox({ minIsolation: 'ns', prefer: 'landlock', directory: '/x' }, lanes)).rejects.toMatchObject({
      code: 'sandbox/unavailable',
    });
    expect(opened).toEqual(['linux-ns']);
  });
});
