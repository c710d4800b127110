/** The scripts of deploy/nitro against stand-ins of the commands that they call: what they run, in which order, and what they refuse. */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const NITRO = join(ROOT, 'deploy/nitro');

const linter = spawnSync('shellcheck', ['--version']).status === 0;
if (!linter) console.warn('LEFT OUT: shellcheck is not installed, the scripts of deploy/ are not linted');

test.skipIf(!linter)('shellcheck finds nothing in any script', () => {
  const scripts = globSync('deploy/**/*.sh', { cwd: ROOT });
  expect(scripts.length).toBeGreaterThan(2);
  const { stdout, status } = spawnSync('shellcheck', scripts, { cwd: ROOT, encoding: 'utf8' });
  expect([stdout, status]).toEqual(['', 0]);
});

/** A folder of commands that note how they were called; `bodies` gives some of them more to do. */
function standIns(names: readonly string[], bodies: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'assay-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of names) {
    writeFileSync(join(folder, name), `#!/bin/bash\necho "${name} $*" >> "${folder}/calls"\n${bodies[name] ?? ''}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return {
    folder,
    calls: (): readonly string[] =>
      existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [],
    run: (script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
      spawnSync('bash', [join(NITRO, script), ...args], {
        encoding: 'utf8',
        timeout: 60_000,
        env: { PATH: `${folder}:${process.env.PATH}`, ...env },
      }),
  };
}

describe('setup.sh', () => {
  const commands = ['dnf', 'go', 'usermod', 'systemctl'];

  it('installs the tools, sets memory and processors aside, and starts the allocator', () => {
    const { folder, calls, run } = standIns([...commands, 'id', 'uname'], { id: 'echo 0', uname: 'echo x86_64' });
    const allocator = join(folder, 'allocator.yaml');
    const { status, stdout, stderr } = run('setup.sh', ['6144', '4'], { ALLOCATOR: allocator, SUDO_USER: 'ec2-user' });
    expect([status, stderr]).toEqual([0, '']);
    expect(readFileSync(allocator, 'utf8')).toBe('---\nmemory_mib: 6144\ncpu_count: 4\n');
    expect(calls().filter((call) => !/^(?:id|uname) /.test(call))).toEqual([
      expect.stringMatching(/^dnf install -y aws-nitro-enclaves-cli .*socat/),
      expect.stringMatching(/^go install -trimpath github\.com\/containers\/gvisor-tap-vsock\/cmd\/gvproxy@v\d/),
      'usermod -aG ne ec2-user',
      'systemctl enable nitro-enclaves-allocator.service',
      'systemctl restart nitro-enclaves-allocator.service',
    ]);
    expect(stdout).toContain('6144 MiB and 4 processors');
  });

  it.each<[string, Readonly<Record<string, string>>, readonly string[], string]>([
    ['a user who is not root', { id: 'echo 1000' }, [], 'run as root'],
    ['memory that is no number', {}, ['4G'], 'as numbers'],
    ['an instance of another kind', { uname: 'echo aarch64' }, [], 'expected an x86_64 instance, got aarch64'],
  ])('refuses %s before it changes anything', (_name, bodies, args, words) => {
    const { calls, run } = standIns([...commands, 'id', 'uname'], { id: 'echo 0', uname: 'echo x86_64', ...bodies });
    const { status, stderr } = run('setup.sh', args);
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(calls().filter((call) => !/^(?:id|uname) /.test(call))).toEqual([]);
  });
});

test('make builds gvforwarder with the Go that is pinned, then the image, and measures it with the Node of the checkout', () => {
  const { folder, calls } = standIns(['go', 'npm', 'node'], {
    go: 'echo "$GOTOOLCHAIN" > "$(dirname "$0")/toolchain"; touch "$GOBIN/vm"',
    npm: `mkdir -p "$5" && cp "${join(ROOT, 'packages/reference-values/test-images/app.eif')}" "$5/assay.eif"`,
    node: 'exit 1',
  });
  const [out, programs] = [join(folder, 'image'), join(folder, 'programs')];
  const { status, stdout, stderr } = spawnSync('make', ['-C', NITRO, `OUT=${out}`, `PROGRAMS=${programs}`], {
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env.PATH}` },
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(readFileSync(join(folder, 'toolchain'), 'utf8')).toMatch(/^go\d+\.\d+\.\d+\n$/);
  expect(calls()).toEqual([
    expect.stringMatching(/^go install -trimpath -ldflags=-buildid= github\.com\/containers\/gvisor-tap-vsock\/cmd\/vm@v\d/),
    `npm run image -- --out ${out} --blobs /usr/share/nitro_enclaves/blobs --programs ${programs} --settings deploy/nitro/settings.env`,
  ]);
  expect(stdout).toMatch(/pcr0 +[0-9a-f]{96}/);
});

