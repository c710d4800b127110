/**
 * Every source of time and entropy that a program in the wasm lane can reach, found by walking what there is and calling it: two runs
 * under one seed give the same bytes, or the claim reads `none`. Nothing here lists the sources, so a new one of the engine is found.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox, SandboxJob, SandboxResult } from '../../packages/sandbox/src/port.ts';
import { replayExecution } from '../../packages/sandbox/src/replay.ts';
import { wasmLane } from '../../packages/sandbox/src/wasm/lane.ts';
import { WASM_DIRECTORY } from '../lanes/wasm-lane.ts';

const read = (name: string): string => readFileSync(new URL(`./sources/${name}`, import.meta.url), 'utf8');
const LIMITS = { wallMs: 120_000, cpuMs: 120_000, outputBytes: 16 * 1024 * 1024, memoryBytes: 1024 * 1024 * 1024 };
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await wasmLane.open({ directory: WASM_DIRECTORY, warm: 0, concurrency: 2 });
});
afterAll(() => sandbox.close());

async function run(job: Omit<SandboxJob, 'seed' | 'epochMs'>): Promise<SandboxResult> {
  for await (const event of sandbox.run({ ...job, seed: '07'.repeat(32), epochMs: 1_750_000_000_000 })) {
    if (event.type === 'result') return event.result;
  }
  throw new Error('expected a result');
}

/** Runs a program twice, at different real times; gives the first run and the lines that differ. */
async function twice(
  job: Omit<SandboxJob, 'seed' | 'epochMs'>,
): Promise<{ first: SandboxResult; differing: readonly string[] }> {
  const first = await run(job);
  // Clocks that show whole seconds must have moved on.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const again = (await run(job)).stdout.text.split('\n');
  const lines = first.stdout.text.split('\n');
  return { first, differing: lines.filter((line, index) => line !== again[index]).slice(0, 10) };
}

/** End the program, or fail a stream after the call, outside of it. */
const STREAMS = ['exit', 'emit', 'destroy', 'push', 'unshift', 'write', 'end'];
/** Sources of crypto whose claim is `none`; each has its own test below. */
const UNSEEDED = [
  ...['generateKeyPair', 'generateKeyPairSync', 'createECDH', 'ECDH', 'createDiffieHellman', 'createDiffieHellmanGroup'],
  ...['getDiffieHellman', 'DiffieHellman', 'DiffieHellmanGroup', 'checkPrime', 'checkPrimeSync', 'generatePrime'],
  ...['generatePrimeSync', 'publicEncrypt', 'createSign', 'Sign', 'sign', 'Certificate', 'setEngine', 'setFips'],
  ...[
    'secureHeapUsed',
    'encapsulateBits',
    'encapsulateKey',
    'decapsulateBits',
    'decapsulateKey',
    'generateKey',
    'encrypt',
    'wrapKey',
  ],
];

describe('everything that is reached gives the same twice', () => {
  it.each<[string, number, readonly string[]]>([
    ['', 20_000, ['exit', 'emit']],
    ['assert', 2000, []],
    ['buffer', 4000, []],
    ['crypto', 4000, [...STREAMS, ...UNSEEDED]],
    ['events', 1500, []],
    ['fs', 1500, []],
    ['fs/promises', 1000, []],
    ['os', 800, []],
    ['path', 1500, []],
    ['perf_hooks', 900, []],
    ['process', 2000, ['exit']],
    ['querystring', 900, []],
    ['stream', 4000, STREAMS],
    ['string_decoder', 400, []],
    ['timers', 900, []],
    ['timers/promises', 800, []],
    ['url', 1200, []],
    ['util', 3500, []],
    ['util/types', 1800, []],
    ['zlib', 2500, []],
  ])('JavaScript %j', async (root, least, leftOut) => {
    const job = { language: 'javascript', code: read('every-api.js'), argv: [root, ...leftOut], limits: LIMITS } as const;
    const { first, differing } = await twice(job);
    expect(differing).toEqual([]);
    expect(first.claim.reproducibility).toBe('bit-exact');
    const [, taken] = /called (\d+)\n$/.exec(first.stdout.text) ?? [];
    expect(Number(taken), `${first.status} ${first.error?.message}`).toBeGreaterThan(least);
  });

  it('Python: the standard library', async () => {
    const argv = ['_ctypes.PyObj_FromPtr', '_ctypes.Py_DECREF'];
    const { first, differing } = await twice({ language: 'python', code: read('every-module.py'), argv, limits: LIMITS });
    expect(differing).toEqual([]);
    expect(first.claim.reproducibility).toBe('bit-exact');
    expect(Number(/\ncalled (\d+)\n/.exec(first.stdout.text)?.[1])).toBeGreaterThan(15_000);
  });
});

