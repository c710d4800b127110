import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestFile } from '../files.ts';
import { type Collection, collectArtifacts } from './collect.ts';

const sparse = (at: string): void => {
  writeFileSync(at, '');
  truncateSync(at, 40 * MIB);
};
const linux = process.platform === 'linux';
const MIB = 1024 * 1024;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-collect-'));
});
afterEach(() => {
  execFileSync('rm', ['-rf', root]);
});

async function collect(
  limits: Partial<Parameters<typeof collectArtifacts>[0]['limits']> = {},
  inputs: ReadonlyMap<string, string> = new Map(),
): Promise<Collection> {
  const directory = openSync(root, 'r');
  try {
    return await collectArtifacts({
      directory,
      inputs,
      limits: { artifacts: 64, fileBytes: 32 * MIB, diskBytes: 64 * MIB, ...limits },
    });
  } finally {
    closeSync(directory);
  }
}

const reasons = ({ skipped }: Collection): Record<string, string> =>
  Object.fromEntries(skipped.map(({ pathBase64, reason }) => [Buffer.from(pathBase64, 'base64').toString('latin1'), reason]));

describe.skipIf(!linux)('collecting what a job left', () => {
  it('takes plain files, sorted, with digest and media type by content', async () => {
    mkdirSync(join(root, 'plots'));
    writeFileSync(join(root, 'plots/a.png'), Buffer.from('89504e470d0a1a0a0000', 'hex'));
    writeFileSync(join(root, 'b.csv'), 'x,y\n1,2\n');
    writeFileSync(join(root, 'fake.png'), 'no picture');
    const { artifacts, skipped } = await collect();
    expect(artifacts.map(({ path, mediaType }) => [path, mediaType])).toEqual([
      ['/tmp/b.csv', 'text/csv'],
      ['/tmp/fake.png', 'text/plain'],
      ['/tmp/plots/a.png', 'image/png'],
    ]);
    expect(artifacts[0]?.sha256).toBe(digestFile('/tmp/b.csv', Buffer.from('x,y\n1,2\n')).sha256);
    expect(skipped).toEqual([]);
  });

  it('leaves inputs that did not change', async () => {
    writeFileSync(join(root, 'same.csv'), 'a');
    writeFileSync(join(root, 'changed.csv'), 'b2');
    const inputs = new Map(
      ['same.csv', 'changed.csv'].map((name, index) => [
        `/tmp/${name}`,
        digestFile(name, Buffer.from('ab'[index] ?? '')).sha256,
      ]),
    );
    expect((await collect({}, inputs)).artifacts.map(({ path }) => path)).toEqual(['/tmp/changed.csv']);
  });

  it.each([
    ['a symbolic link to a file', 'link', (at: string) => symlinkSync('/etc/passwd', at), 'is a symbolic link'],
    ['a symbolic link to a directory', 'link', (at: string) => symlinkSync('/etc', at), 'is a symbolic link'],
    ['a fifo', 'fifo', (at: string) => execFileSync('mkfifo', [at]), 'is no plain file'],
    ['a sparse giant', 'giant', sparse, 'is larger than'],
    ['a newline in the name', 'a\nb.png', (at: string) => writeFileSync(at, 'x'), 'control'],
    ['an escape sequence in the name', '\u001b[31mred', (at: string) => writeFileSync(at, 'x'), 'control'],
    ['a right-to-left override', '\u202egnp.exe', (at: string) => writeFileSync(at, 'x'), 'bidirectional'],
    ['an option as name', '-rf', (at: string) => writeFileSync(at, 'x'), 'leading -'],
  ])('leaves %s and says why', async (_title, name, make, reason) => {
    make(join(root, name));
    const found = await collect();
    expect(found.artifacts).toEqual([]);
    expect(Object.values(reasons(found))[0]).toContain(reason);
  });

  it('leaves a name that is not UTF-8, and hard links', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe, 0x2e, 0x62])]), 'x');
    writeFileSync(join(root, 'one'), 'x');
    linkSync(join(root, 'one'), join(root, 'two'));
    const found = await collect();
    expect(found.artifacts).toEqual([]);
    expect(reasons(found)).toEqual({
      '\u00ff\u00fe.b': 'is not UTF-8',
      one: 'has more than one name',
      two: 'has more than one name',
    });
  });

  it('stops at the caps and goes on with what fits', async () => {
    for (let index = 0; index < 5; index += 1) writeFileSync(join(root, `f${index}`), Buffer.alloc(100));
    expect((await collect({ artifacts: 2 })).artifacts).toHaveLength(2);
    expect((await collect({ artifacts: 2 })).skipped).toHaveLength(3);
    const tight = await collect({ diskBytes: 250 });
    expect(tight.artifacts).toHaveLength(2);
    expect(Object.values(reasons(tight))[0]).toContain('50 bytes');
  });

  it('does not follow a tree three thousand deep', async () => {
    execFileSync('python3', [
      '-c',
      `import os\nos.chdir(${JSON.stringify(root)})\nfor _ in range(3000):\n  os.mkdir('d'); os.chdir('d')`,
    ]);
    const found = await collect();
    expect(Object.values(reasons(found))[0]).toContain('deeper than 8');
  });

  it('survives a directory that cannot be read', async () => {
    mkdirSync(join(root, 'closed'), { mode: 0o000 });
    writeFileSync(join(root, 'open'), 'x');
    expect((await collect()).artifacts.map(({ path }) => path)).toEqual(['/tmp/open']);
    rmSync(join(root, 'closed'), { recursive: true });
  });
});