describe('gvproxy.sh', () => {
  const listening = `exec "${process.execPath}" -e 'require("net").createServer().listen(process.argv[1]); setTimeout(() => process.exit(), 3000)' "\${4#unix://}"`;

  it('listens on the vsock and leads both ports of the seed to the enclave', () => {
    const { folder, calls, run } = standIns(['gvproxy', 'curl'], { gvproxy: listening });
    const { status } = run('gvproxy.sh', [], { SOCKET: join(folder, 'network.sock') });
    expect(status).toBe(0);
    const expose = (port: number): string =>
      `curl --fail --silent --show-error --unix-socket ${join(folder, 'network.sock')} http:/unix/services/forwarder/expose -X POST -d {"local":":${port}","remote":"192.168.127.2:7047"}`;
    expect(calls()).toEqual([
      `gvproxy -listen vsock://:1024 -listen unix://${join(folder, 'network.sock')}`,
      expose(7047),
      expose(443),
    ]);
  });

  it('leaves a port closed that cannot be opened, and goes on with the others', () => {
    const curl = 'case "$*" in *:443*) echo "permission denied" >&2; exit 22;; esac';
    const { folder, calls, run } = standIns(['gvproxy', 'curl'], { gvproxy: listening, curl });
    const { status, stdout, stderr } = run('gvproxy.sh', [], { SOCKET: join(folder, 'network.sock'), PORTS: '443 7047' });
    expect([status, calls().filter((call) => call.startsWith('curl')).length]).toEqual([0, 2]);
    expect(stderr).toContain('port 443 stays closed; is it taken? Ports below 1024 need root: sudo ./gvproxy.sh');
    expect(stdout).toBe('port 7047 of this instance leads to port 7047 of the enclave\n');
  });

  it('ends when no port opens', () => {
    const { folder, run } = standIns(['gvproxy', 'curl'], { gvproxy: listening, curl: 'exit 22' });
    const { status, stderr } = run('gvproxy.sh', [], { SOCKET: join(folder, 'network.sock') });
    expect([status, stderr]).toEqual([1, expect.stringContaining('got none of 7047 443')]);
  });

  it('says so when gvproxy ends at once', () => {
    const { folder, run } = standIns(['gvproxy', 'curl'], { gvproxy: 'exit 1' });
    const { status, stderr } = run('gvproxy.sh', [], { SOCKET: join(folder, 'network.sock') });
    expect([status, stderr]).toEqual([1, expect.stringContaining('gvproxy ended')]);
  });
});