/** One line each: a source that the walk cannot ask well, and that is seeded. */
const SEEDED: Readonly<Record<string, string>> = {
  'the time of a format': "console.log(new Intl.DateTimeFormat('en', { timeStyle: 'full', timeZone: 'UTC' }).formatToParts())",
  'the clock of Temporal': 'console.log(String(Temporal.Now.instant()), String(Temporal.Now.zonedDateTimeISO()))',
  'a class of dates':
    'class Day extends Date {}\nconsole.log(new Day().getTime(), Object.getPrototypeOf(Date).now, Date.prototype.constructor.now())',
  'a copy of a date': 'console.log(structuredClone(new Date()).constructor.now())',
  'a file': "console.log(new File(['x'], 'a').lastModified)",
  'a file of a form': "const f = new FormData(); f.append('a', new Blob(['x'])); console.log(f.get('a').lastModified)",
  'the boundary of a form': "const f = new FormData(); f.append('a', 'b'); console.log(await new Response(f).text())",
  'a mark': "console.log(performance.mark('a').startTime, performance.measure('b').duration, performance.timeOrigin)",
  'an event': "console.log(new Event('x').timeStamp)",
  'a key from WebCrypto':
    "const k = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']); console.log(await crypto.subtle.exportKey('jwk', k))",
  'a key for signatures of messages':
    "const k = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-512' }, true, ['sign']); console.log(await crypto.subtle.exportKey('jwk', k))",
  'a key of Node': "console.log(require('crypto').generateKeySync('aes', { length: 192 }).export().toString('hex'))",
  'random bytes that come later':
    "require('crypto').randomFill(Buffer.alloc(8), (error, bytes) => console.log(bytes.toString('hex')))",
  'an integer that comes later': "require('crypto').randomInt(1e9, (error, value) => console.log(value))",
  'a timeout of a signal':
    "AbortSignal.timeout(5).addEventListener('abort', (event) => console.log(event.target.reason.message, Date.now()))",
  'who comes first, hashes':
    "const names = []; const sizes = [4e6, 10, 2e6, 1]; await Promise.all(sizes.map((n) => crypto.subtle.digest('SHA-512', new Uint8Array(n)).then(() => names.push(n)))); console.log(names)",
  'who comes first, a hash or a timer':
    "crypto.subtle.digest('SHA-512', new Uint8Array(2e7)).then(() => console.log('hash')); setTimeout(() => console.log('timer'), 1)",
  'who comes first, keys':
    "const { pbkdf2 } = require('crypto'); for (const n of [20000, 1, 5000]) pbkdf2('a', 'b', n, 8, 'sha512', () => console.log(n))",
  'who comes first, archives':
    "const { deflate } = require('zlib'); for (const n of [4e6, 1, 1e6]) deflate(Buffer.alloc(n), () => console.log(n))",
  'how deep a recursion goes':
    'let n = 0; const f = () => { n += 1; f(); }; for (let i = 0; i < 20; i += 1) { n = 0; try { f(); } catch {} console.log(n); }',
  'what is collected':
    'const seen = []; const r = new FinalizationRegistry((x) => seen.push(x)); let refs = []; for (let i = 0; i < 300; i += 1) { const o = { a: new Array(50000).fill(i) }; r.register(o, i); refs.push(new WeakRef(o)); if (i % 50 === 49) refs = refs.slice(-5); await new Promise((y) => setTimeout(y)); } console.log(seen.length, refs.filter((x) => x.deref()).length)',
  'a place in a trace':
    "console.log(new Error('x').stack); Error.prepareStackTrace = (e, s) => s.map(String).join(); console.log(new Error('y').stack)",
  'wasm, compiled beside':
    "const m = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0); WebAssembly.compile(m).then(() => console.log('compiled')); setTimeout(() => console.log('timer'), 1); Promise.resolve().then(() => console.log('then'))",
  'a wallet': "console.log(require('ethers').ethers.Wallet.createRandom().address)",
};

