/** The files of deploy/: each parses as what it is, names what exists, and leaves nothing floating. */

import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureCompose } from '@assay/reference-values';
import { expectCode } from '@assay/testing';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { appCompose } from '../../image/compose.ts';
import { COMMAND } from '../../image/root-filesystem.ts';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { createMetrics } from '../../packages/agent/src/http/metrics.ts';
import { AGENT_SETTINGS } from '../../packages/agent/src/settings/agent-settings.ts';
import { parseEnvFile } from '../../packages/encoding/src/env-file.ts';

const DEPLOY = new URL('../../deploy/', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');
const KEY = { ASSAY_API_KEY: '0123456789abcdef' };

test.each([
  ['nitro/settings.env', 'off'],
  ['cvm/agent.env', 'enclave'],
])('%s holds settings that an agent takes', (path, tls) => {
  const file = parseEnvFile(read(path));
  const settings = file.type === 'settings' ? file.settings : expect.fail(`line ${file.line}`);
  expect(Object.keys(settings).filter((name) => !Object.hasOwn(AGENT_SETTINGS, name))).toEqual([]);
  expect(parseConfig({ ...settings, ...KEY }).tls).toBe(tls);
});

/** Names of settings in any file of the folder. */
test('no file names a setting that does not exist', () => {
  const files = globSync('**/*.{env,yaml,service,template,tpl,sh}', { cwd: DEPLOY }).filter(
    (path) => !path.endsWith('settings.env'),
  );
  const wrong = files.flatMap((path) =>
    [...read(path).matchAll(/\b(?:ASSAY|AGENT)_[A-Z_]+\b/g)]
      .map(([name]) => name)
      .filter((name) => !Object.hasOwn(AGENT_SETTINGS, name) && !['ASSAY_IMAGE', 'AGENT_PORT'].includes(name))
      .map((name) => `${path}: ${name}`),
  );
  expect(wrong).toEqual([]);
});

describe('compose files', () => {
  it('docker: the agent waits for PostgreSQL, and no image, password or key has a default', () => {
    const { services, volumes } = parse(read('docker/compose.yaml')) as {
      services: Record<
        string,
        { image?: string; depends_on?: object; build?: { args: { NODE_IMAGE: string } }; volumes: string[] }
      >;
      volumes: object;
    };
    expect(Object.keys(services)).toEqual(['store', 'agent']);
    expect(services.agent?.depends_on).toEqual({ store: { condition: 'service_healthy' } });
    expect([services.store?.image, services.agent?.build?.args.NODE_IMAGE]).toEqual([
      expect.stringMatching(/^\$\{POSTGRES_IMAGE:\?.*digest/),
      expect.stringMatching(/^\$\{NODE_IMAGE:\?.*digest/),
    ]);
    const named = Object.values(services).flatMap((service) => service.volumes.map((each) => each.split(':')[0]));
    expect(named.every((name) => Object.hasOwn(volumes, name as string))).toBe(true);
    expect(read('docker/Dockerfile')).not.toMatch(/^FROM (?!\$\{NODE_IMAGE\})/m);
  });

  it('dstack: the image by digest is measured, one by tag is refused', async () => {
    const text = read('dstack/docker-compose.yaml');
    const image = `registry.example/assay@sha256:${'ab'.repeat(32)}`;
    const { facts, values } = await measureCompose(appCompose(text, image));
    expect([facts.images, values['compose-hash']]).toEqual([image, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(() => appCompose(text, 'registry.example/assay:latest')).toThrow('by digest');
    await expectCode(
      measureCompose(appCompose(text.replace('${ASSAY_IMAGE}', 'postgres:17\n    x: ${ASSAY_IMAGE}'), image)),
      'compose/floating-image',
    );
  });
});

describe('confidential machines', () => {
  const tool = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!tool) console.warn('LEFT OUT: systemd-analyze is not installed, deploy/cvm/assay.service is not verified');

  it.skipIf(!tool)('systemd takes the unit', () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-unit-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    // The program is not on this machine, so another one stands in its place.
    const unit = read('cvm/assay.service').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`);
    writeFileSync(join(folder, 'assay.service'), unit);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'assay.service')], {
      encoding: 'utf8',
    });
    expect([stderr.split('\n').filter((line) => line.includes('assay.service')), status]).toEqual([[], 0]);
    writeFileSync(join(folder, 'assay.service'), unit.replace('Type=simple', 'Type=simpel'));
    const broken = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'assay.service')], { encoding: 'utf8' });
    expect(broken.stderr).toContain('simpel');
  });

  it('cloud-init: a header, a script that checks the archive before it unpacks it', () => {
    const text = read('cvm/cloud-init.yaml');
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    const { write_files: files, runcmd } = parse(text) as {
      write_files: { path: string; content: string }[];
      runcmd: string[];
    };
    const install = files.find(({ path }) => path.endsWith('assay-install'))?.content ?? '';
    expect(install.indexOf('sha256sum --check')).toBeGreaterThan(0);
    expect(install.indexOf('sha256sum --check')).toBeLessThan(install.indexOf('tar -xzf'));
    expect(spawnSync('sh', ['-n'], { input: install }).status).toBe(0);
    expect(runcmd.at(-1)).toContain('assay.service');
  });
});

describe('Gramine', () => {
  interface Manifest {
    readonly loader: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, unknown>> };
    readonly libos: { readonly entrypoint: string };
    readonly fs: { readonly mounts: readonly { readonly type?: string; readonly path: string; readonly uri?: string }[] };
    readonly sgx: { readonly debug: boolean; readonly trusted_files: readonly string[] };
  }
  const READ = 'import json, sys, tomllib; print(json.dumps(tomllib.load(sys.stdin.buffer)))';
  const python = spawnSync('python3', ['-c', 'import tomllib']).status === 0;
  if (!python) console.warn('LEFT OUT: python3 with tomllib is not installed, the manifest of deploy/gramine is not read');

  /** The template as gramine-manifest fills it in. */
  const filled = (): string =>
    read('gramine/assay.manifest.template')
      .replaceAll('{{ rootfs }}', '/rootfs')
      .replaceAll('{{ gramine.libos }}', '/gramine/libsysdb.so')
      .replaceAll('{{ gramine.runtimedir() }}', '/gramine/lib')
      .replace(/\{\{ '(true)' if [^}]*\}\}/, '$1');

  it.skipIf(!python)('the manifest is TOML, mounts the folders that the agent runs from, and trusts each of them', () => {
    const { status, stdout, stderr } = spawnSync('python3', ['-c', READ], { input: filled(), encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const { loader, libos, fs, sgx } = JSON.parse(stdout) as Manifest;
    expect([libos.entrypoint, ...loader.argv.slice(1)]).toEqual(COMMAND);
    expect(sgx.debug).toBe(false);
    const open = fs.mounts.filter(({ type }) => type === undefined).map(({ uri }) => `${uri}/`);
    expect(open.filter((uri) => !sgx.trusted_files.includes(uri))).toEqual([]);
    const inside = fs.mounts.map(({ path }) => path);
    for (const place of [...COMMAND.slice(0, 2), loader.env.ASSAY_DATA_DIR as string, '/tmp/x'])
      expect(
        inside.some((path) => place === path || place.startsWith(`${path}/`)),
        place,
      ).toBe(true);
    expect(fs.mounts.find(({ path }) => path === loader.env.ASSAY_DATA_DIR)?.type).toBe('encrypted');
  });
});

describe('Kubernetes', () => {
  it('the chart is one, and its templates use only values that exist', () => {
    expect(parse(read('kubernetes/Chart.yaml'))).toMatchObject({ apiVersion: 'v2', name: 'assay', type: 'application' });
    const values = parse(read('kubernetes/values.yaml')) as Record<string, unknown>;
    const templates = globSync('kubernetes/templates/*.yaml', { cwd: DEPLOY }).map(read).join('\n');
    for (const [, path = ''] of templates.matchAll(/\.Values\.([A-Za-z.]+)/g)) {
      const found = path
        .split('.')
        .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], values);
      expect(found, path).toBeDefined();
    }
    const opened = templates.match(/\{\{-? *(?:if|with|range)\b/g)?.length;
    expect(templates.match(/\{\{-? *end\b/g)?.length).toBe(opened);
  });

  it('replicas take their common keys from the Secret before they start, and keep what their volume has', () => {
    const template = read('kubernetes/templates/agent.yaml');
    const script = /^ +- \|\n((?: {14}.*\n)+)/m.exec(template)?.[1] ?? expect.fail('no script');
    const [from, volume] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'assay-keys-'))) as [string, string];
    onTestFinished(() => {
      for (const folder of [from, volume]) rmSync(folder, { recursive: true });
    });
    const to = join(volume, 'data');
    const copy = () =>
      spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: { FROM: from, ASSAY_DATA_DIR: to } });
    for (const name of ['api-key', 'log-key.json']) writeFileSync(join(from, name), name);
    expect(copy()).toMatchObject({ status: 1, stderr: expect.stringContaining('expected data-key.json in the Secret') });
    for (const name of ['data-key.json', 'log-key.json']) writeFileSync(join(from, name), `${name} of the Secret`);
    expect(copy()).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(to).sort()).toEqual(['data-key.json', 'log-key.json']);
    expect(readdirSync(to).map((name) => statSync(join(to, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(statSync(to).mode & 0o777).toBe(0o700);
    expect(['log-key.json', 'data-key.json'].map((name) => readFileSync(join(to, name), 'utf8'))).toEqual([
      'log-key.json',
      'data-key.json of the Secret',
    ]);
    expect(template).toContain('secretName: {{ $secret }}');
  });

  const helm = spawnSync('helm', ['version']).status === 0;
  if (!helm) console.warn('LEFT OUT: helm is not installed, the chart of deploy/kubernetes is not rendered');
  it.skipIf(!helm)('helm lint finds no fault', () => {
    const values = ['image.repository=registry.example/assay', `image.digest=sha256:${'0'.repeat(64)}`, 'secret=assay-keys'];
    const args = ['lint', '--strict', join(DEPLOY, 'kubernetes'), ...values.flatMap((value) => ['--set', value])];
    expect(spawnSync('helm', args, { encoding: 'utf8' })).toMatchObject({ status: 0 });
  });

  it.skipIf(!helm)('helm renders it, and refuses an image without a digest', () => {
    const image = ['--set', 'image.repository=registry.example/assay', '--set', `image.digest=sha256:${'ab'.repeat(32)}`];
    const render = (...more: readonly string[]) =>
      spawnSync('helm', ['template', 'test', join(DEPLOY, 'kubernetes'), ...more], { encoding: 'utf8' });
    const { stdout, status } = render(
      ...image,
      '--set',
      'secret=keys',
      '--set',
      'replicas=2',
      '--set',
      'configfs=/sys/kernel/config',
    );
    expect(status).toBe(0);
    const kinds = stdout
      .split(/^---$/m)
      .map((part) => (parse(part) as { kind?: string } | null)?.kind)
      .filter(Boolean);
    expect(kinds.sort()).toEqual(['Service', 'StatefulSet']);
    const podOf = (text: string) =>
      text
        .split(/^---$/m)
        .map((part) => parse(part) as { kind?: string; spec?: { template: { spec: Record<string, unknown> } } } | null)
        .find((each) => each?.kind === 'StatefulSet')?.spec?.template.spec;
    expect(podOf(stdout)).toMatchObject({
      securityContext: { runAsUser: 0, fsGroup: 1000, fsGroupChangePolicy: 'OnRootMismatch' },
      initContainers: [{ name: 'keys', command: ['node', '-e'] }],
      volumes: [{ name: 'configfs' }, { name: 'keys', secret: { secretName: 'keys' } }],
    });
    const single = podOf(render(...image, '--set', 'secret=keys').stdout);
    expect(single).toMatchObject({ securityContext: { runAsNonRoot: true, runAsUser: 1000 } });
    expect([single?.initContainers, single?.volumes]).toEqual([undefined, undefined]);
    expect(render('--set', 'image.repository=x', '--set', 'secret=keys').stderr).toContain('by digest');
    expect(render(...image).stderr).toContain('secret');
  });
});

test('the dashboard asks for metrics that the agent has', async () => {
  const dashboard = JSON.parse(read('grafana/dashboard.json')) as {
    schemaVersion: number;
    panels: { id: number; title: string; gridPos: object; targets: { expr: string }[] }[];
  };
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const { registry } = createMetrics(() => 0);
  const known = new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
  for (const { title, targets } of dashboard.panels)
    for (const { expr } of targets)
      for (const [, name = ''] of expr.matchAll(/([a-z][a-z0-9_]+)\{job/g))
        expect(known.has(name.replace(/_bucket$/, '')), `${title}: ${name}`).toBe(true);
});
