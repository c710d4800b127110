// Past the sandbox's own module loader, at the engine itself: what a hostile program would do first.
const bait = JSON.parse(process.argv[2]);
const raw = (name) => new Function('name', 'return import(name)')(name);
const marker = 'assay-escaped';
const D = globalThis.Deno;
const real = async () => (await raw('node:process')).default;

const attacks = {
  'read canary': async () => (await raw('node:fs')).readFileSync(bait.canary, 'utf8'),
  'read canary by deno': () => D.readTextFileSync(bait.canary),
  'read shadow': async () => (await raw('node:fs')).readFileSync('/etc/shadow', 'utf8'),
  'read own environment': async () => (await raw('node:fs')).readFileSync('/proc/self/environ', 'utf8'),
  'list descriptors': async () => (await raw('node:fs')).readdirSync('/proc/self/fd'),
  'write a file': async () => (await raw('node:fs')).writeFileSync(`/tmp/${marker}`, 'x'),
  'write beside the runtime': () => D.writeTextFileSync(`${bait.working}/${marker}`, 'x'),
  'make a database': async () => new (await raw('node:sqlite')).DatabaseSync(`/tmp/${marker}`).exec('create table a(b)'),
  'write a heap snapshot': async () => (await raw('node:v8')).writeHeapSnapshot(`/tmp/${marker}`),
  // The engine says yes and does nothing; the host looks for the file.
  'write a report': async () => missing((await real()).report.writeReport(`/tmp/${marker}`)),
  'read the secret variable': async () => (await real()).env[bait.variable] ?? missing(),
  'read all variables': () => D.env.toObject(),
  'run a program': async () => (await raw('node:child_process')).execSync('id'),
  'run a program by deno': () => new D.Command('/usr/bin/id').outputSync(),
  'connect to the agent': async () => connect(await raw('node:net'), bait.port, '127.0.0.1'),
  'connect by deno': () => D.connect({ port: bait.port }),
  'connect to a socket file': () => D.connect({ transport: 'unix', path: bait.socket }),
  'open a web socket': () =>
    new Promise((yes, no) => {
      const socket = new WebSocket(`ws://127.0.0.1:${bait.port}/`);
      socket.onopen = yes;
      socket.onerror = no;
    }),
  'ask an event source': () =>
    new Promise((yes, no) => {
      const source = new EventSource(`http://127.0.0.1:${bait.port}/`);
      source.onopen = yes;
      source.onerror = no;
    }),
  listen: () => D.listen({ port: 0 }),
  'look up a name': async () => (await raw('node:dns')).promises.lookup('example.org'),
  'send a datagram': () => D.listenDatagram({ port: 0, transport: 'udp' }),
  'signal the parent': async () => (await real()).kill((await real()).ppid, 0),
  'signal by deno': () => D.kill(D.ppid, 'SIGTERM'),
  'load native code': () => D.dlopen('/lib/x86_64-linux-gnu/libc.so.6', {}),
  'load an addon': async () => (await real()).dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libm.so.6'),
  'mount the root by WASI': async () => new (await raw('node:wasi')).WASI({ version: 'preview1', preopens: { '/': '/' } }),
  'open the inspector': async () => {
    const inspector = await raw('node:inspector');
    inspector.open(0);
    return inspector.url() ?? missing();
  },
  'name of the host': () => D.hostname(),
  'change the working directory': () => D.chdir('/root'),
  'raise priority': async () => (await raw('node:os')).setPriority(0, -5),
  'ask for a permission': async () =>
    (await D.permissions.request({ name: 'read', path: bait.canary })).state === 'granted' ? 1 : missing(),
  'keep web storage': () => localStorage.setItem('a', 'b'),
  'keep a cache': async () => (await new Function('return caches')().open('x')).keys(),
  'keep a key-value store': () => D.openKv(),
  'read in a worker': () => inWorker(bait.canary),
};
for (const target of [
  `http://127.0.0.1:${bait.port}/x.js`,
  'npm:left-pad',
  'jsr:@std/path',
  'https://jsr.io/@std/path/1.0.0/mod.ts',
  'file:///etc/passwd',
  `file://${bait.canary}`,
]) {
  attacks[`import ${target}`] = () => raw(target);
}

function missing() {
  throw new Error('nothing there');
}

function connect(net, ...address) {
  return new Promise((yes, no) => net.connect(...address, () => yes('connected')).on('error', no));
}

function inWorker(path) {
  const source = `try { postMessage(Deno.readTextFileSync(${JSON.stringify(path)})) } catch (error) { postMessage('blocked') }`;
  return new Promise((yes, no) => {
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
      type: 'module',
    });
    worker.onmessage = ({ data }) => (data === 'blocked' ? no(new Error(data)) : yes(data));
    worker.onerror = (event) => no(new Error(event.message));
  });
}

for (const [name, attack] of Object.entries(attacks)) {
  try {
    await Promise.race([(async () => attack())(), new Promise((_, no) => setTimeout(() => no(new Error('no answer')), 800))]);
    console.log('ESCAPED', name);
  } catch (error) {
    console.log(
      'blocked',
      name,
      String(error?.message ?? error)
        .split('\n')[0]
        .slice(0, 80),
    );
  }
}
process.exit(0);