/** Sources that stay the engine's own. */
const NONE: Readonly<Record<string, string>> = {
  'a key pair':
    "console.log(require('crypto').generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('hex'))",
  'a key pair that comes later':
    "require('crypto').generateKeyPair('x25519', {}, (error, key) => console.log(key.export({ type: 'spki', format: 'der' }).toString('hex')))",
  'a key of elliptic Diffie-Hellman': "console.log(require('crypto').createECDH('prime256v1').generateKeys('hex'))",
  'a class of the module': "const { ECDH } = require('crypto'); console.log(new ECDH('prime256v1').generateKeys('hex'))",
  'a group': "console.log(require('crypto').getDiffieHellman('modp14').generateKeys('hex').length)",
  'a prime': "console.log(require('crypto').generatePrimeSync(64, { bigint: true }))",
  'a signature':
    "const { generateKeyPairSync, sign } = require('crypto'); console.log(sign('sha256', Buffer.from('x'), generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).toString('hex'))",
  'a key pair of WebCrypto':
    "const k = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']); console.log(await crypto.subtle.exportKey('jwk', k.privateKey))",
  'a key pair by a call on the prototype':
    "const k = await SubtleCrypto_().generateKey.call(crypto.subtle, 'Ed25519', true, ['sign']); console.log(await crypto.subtle.exportKey('jwk', k.privateKey)); function SubtleCrypto_() { return Object.getPrototypeOf(crypto.subtle); }",
  'an algorithm that changes its name':
    "let n = 0; const a = { get name() { n += 1; return n === 1 ? 'Ed25519' : 'AES-GCM'; }, length: 128 }; const k = await crypto.subtle.generateKey(a, true, ['sign']); console.log(await crypto.subtle.exportKey('jwk', k.privateKey))",
};

describe('by name', () => {
  it.each(Object.entries(SEEDED))('%s follows from the seed', async (_name, code) => {
    const { first, differing } = await twice({ language: 'javascript', code });
    expect(first.error).toBeNull();
    expect(first.stdout.text).not.toBe('');
    expect([differing, first.claim.reproducibility, first.claim.entropy]).toEqual([[], 'bit-exact', 'seeded']);
    expect(first.stdout.text).not.toMatch(/file:\/\/|node_modules|guest\//);
  });

  it.each(Object.entries(NONE))('%s is claimed as none', async (_name, code) => {
    const result = await run({ language: 'javascript', code });
    expect(result.error).toBeNull();
    expect([result.claim.reproducibility, result.claim.entropy]).toEqual(['none', 'os']);
    const report = await replayExecution({ claim: result.claim, code, inputs: [], transcript: [] }, sandbox);
    expect(report.outcome).not.toBe('differs');
    if (report.differences.length > 0)
      expect([report.outcome, report.notes.join()]).toEqual(['inconclusive', expect.stringContaining('no promise')]);
  });

  it('a source that one cell of a session used marks every later one', async () => {
    const id = 'marked';
    const first = await run({
      language: 'javascript',
      code: "const k = require('crypto').generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })",
      session: { id, previousClaim: null },
    });
    const second = await run({
      language: 'javascript',
      code: 'console.log(k.x)',
      session: { id, previousClaim: first.claimDigest },
    });
    expect(second.error).toBeNull();
    expect([first.claim.reproducibility, second.claim.reproducibility]).toEqual(['none', 'none']);
  });
});
