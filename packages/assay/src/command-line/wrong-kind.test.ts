/** A file of another kind than a command takes is malformed for each of them: exit 2, a code that fits, what it takes, and what to do. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePem } from '@assay/encoding/pem';
import { ReceiptError } from '@assay/receipt';
import { expectAdvice, FAKE_NOW, fakeNitroDocument, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliError } from './errors.ts';
import { printError } from './output.ts';
import { run } from './program.ts';

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-wrong-kind-'));
  const { document, chain } = await fakeNitroDocument();
  await Promise.all(['folder', 'built', 'empty-root/etc/assay'].map((name) => mkdir(join(cwd, name), { recursive: true })));
  const tar = new Uint8Array(1024);
  tar.set(new TextEncoder().encode('ustar'), 257);
  await Promise.all([
    writeFile(join(cwd, 'README.md'), '# Read me\n\nThis is a page about something.\n'),
    writeFile(join(cwd, 'folder', 'README.md'), '# Read me\n'),
    writeFile(join(cwd, 'package.json'), '{"name":"x","version":"1.0.0"}'),
    writeFile(join(cwd, 'empty'), ''),
    writeFile(join(cwd, 'pages'), new Uint8Array(8192)),
    writeFile(join(cwd, 'rootfs.tar'), tar),
    writeFile(join(cwd, 'built/app-compose.json'), '{}'),
    writeFile(join(cwd, 'empty-root/etc/assay/image.json'), ''),
    writeFile(join(cwd, 'cut.json'), '{"manifest_version":2,"runner":"docker'),
    writeFile(join(cwd, 'text.zip'), 'hello'),
    writeFile(join(cwd, 'text.json'), 'hello'),
    writeFile(join(cwd, 'A.sol'), 'contract A {}'),
    writeFile(join(cwd, 'nitro.cose'), document),
    writeFile(join(cwd, 'root.pem'), encodePem('CERTIFICATE', chain.root.der)),
    writeFile(join(cwd, 'receipt.json'), '{"event_log":[],"receipt_id":"rcpt_1"}'),
  ]);
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('a file of another kind', () => {
  const IMAGES = ['an EIF', 'OVMF.fd', 'SIGSTRUCT', 'app-compose.json', 'rootfs.tar'];
  const TAKES = ['a bundle, a receipt', 'vendor-commitment, got text that begins "# Read me'];
  test.each<readonly [string, string, readonly string[]]>([
    ['verify README.md', 'evidence/unrecognised', TAKES],
    ['inspect README.md', 'evidence/unrecognised', TAKES],
    ['policy init --from README.md', 'evidence/unrecognised', TAKES],
    ['verify package.json', 'evidence/unrecognised', ['JSON with the members name, version']],
    ['collateral fetch README.md --offline', 'evidence/unrecognised', ['text that begins']],
    ['measure README.md', 'cli/not-an-image', [...IMAGES, 'text that begins "# Read me', 'name one of these']],
    ['measure empty --memory 8G', 'cli/not-an-image', [...IMAGES, 'an empty file']],
    ['measure pages --memory 8G', 'cli/not-an-image', [...IMAGES, '8192 bytes']],
    ['measure pages --processors 4 --cpu EPYC-Milan', 'cli/not-an-image', IMAGES],
    ['measure package.json', 'cli/not-an-image', [...IMAGES, 'JSON with the members name, version']],
    ['measure nitro.cose', 'cli/not-an-image', [...IMAGES, 'evidence (AWS Nitro document)', '--compare']],
    ['measure rootfs.tar', 'cli/not-an-image', [...IMAGES, 'a tar archive', 'unpack rootfs.tar']],
    ['measure folder', 'cli/not-an-image', [...IMAGES, 'a folder without etc/assay/image.json', 'unpack rootfs.tar']],
    ['measure built', 'cli/not-an-image', [...IMAGES, 'name app-compose.json in it']],
    ['measure empty-root', 'cli/not-an-image', [...IMAGES, 'node, platform and arch in etc/assay/image.json']],
    ['measure cut.json', 'compose/malformed', ['app-compose.json']],
    ['policy explain README.md', 'policy/malformed', ['expected JSON', 'spec/policy.md']],
    ['policy show package.json', 'policy/malformed', []],
    ['verify nitro.cose --policy README.md', 'policy/malformed', ['expected JSON']],
    ['verify nitro.cose --root README.md', 'cli/not-a-root', ['README.md']],
    ['policy from-nitro-cli README.md', 'nitro-cli/malformed', []],
    ['policy from-releases README.md', 'release/malformed', []],
    ['model digest README.md', 'model-file/malformed', ['GGUF or safetensors', 'README.md']],
    ['model digest folder', 'model-file/malformed', ['GGUF or safetensors']],
    ['audit README.md', 'project/malformed', ['.sol', 'README.md']],
    ['build README.md', 'project/malformed', ['.sol', 'README.md']],
    ['build text.zip', 'project/malformed', ['text.zip']],
    ['build text.json', 'json/malformed', []],
    ['audit A.sol --baseline package.json', 'audit/malformed', ['audit.json']],
    ['build A.sol --compare README.md', 'json/malformed', []],
    ['replay README.md', 'bundle/malformed', ['replay takes a bundle', 'text that begins']],
    ['replay nitro.cose', 'bundle/malformed', ['replay takes a bundle', 'evidence (AWS Nitro document)', 'assay verify']],
    ['replay receipt.json', 'bundle/malformed', ['a receipt alone']],
  ])('%s', async (line, code, words) => {
    const io = transcript({ cwd, now: FAKE_NOW });
    const status = await run(line.split(' '), io);
    const [, what = '', named, hint = ''] = /^error: (.+) \[([a-z/-]+)\]\nhint: (.+)\n$/m.exec(io.err()) ?? [];
    expect([status, named], io.err()).toEqual([2, code]);
    expectAdvice(`${what}; ${hint}`, words);
  });

  test('audit none.sol: what is not there stays misuse', async () => {
    const io = transcript({ cwd, now: FAKE_NOW });
    expect([await run(['audit', 'none.sol'], io), io.err()]).toEqual([1, expect.stringContaining('cli/file-unreadable')]);
  });
});

test.each([
  ['of its own', new CliError('cli/no-code', 'expected a, got b; do c'), undefined, 'do c'],
  ['given', new CliError('cli/no-code', 'expected a, got b; do c'), 'do d', 'do d'],
  ['of its kind', new ReceiptError('bundle/payload-unknown', 'expected a, got b'), undefined, 'do not use it'],
])('an error has a hint: %s', (_, error, advice, hint) => {
  const io = transcript({ cwd, now: FAKE_NOW });
  printError(error, io, advice);
  expect(io.err()).toMatch(new RegExp(`^error: expected a, got b \\[${error.code}\\]\nhint: ${hint}`));
});