describe('run-enclave.sh', () => {
  const commands = ['nitro-cli', 'curl', 'socat'];
  const eif = (folder: string): string => {
    writeFileSync(join(folder, 'app.eif'), '.eif');
    return join(folder, 'app.eif');
  };

  it('starts the image in production mode and waits for the agent', () => {
    const { folder, calls, run } = standIns(commands);
    const { status, stdout } = run('run-enclave.sh', [eif(folder)]);
    expect([status, stdout]).toEqual([0, expect.stringContaining('the agent answers at http://127.0.0.1:7047')]);
    expect(calls()).toEqual([
      'nitro-cli terminate-enclave --enclave-name assay',
      `nitro-cli run-enclave --enclave-name assay --eif-path ${join(folder, 'app.eif')} --memory 3072 --cpu-count 2 --enclave-cid 16`,
      expect.stringMatching(/^curl .*\/health$/),
      'nitro-cli describe-enclaves',
    ]);
    expect(calls().join()).not.toContain('debug-mode');
  });

  it('hands keys over by a port of its own loopback, and leaves no copy', () => {
    const { folder, calls, run } = standIns(commands, { socat: 'cat "${2##*cat }" > "$(dirname "$0")/handed"; exec sleep 20' });
    const keys = join(folder, 'keys.env');
    writeFileSync(keys, 'ASSAY_API_KEY=0123456789abcdef\n');
    expect(run('run-enclave.sh', [eif(folder), keys]).status).toBe(0);
    const call = calls().find((each) => each.startsWith('socat')) ?? '';
    expect(call).toMatch(
      /^socat TCP-LISTEN:7048,bind=127\.0\.0\.1,range=127\.0\.0\.1\/32,reuseaddr SYSTEM:head -n 1 > \/dev\/null; cat \/\S+$/,
    );
    expect(existsSync(call.split(' ').at(-1) as string)).toBe(false);
  });

  it('hands keys to the enclave of its number alone where the network is vsock', () => {
    const { folder, calls, run } = standIns(commands, { socat: 'exec sleep 3' });
    const keys = join(folder, 'keys.env');
    writeFileSync(keys, 'ASSAY_API_KEY=0123456789abcdef\n');
    expect(run('run-enclave.sh', [eif(folder), keys], { NETWORK: 'vsock', PORTS: '443', CID: '17' }).status).toBe(0);
    const [, served = ''] = /SYSTEM:(.*)$/.exec(calls().find((each) => each.includes('VSOCK-LISTEN')) ?? '') ?? [];
    expect(calls().join('\n')).toMatch(/^socat VSOCK-LISTEN:7048,reuseaddr SYSTEM:/m);
    const handed = join(folder, 'handed');
    writeFileSync(handed, 'KEYS');
    const as = (peer: Readonly<Record<string, string>>) =>
      spawnSync('sh', ['-c', served.replace(/cat \S+$/, `cat ${handed}`)], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, ...peer },
      });
    expect([as({ SOCAT_PEERADDR: '17' }), as({ SOCAT_PEERADDR: '3' }), as({})].map(({ stdout }) => stdout)).toEqual([
      'KEYS',
      '',
      '',
    ]);
  });

  const socat = spawnSync('socat', ['-V']).status === 0;
  if (!socat) console.warn('LEFT OUT: socat is not installed, the keys of run-enclave.sh are not fetched from it');
  it.skipIf(!socat)('serves the keys once, by socat itself', () => {
    const port = String(20_000 + (process.pid % 20_000));
    const { folder, run } = standIns(['curl', 'nitro-cli'], {
      'nitro-cli': `[ "$1" = run-enclave ] || exit 0
for copy in 1 2; do ${process.execPath} -e 'fetch("http://127.0.0.1:${port}/").then((r) => r.text()).then(console.log, () => console.log("nothing"))' >> "$(dirname "$0")/handed"; done`,
    });
    const keys = join(folder, 'keys.env');
    writeFileSync(keys, 'ASSAY_API_KEY=0123456789abcdef\n');
    expect(run('run-enclave.sh', [eif(folder), keys], { KEYS_PORT: port }).status).toBe(0);
    expect(readFileSync(join(folder, 'handed'), 'utf8')).toBe('ASSAY_API_KEY=0123456789abcdef\n\nnothing\n');
  });

  it('starts nothing when nothing serves the keys', () => {
    const { folder, calls, run } = standIns(commands, { socat: 'exit 1' });
    const keys = join(folder, 'keys.env');
    writeFileSync(keys, 'ASSAY_API_KEY=0123456789abcdef\n');
    const { status, stderr } = run('run-enclave.sh', [eif(folder), keys]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('is port 7048 taken')]);
    expect(calls().filter((call) => call.startsWith('nitro-cli'))).toEqual([]);
  });

  it('goes without gvproxy where the network is vsock alone', () => {
    const { folder, calls, run } = standIns(commands);
    expect(run('run-enclave.sh', [eif(folder)], { NETWORK: 'vsock', PORTS: '443' }).status).toBe(0);
    expect(calls()).toContain('socat TCP-LISTEN:443,fork,reuseaddr VSOCK-CONNECT:16:7047');
  });

  it.each<[string, readonly string[], string]>([
    ['no image', [], 'expected an image'],
    ['an image that is not there', ['/nowhere.eif'], "got '/nowhere.eif'"],
    ['keys that are not there', ['EIF', '/nowhere.env'], 'expected a file of keys'],
  ])('refuses %s and starts nothing', (_name, args, words) => {
    const { folder, calls, run } = standIns(commands);
    const { status, stderr } = run(
      'run-enclave.sh',
      args.map((arg) => (arg === 'EIF' ? eif(folder) : arg)),
    );
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(calls()).toEqual([]);
  });

  it('says so when the agent does not answer', () => {
    const { folder, run } = standIns([...commands, 'sleep'], { curl: 'exit 7' });
    const { status, stderr } = run('run-enclave.sh', [eif(folder)], { TRIES: '2' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('gvproxy.sh first')]);
  });
});
