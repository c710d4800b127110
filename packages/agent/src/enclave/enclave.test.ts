/** How an agent enters a Nitro enclave: the programs of its network in order, the random bytes of the module, the keys of the host and nothing else. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import { expectRefusal } from '@assay/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseConfig } from '../config.ts';
import { enterEnclave } from './enter.ts';
import { seedEntropy } from './entropy.ts';
import { hostKeys } from './host-keys.ts';
import { bringUpNetwork } from './network.ts';
import { type Programs, systemPrograms } from './programs.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-enclave-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Programs that only note how they were called; `output` is what each prints. */
function noted(output = ''): Programs & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    run: async (program, args) => {
      calls.push([program, ...args].join(' '));
      return output;
    },
    keep: (program, args) => void calls.push(['keep', program, ...args].join(' ')),
  };
}

describe('the network', () => {
  it('through gvproxy: loopback, tap device, address, names, then frames over the vsock of the parent', async () => {
    const programs = noted();
    const resolvConf = join(folder(), 'resolv.conf');
    let looks = 0;
    const answers = async (): Promise<boolean> => ++looks === 3;
    await bringUpNetwork('gvproxy', { programs, port: 7047, resolvConf, answers, pauseMs: 1 });
    expect(programs.calls).toEqual([
      'ip link set lo up',
      'ip tuntap add dev tap0 mode tap',
      'ip link set dev tap0 address 5a:94:ef:e4:0c:ee',
      'ip link set dev tap0 mtu 1500 up',
      'ip address add 192.168.127.2/24 dev tap0',
      'ip route add default via 192.168.127.1',
      'keep gvforwarder -url vsock://3:1024/connect -iface tap0 -preexisting -stop-if-exist ',
    ]);
    expect(readFileSync(resolvConf, 'utf8')).toBe('nameserver 192.168.127.1\n');
    expect(looks).toBe(3);
  });

  it('without a parent that answers', async () => {
    const options = { programs: noted(), port: 7047, resolvConf: join(folder(), 'r'), answers: async () => false, pauseMs: 0 };
    await expectRefusal(bringUpNetwork('gvproxy', options), 'network/unavailable', ['gvproxy', '192.168.127.1']);
  });

  it('by vsock alone: one port is handed on', async () => {
    const programs = noted();
    await bringUpNetwork('vsock', { programs, port: 7047 });
    expect(programs.calls).toEqual(['ip link set lo up', 'keep socat VSOCK-LISTEN:7047,fork,reuseaddr TCP4:127.0.0.1:7047']);
  });
});

describe('programs of the image', () => {
  it('that are missing, or fail, stop the start in their own words', async () => {
    await expectRefusal(systemPrograms.run('no-such-program', ['x']), 'network/unavailable', ['no-such-program x', 'ENOENT']);
    const failing = systemPrograms.run('sh', ['-c', 'echo no tun device >&2; exit 2']);
    await expectRefusal(failing, 'network/unavailable', ['no tun device']);
    expect(await systemPrograms.run('sh', ['-c', 'echo out'])).toBe('out\n');
  });

  it('that end are started again', async () => {
    const file = join(folder(), 'starts');
    systemPrograms.keep('sh', ['-c', `echo started >> ${file}`]);
    await vi.waitFor(() => expect(readFileSync(file, 'utf8').split('\n').length).toBeGreaterThan(2), { timeout: 20_000 });
  });
});

const random = (bytes: Uint8Array): Uint8Array => encodeCbor(new Map([['GetRandom', new Map([['random', bytes]])]]));

describe('entropy', () => {
  it('comes from the module in four different draws', async () => {
    const pool = join(folder(), 'random');
    writeFileSync(pool, '');
    const asked: CborValue[] = [];
    await seedEntropy(async (request) => {
      asked.push(decodeCbor(request));
      return random(new Uint8Array(256).fill(asked.length));
    }, pool);
    expect(asked).toEqual(['GetRandom', 'GetRandom', 'GetRandom', 'GetRandom']);
    expect(readFileSync(pool)).toEqual(Buffer.alloc(256, 4));
  });

  it.each<[string, Uint8Array]>([
    ['the same bytes twice', random(new Uint8Array(256).fill(1))],
    ['too few', random(new Uint8Array(8).fill(1))],
    ['an error', encodeCbor(new Map([['Error', 'InternalError']]))],
  ])('stops the start after %s', async (_name, response) => {
    const pool = join(folder(), 'random');
    writeFileSync(pool, '');
    await expectRefusal(
      seedEntropy(async () => response, pool),
      'attester/unavailable',
      ['Nitro Secure Module'],
    );
  });
});

