// `npm run test:pack`: packs every published workspace, installs all tarballs at once into an empty project, and uses them as strangers
// would: the snippets under Node 20, Node 24, Bun and Deno, the command under Node 22 and 24, an agent under the pinned Node.
// Needs the npm registry; the compiled packages must be there (`npx tsc -b`, `npm run build:web`).
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

const ROOT = new URL('..', import.meta.url).pathname;
const PROJECT = mkdtempSync(join(tmpdir(), 'assay-pack-'));
/** Runtimes as npm packages, each in a folder of its own, so that none is on the path of another. */
const RUNTIMES = { node20: 'node@20.9.0', node22: 'node@22.23.3', bun: 'bun@1.4.5', deno: 'deno@2' };
const ALLOWED = { allowScripts: { node: true, bun: true, deno: true } };
/** Of the SDK and the command with everything that npm installs for them. */
const MAX_MEGABYTES = 45;
/** Of the packages that `import 'assay'` reaches, each whole. */
const MAX_SDK_MEGABYTES = 8;

function run(command, args, { cwd = PROJECT, env = {}, fails = false } = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  if ((status !== 0) !== fails) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

/** Names of the published workspaces, with the folders they are in. */
function published() {
  return readdirSync(join(ROOT, 'packages')).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8'));
    return manifest.private === true ? [] : [{ name: manifest.name, folder: join(ROOT, 'packages', folder) }];
  });
}

function installAll() {
  const folders = published().map(({ folder }) => folder);
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', PROJECT, ...folders], { cwd: ROOT });
  const tarballs = readdirSync(PROJECT).filter((name) => name.endsWith('.tgz'));
  if (tarballs.length !== folders.length) throw new Error(`expected ${folders.length} tarballs, got ${tarballs.join(', ')}`);
  writeFileSync(join(PROJECT, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module', private: true }));
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', ...quiet, ...tarballs.map((name) => `./${name}`)]);
}

/** @returns the path of each runtime's program. */
function installRuntimes() {
  const programs = { node24: process.execPath };
  for (const [name, spec] of Object.entries(RUNTIMES)) {
    const folder = join(PROJECT, 'runtimes', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...ALLOWED }));
    run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', spec], { cwd: folder });
    programs[name] = join(folder, 'node_modules/.bin', name.replace(/\d+$/, ''));
  }
  return programs;
}

/** Bytes of a package and of everything it depends on, in megabytes. */
function megabytesOf(name) {
  const sizes = new Map();
  const add = (each, from) => {
    const places = [join(from, 'node_modules', each), join(PROJECT, 'node_modules', each)];
    const place = places.find(
      (path) => run('sh', ['-c', `[ -d ${JSON.stringify(path)} ] && echo yes || echo no`]).trim() === 'yes',
    );
    if (place === undefined || sizes.has(place)) return;
    sizes.set(place, megabytesIn(place));
    const { dependencies = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    for (const inner of Object.keys(dependencies)) add(inner, place);
  };
  add(name, PROJECT);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

const megabytesIn = (folder) => Number(run('du', ['-sb', '--exclude=node_modules', folder]).split('\t')[0]) / 1e6;

/** Megabytes of the packages in which a module lies that the SDK's entry imports, at once or later. */
async function sdkMegabytes() {
  const entry = join(PROJECT, 'sdk-entry.js');
  writeFileSync(entry, "export * from 'assay';\n");
  const { output } = await build({
    configFile: false,
    logLevel: 'silent',
    root: PROJECT,
    ssr: { noExternal: true },
    build: { ssr: entry, write: false, minify: false, rolldownOptions: { treeshake: false } },
  });
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? Object.keys(chunk.modules) : []));
  const folders = modules
    .map((id) => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1])
    .filter((folder) => folder !== undefined);
  return [...new Set(folders)].reduce((sum, folder) => sum + megabytesIn(folder), 0);
}

async function startAgent(program) {
  const folder = join(PROJECT, 'agent');
  const child = spawn(
    program,
    [join(PROJECT, 'node_modules/assay/bin/assay.js'), 'serve', '--port', '0', '--data-dir', folder],
    {
      cwd: PROJECT,
      env: { ...process.env, AI_PROVIDER: 'recorded', ASSAY_LOG_LEVEL: 'error' },
    },
  );
  let said = '';
  const url = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      said += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (found !== null) resolve(found[0]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', (status) => reject(new Error(`the agent ended with ${status}\n${said}`)));
  });
  return { url, root: join(folder, 'simulated-root.pem'), stop: () => child.kill() };
}

/** The snippets of examples/, as JavaScript: what they import is what was installed. */
function writeSnippets() {
  const folder = join(ROOT, 'examples/snippets');
  for (const name of readdirSync(folder)) {
    const text = stripTypeScriptTypes(readFileSync(join(folder, name), 'utf8'));
    writeFileSync(join(PROJECT, name.replace('.ts', '.js')), text.replaceAll('./inputs.ts', './inputs.js'));
  }
}

const SNIPPETS = [
  ['chat.js', /rcpt_[0-9a-f]{32} \d+/],
  ['run-task.js', /done\n[\s\S]*accepted/],
  ['verify-bundle.js', /^\d{13} rcpt_[0-9a-f]{32} \d+/m],
  ['policy.js', /mrtd/],
];

function trySnippets(name, program, { url, root }) {
  const before = name === 'deno' ? ['run', '--allow-all', '--no-lock'] : [];
  for (const [file, says] of SNIPPETS) {
    const said = run(program, [...before, file, url, root]);
    if (!says.test(said)) throw new Error(`${name} ${file} said ${said}`);
  }
  const refused = run(program, [...before, 'verify-quote.js', url, root], { fails: true });
  if (!/root-not-trusted|to a pinned root|endorsements\//.test(refused))
    throw new Error(`${name} verify-quote.js said ${refused}`);
  console.log(`${name}: the five snippets run`);
}

function tryCommand(name, program) {
  const assay = join(PROJECT, 'node_modules/assay/bin/assay.js');
  if (!run(program, [assay, '--help']).includes('verify')) throw new Error(`${name}: no help`);
  writeFileSync(join(PROJECT, 'nothing.bin'), 'no evidence');
  const said = JSON.parse(run(program, [assay, 'verify', 'nothing.bin', '--json'], { fails: true }));
  if (said.outcome !== 'malformed') throw new Error(`${name}: expected malformed, got ${said.outcome}`);
  console.log(`${name}: the command runs`);
}

try {
  installAll();
  for (const [what, size, most] of [
    ['assay with its dependencies', megabytesOf('assay'), MAX_MEGABYTES],
    ['the packages that the SDK imports', await sdkMegabytes(), MAX_SDK_MEGABYTES],
  ]) {
    console.log(`${what}: ${size.toFixed(1)} MB`);
    if (size > most) throw new Error(`${what}: expected at most ${most} MB, got ${size.toFixed(1)}`);
  }
  const programs = installRuntimes();
  writeSnippets();
  const agent = await startAgent(programs.node24);
  console.log(`node24: the agent serves ${agent.url}`);
  const failed = [];
  const attempt = (what, test) => {
    try {
      test();
    } catch (error) {
      failed.push(what);
      console.error(`${what}: ${error.message.slice(0, 2000)}`);
    }
  };
  for (const name of ['node20', 'node24', 'bun', 'deno']) attempt(name, () => trySnippets(name, programs[name], agent));
  for (const name of ['node22', 'node24']) attempt(name, () => tryCommand(name, programs[name]));
  agent.stop();
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
} finally {
  rmSync(PROJECT, { recursive: true, force: true });
}
