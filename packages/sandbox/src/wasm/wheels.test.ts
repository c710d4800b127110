import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SandboxResult } from '../port.ts';
import { installWasmRuntime } from './install.ts';
import { startGuest } from './runtime.ts';
import { findRuntimeFiles, type RuntimeFiles } from './runtime-files.ts';
import { WasmSandbox } from './wasm-sandbox.ts';
import { installedWheels, installWheels, wantedWheels } from './wheels.ts';

/** A zip archive of stored files, which is all a wheel has to be. */
function zip(files: Readonly<Record<string, string>>): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const body = Buffer.from(text);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(body), 10);
    fields.writeUInt32LE(body.length, 14);
    fields.writeUInt32LE(body.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), body]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), fields, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

function wheel(name: string, source: string): Uint8Array {
  const info = `${name}-1.0.dist-info`;
  return zip({
    [`${name}/__init__.py`]: source,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: '',
  });
}

const sources: Readonly<Record<string, readonly [source: string, depends: readonly string[]]>> = {
  numpy: ['answer = 42\nclass random:\n    def seed(n): pass', []],
  six: ['six = 6', []],
  pandas: ['import numpy, six\nanswer = numpy.answer + six.six', ['numpy', 'six']],
  matplotlib: ['import numpy\nshown = numpy.answer', ['numpy']],
  unwanted: ['', []],
};
const built = new Map(
  Object.entries(sources).map(([name, [source]]): [string, Uint8Array] => [
    `${name}-1.0-py3-none-any.whl`,
    wheel(name, source),
  ]),
);
const root = mkdtempSync(join(tmpdir(), 'assay-wheels-'));
const real = findRuntimeFiles();
let files: RuntimeFiles;
beforeAll(() => {
  const lock = JSON.parse(readFileSync(join(real.pyodide.path, 'pyodide-lock.json'), 'utf8'));
  const packages = Object.fromEntries(
    Object.entries(sources).map(([name, [, depends]]) => {
      const file = `${name}-1.0-py3-none-any.whl`;
      const sha256 = createHash('sha256')
        .update(built.get(file) ?? '')
        .digest('hex');
      return [
        name,
        {
          name,
          version: '1.0',
          file_name: file,
          sha256,
          depends,
          imports: [name],
          install_dir: 'site',
          package_type: 'package',
          unvendored_tests: false,
        },
      ];
    }),
  );
  writeFileSync(join(root, 'pyodide-lock.json'), JSON.stringify({ info: lock.info, packages }));
  files = { ...real, pyodide: { path: root, version: real.pyodide.version } };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const place = (): string => mkdtempSync(join(root, 'data-'));
const source = async (file: string): Promise<Uint8Array | null> => built.get(file) ?? null;

describe('wheels', () => {
  it('are the wanted ones with what they need, by name', () => {
    expect(wantedWheels(files).map(({ name }) => name)).toEqual(['matplotlib', 'numpy', 'pandas', 'six']);
    expect(wantedWheels(real).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['numpy', 'pandas', 'matplotlib', 'pillow', 'python-dateutil']),
    );
    for (const { sha256 } of wantedWheels(real)) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('are not there before they are installed', async () => {
    expect(await installedWheels(place(), files)).toBeNull();
  });

  it('are fetched once, told, kept and found again', async () => {
    const directory = place();
    const told: string[] = [];
    let fetched = 0;
    const counting = (file: string): Promise<Uint8Array | null> => {
      fetched += 1;
      return source(file);
    };
    const first = await installWheels(directory, files, counting, (message) => told.push(message));
    expect(told).toContain('fetching numpy 1.0 (2 of 4)');
    expect(await installedWheels(directory, files)).toEqual(first);
    await installWheels(directory, files, counting, () => {});
    expect(fetched).toBe(4);
  });

  it.each<[string, (file: string) => Promise<Uint8Array | null>, string]>([
    [
      'a wheel with other bytes',
      async (file) => (file.startsWith('numpy') ? wheel('numpy', 'answer = 43') : source(file)),
      'sandbox/tampered',
    ],
    ['a wheel that cannot be had', async (file) => (file.startsWith('six') ? null : source(file)), 'sandbox/download-failed'],
  ])('refuse %s', async (_name, from, code) => {
    const directory = place();
    await expect(installWheels(directory, files, from, () => {})).rejects.toMatchObject({ code });
    expect(await installedWheels(directory, files)).toBeNull();
  });

  it.each(['numpy-1.0-py3-none-any.whl', 'lock.json'])('refuse a changed %s on disk', async (file) => {
    const directory = place();
    const { directory: kept } = await installWheels(directory, files, source, () => {});
    writeFileSync(join(kept, file), `${readFileSync(join(kept, file), 'latin1')} `, 'latin1');
    await expect(installedWheels(directory, files)).rejects.toMatchObject({ code: 'sandbox/tampered' });
  });

  it('say so when the published files cannot be fetched', async () => {
    const failing = { source: async () => null };
    await expect(installWasmRuntime(place(), () => {}, failing)).rejects.toMatchObject({ code: 'sandbox/download-failed' });
  });

  it('load in the sandbox, without any permission but reading them', async () => {
    const wheels = await installWheels(place(), files, source, () => {});
    const sandbox = new WasmSandbox({
      capabilities: {
        lane: 'wasm',
        isolation: 'wasm',
        languages: ['python'],
        packages: {},
        selfTest: [],
        environment: {},
        environmentDigest: '',
      },
      start: (flavour, memoryBytes) => startGuest({ files: real, snapshot: null, wheels }, flavour, memoryBytes),
      concurrency: 1,
      warm: { javascript: 0, ethers: 0, python: 0 },
    });
    let result: SandboxResult | null = null;
    for await (const event of sandbox.run({
      language: 'python',
      code: 'import pandas, matplotlib\nprint(pandas.answer, matplotlib.shown)\nimport seaborn',
    })) {
      if (event.type === 'result') result = event.result;
    }
    await sandbox.close();
    expect(result?.stdout.text).toBe('48 42\n');
    expect(result?.error?.message).toMatch(/PACKAGE_UNAVAILABLE.*seaborn.*numpy, pandas, matplotlib/);
  }, 60_000);
});
