/** The command line by transcript: what is printed where, and with which exit code. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { FAKE_NOW, fakeNitroDocument, readVector, transcript, vectorsDirectory } from '@assay/testing';
import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let cwd = '';
let document = new Uint8Array();
const nonce = '09'.repeat(32);

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-cli-'));
  const good = await fakeNitroDocument();
  const debug = await fakeNitroDocument({
    chain: good.chain,
    fields: { pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48)])) },
  });
  document = new Uint8Array(good.document);
  const forged = new Uint8Array(good.document);
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
  const files = {
    'good.cose': good.document,
    'good.b64': encodeBase64(good.document),
    'good.hex': `${encodeHex(good.document)}\n`,
    'debug.cose': debug.document,
    'forged.cose': forged,
    'root.pem': encodePem('CERTIFICATE', good.chain.root.der),
    'noise.bin': Uint8Array.of(1, 2, 3),
    'bad-policy.json': '{"version":1,"debgu":"allow"}',
    'policy.json': JSON.stringify({ version: 1, name: 'mine', measurements: [{ values: { pcr0: '01'.repeat(48) } }] }),
    'other-policy.json': JSON.stringify({ version: 1, name: 'theirs', measurements: [{ values: { pcr0: '02'.repeat(48) } }] }),
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(cwd, name), content)));
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

async function assay(
  args: readonly string[],
  more: { stdin?: Uint8Array; env?: Record<string, string>; interactive?: boolean } = {},
) {
  const io = transcript({ cwd, now: FAKE_NOW, ...more });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

const simulated = ['--simulated-root', 'root.pem'];

describe('assay verify', () => {
  it.each([
    ['accepted evidence', ['good.cose', ...simulated], 0, /^ACCEPTED \(SIMULATED\) {2}SIMULATED AWS Nitro document/],
    ['base64', ['good.b64', ...simulated], 0, /^ACCEPTED/],
    ['hex', ['good.hex', ...simulated], 0, /^ACCEPTED/],
    ['the right nonce', ['good.cose', ...simulated, '--nonce', nonce], 0, /answers the nonce given/],
    ['a policy that matches', ['good.cose', ...simulated, '--policy', 'policy.json'], 0, /policy mine: measurements match/],
    ['strict, which takes no simulator', ['good.cose', ...simulated, '--policy', 'strict'], 5, /policy\.simulated/],
    ['moderate', ['good.cose', ...simulated, '--policy', 'moderate'], 0, /policy moderate/],
    ['an unnamed simulator', ['good.cose'], 3, /^NOT AUTHENTIC/],
    ['a simulator passed off as a private root', ['good.cose', '--root', 'root.pem'], 0, /^ACCEPTED {2}AWS/],
    ['a changed byte', ['forged.cose', ...simulated], 3, /^NOT AUTHENTIC/],
    ['another time', ['good.cose', ...simulated, '--at', '2001-01-01T00:00:00Z'], 3, /certificate/],
    ['noise', ['noise.bin'], 2, /^MALFORMED/],
    ['debug', ['debug.cose', ...simulated], 5, /^REFUSED \(SIMULATED\)/],
    ['debug under relaxed', ['debug.cose', ...simulated, '--policy', 'relaxed'], 0, /DEBUG: the environment/],
    ['another nonce', ['good.cose', ...simulated, '--nonce', '00'.repeat(32)], 5, /policy\.nonce/],
    ['other user data', ['good.cose', ...simulated, '--user-data', '0x00'], 5, /policy\.user-data/],
    ['other software', ['good.cose', ...simulated, '--policy', 'other-policy.json'], 5, /policy\.measurements/],
  ] as const)('%s', async (_, args, code, text) => {
    const result = await assay(['verify', ...args]);
    expect(result.out + result.err).toMatch(text);
    expect(result.code).toBe(code);
    const json = await assay(['verify', ...args, '--json']);
    expect(json.code).toBe(code);
    const outcome = { 0: 'accepted', 2: 'malformed', 3: 'not-authentic', 5: 'refused' }[code];
    expect(JSON.parse(json.out)).toMatchObject({ outcome });
  });

  it('prints one verdict line, the claims, every check when asked, and what it does not prove', async () => {
    const { out, err } = await assay(['verify', 'good.cose', ...simulated, '--verbose']);
    expect(out).toMatch(/✓ {2}nitro\.signature/);
    expect(out).toMatch(/○ {2}policy\.measurements +not checked: no reference values given/);
    expect(out).toMatch(/^ {2}pcr0 +(01){48}$/m);
    expect(out).toMatch(/This does not prove:\n {2}- Anything about hardware: a simulator/);
    expect(err).toBe('');
    expect(out).not.toContain('\u001b');
  });

  it('says what is wrong and what to do on standard error', async () => {
    const { err } = await assay(['verify', 'good.cose']);
    expect(err).toMatch(/^error: .* \[certificate\/root-not-trusted\]\nhint: .*--simulated-root/);
  });

  it('reads standard input', async () => {
    expect((await assay(['verify', '-', ...simulated], { stdin: document })).code).toBe(0);
  });

  it('names checks, claims and error in JSON', async () => {
    const { out } = await assay(['verify', 'good.cose', ...simulated, '--json']);
    expect(JSON.parse(out)).toMatchObject({
      type: 'nitro',
      simulated: true,
      claims: { type: 'nitro', simulated: true, debug: false },
      tcb: null,
      error: null,
      policy: 'default',
    });
  });

  it.each([
    ['no subject', ['verify']],
    ['an unknown option', ['verify', 'good.cose', '--trust-me']],
    ['an unknown command', ['trust']],
    ['a missing file', ['verify', 'absent']],
    ['odd hex', ['verify', 'good.cose', '--nonce', 'abc']],
    ['a time that is none', ['verify', 'good.cose', '--at', 'yesterday']],
    ['seconds that are none', ['verify', 'good.cose', '--max-age', 'soon']],
  ])('misuse: %s', async (_, args) => {
    const { code, out, err } = await assay(args);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(/^error: .+\nhint: .+/);
  });

  it('colours only for terminals, and not under NO_COLOR', async () => {
    expect((await assay(['verify', 'good.cose'], { interactive: true })).out).toContain('\u001b[31m');
    expect((await assay(['verify', 'good.cose'], { interactive: true, env: { NO_COLOR: '1' } })).out).not.toContain('\u001b');
  });
});

describe('assay verify --ear', () => {
  it('prints a signed EAR that says what the verdict says', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    await writeFile(join(cwd, 'key.jwk'), JSON.stringify({ ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'v1' }));
    for (const [file, code, status] of [
      ['good.cose', 0, 'warning'],
      ['debug.cose', 5, 'contraindicated'],
    ] as const) {
      const result = await assay(['verify', file, ...simulated, '--ear', 'key.jwk']);
      expect(result.code).toBe(code);
      const { payload } = await jwtVerify(result.out.trim(), publicKey);
      expect(payload).toMatchObject({ submods: { main: { ear_status: status, 'assay.simulated': true } } });
    }
    expect((await assay(['verify', 'good.cose', '--ear', 'root.pem'])).code).toBe(1);
  });
});

describe('assay verify with a network', () => {
  const quote = () => readVector('tdx/v4-b0c06f000000-attestation-rs-3ab56d67.quote');
  it.skipIf(vectorsDirectory() === null)('fetches what is missing, once, and says what it could not have', async () => {
    const collateral = JSON.parse(
      new TextDecoder().decode(await readVector('tdx/collateral/tdx-b0c06f000000-eval18-2026-04-05-plat.collateral.json')),
    );
    await writeFile(join(cwd, 'tdx.quote'), await quote());
    const asked: string[] = [];
    const answers: Readonly<Record<string, () => Response>> = {
      tcb: () =>
        new Response(`{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`, {
          headers: { 'TCB-Info-Issuer-Chain': encodeURIComponent(collateral.tcb_info_issuer_chain) },
        }),
      identity: () =>
        new Response(`{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`, {
          headers: { 'SGX-Enclave-Identity-Issuer-Chain': encodeURIComponent(collateral.qe_identity_issuer_chain) },
        }),
      pckcrl: () =>
        new Response(Buffer.from(collateral.pck_crl, 'hex'), {
          headers: { 'SGX-PCK-CRL-Issuer-Chain': encodeURIComponent(collateral.pck_crl_issuer_chain) },
        }),
      'IntelSGXRootCA.der': () => new Response(Buffer.from(collateral.root_ca_crl, 'hex')),
    };
    const fetch = async (url: unknown) => {
      asked.push(String(url));
      return answers[new URL(String(url)).pathname.split('/').at(-1) ?? '']?.() ?? new Response('', { status: 404 });
    };
    const env = { ASSAY_CACHE_DIR: join(cwd, 'cache') };
    const at = Date.parse('2026-04-06T22:35:39Z');
    const verify = async (args: readonly string[], more: object = {}) => {
      const io = transcript({ cwd, now: at, env, fetch: fetch as typeof globalThis.fetch, ...more });
      return { code: await run(['verify', 'tdx.quote', ...args], io), out: io.out(), err: io.err() };
    };
    expect((await verify(['--offline'])).code).toBe(4);
    expect(asked).toEqual([]);
    expect(await verify([])).toMatchObject({ code: 0, err: '' });
    expect(asked.map((url) => new URL(url).host).toSorted()).toEqual([
      'api.trustedservices.intel.com',
      'api.trustedservices.intel.com',
      'api.trustedservices.intel.com',
      'certificates.trustedservices.intel.com',
    ]);
    expect((await verify(['--offline'])).code).toBe(0);
    expect((await verify([])).code).toBe(0);
    expect(asked).toHaveLength(4);
    const gone = await verify([], {
      env: { ASSAY_CACHE_DIR: join(cwd, 'empty'), ASSAY_PCCS_URL: 'http://127.0.0.1:1' },
      fetch: globalThis.fetch,
    });
    expect(gone.code).toBe(4);
    expect(gone.err).toMatch(/^error: .+ \[dcap\/collateral-missing\]\nhint: .+cannot be reached/);
    expect((await assay(['collateral', 'pack', 'root.pem', 'tdx.quote', '-o', 'pack.json'])).code).toBe(0);
  });

  it("asks an agent's address for a report with a fresh nonce", async () => {
    const asked: string[] = [];
    const fetch = async (url: unknown) => {
      asked.push(String(url));
      return new Response('{"api_version":"aci/1"}');
    };
    const io = transcript({ cwd, now: FAKE_NOW, fetch: fetch as typeof globalThis.fetch });
    expect(await run(['verify', 'https://agent.example/'], io)).toBe(2);
    expect(asked[0]).toMatch(/^https:\/\/agent\.example\/v1\/aci\/attestation\?nonce=[0-9a-f]{64}$/);
  });
});

describe('assay inspect', () => {
  it('marks everything unverified', async () => {
    const { code, out } = await assay(['inspect', 'forged.cose']);
    expect(code).toBe(0);
    expect(out).toMatch(/^UNVERIFIED {2}nitro/);
    expect(out).toMatch(/moduleId +i-0fake/);
    expect(JSON.parse((await assay(['inspect', 'forged.cose', '--json'])).out)).toMatchObject({
      verified: false,
      type: 'nitro',
    });
  });

  it('refuses what it does not know', async () => expect((await assay(['inspect', 'noise.bin'])).code).toBe(2));
});

describe('assay policy', () => {
  it('init writes a policy that accepts this software and refuses other', async () => {
    const { code, out } = await assay(['policy', 'init', '--from', 'good.cose', ...simulated]);
    expect(code).toBe(0);
    await writeFile(join(cwd, 'made.json'), out);
    expect((await assay(['verify', 'good.cose', ...simulated, '--policy', 'made.json'])).code).toBe(0);
    expect((await assay(['verify', 'debug.cose', ...simulated, '--policy', 'made.json'])).code).toBe(5);
  });

  it('init takes nothing that is not authentic', async () => {
    expect((await assay(['policy', 'init', '--from', 'forged.cose', ...simulated])).code).toBe(3);
  });

  it('explain and show', async () => {
    expect((await assay(['policy', 'explain', 'policy.json'])).out).toContain('pcr0 = 0101');
    expect(JSON.parse((await assay(['policy', 'show', 'strict'])).out)).toMatchObject({ version: 1, name: 'strict' });
    expect((await assay(['policy', 'explain', 'bad-policy.json'])).err).toContain('debgu');
  });
});

describe('assay', () => {
  it('lists its commands', async () => {
    const { code, out } = await assay(['--help']);
    expect(code).toBe(0);
    for (const name of ['verify', 'inspect', 'policy']) expect(out).toContain(name);
  });

  it('helps with one command', async () => {
    expect((await assay(['help', 'verify'])).out).toContain('--collateral');
    expect((await assay(['verify', '--help'])).out).toContain('--simulated-root');
  });
});