async function host(answer: string, status = 200): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(status).end(answer));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('keys of the host', () => {
  it('are those that change nothing but who may ask and who pays', async () => {
    const url = await host('ASSAY_API_KEY=0123456789abcdef\nAI_API_KEY=sk-1\n');
    const keys = { ASSAY_API_KEY: '0123456789abcdef', AI_API_KEY: 'sk-1' };
    expect(await hostKeys('gvproxy', noted(), url)).toEqual(keys);
    const programs = noted('ASSAY_API_KEY=0123456789abcdef\nAI_API_KEY=sk-1\n');
    expect(await hostKeys('vsock', programs)).toEqual(keys);
    expect(programs.calls).toEqual(['socat -u VSOCK-CONNECT:3:7048 STDOUT']);
  });

  it('and those under which KMS keeps the wallet, which make a start that KMS serves', async () => {
    const kms = {
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      AWS_SESSION_TOKEN: 'IQoJb3JpZ2luX2VjEJv//////wEaCXVzLWVhc3QtMSJH==',
      ASSAY_KMS_CIPHERTEXT: 'AQIDAHh/+w==',
      ASSAY_KMS_FIRST_START: 'on',
    };
    const lines = Object.entries(kms).map(([name, value]) => `${name}=${value}\n`);
    const environment = { ASSAY_ENCLAVE_NETWORK: 'vsock', ASSAY_HOST_KEYS: 'on' };
    const entered = await enterEnclave(environment, noted(`ASSAY_API_KEY=0123456789abcdef\n${lines.join('')}`));
    expect(parseConfig(entered).kms).toEqual({
      url: null,
      accessKeyId: kms.AWS_ACCESS_KEY_ID,
      secretAccessKey: kms.AWS_SECRET_ACCESS_KEY,
      sessionToken: kms.AWS_SESSION_TOKEN,
      ciphertext: kms.ASSAY_KMS_CIPHERTEXT,
      firstStart: true,
    });
    // The address of KMS is measured: another one could answer with a secret of its own.
    await expectRefusal(hostKeys('vsock', noted('ASSAY_KMS_URL=https://evil.example\n')), 'config/bad-value', [
      'ASSAY_KMS_URL',
    ]);
  });

  it.each(['AI_API_BASE=http://evil.example', 'OPENAI_API_KEY=sk-1', 'ASSAY_TLS=off', 'NODE_OPTIONS=--require=x'])(
    'are never %s',
    async (line) => {
      const message = await expectRefusal(
        hostKeys('vsock', noted(`ASSAY_API_KEY=0123456789abcdef\n${line}\n`)),
        'config/bad-value',
        [line.split('=')[0] as string],
      );
      expect(message).not.toContain(line.split('=')[1]);
    },
  );

  it.each<[string, () => Promise<string>, string]>([
    ['a page that is not there', () => host('', 404), 'HTTP 404'],
    ['a page without end', () => host('A=1\n'.repeat(50_000)), 'more than 65536 bytes'],
    ['no agent at all', async () => 'http://127.0.0.1:1/', '127.0.0.1:1'],
  ])('from %s', async (_name, url, words) => {
    await expectRefusal(hostKeys('gvproxy', noted(), await url()), 'network/unavailable', [words]);
  });

  it('in a file that is none', async () => {
    await expectRefusal(hostKeys('vsock', noted('<html>')), 'config/bad-value', ['line 1']);
  });
});

describe('an agent that enters', () => {
  it('does nothing without such a network', async () => {
    const environment = { AGENT_PORT: '7047' };
    expect(await enterEnclave(environment, noted())).toBe(environment);
  });

  it('takes the keys of its host, which win over none', async () => {
    const programs = noted('ASSAY_API_KEY=0123456789abcdef\n');
    const environment = { AGENT_PORT: '7047', ASSAY_ENCLAVE_NETWORK: 'vsock', ASSAY_HOST_KEYS: 'on' };
    const entered = await enterEnclave(environment, programs);
    expect(entered).toEqual({ ...environment, ASSAY_API_KEY: '0123456789abcdef' });
    expect(parseConfig(entered).limits.ratePerMinute).toBe(600);
    await expectRefusal(enterEnclave({ ASSAY_ENCLAVE_NETWORK: 'wifi' }, programs), 'config/bad-value', ['gvproxy']);
  });

  it('does not hand connections from outside on to an agent without a key', async () => {
    await expectRefusal(() => parseConfig({ ASSAY_ENCLAVE_NETWORK: 'vsock' }), 'config/insecure-bind', ['ASSAY_API_KEY']);
  });
});
