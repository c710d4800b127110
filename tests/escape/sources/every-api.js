// Calls everything that a program can reach, several ways, and prints what came back: one line for each call. Two runs under one
// seed must print the same, whatever the machine's clock and entropy are. Arguments: the module to walk ('' for the globals), then
// names to leave out. It prints how much it called last.
const [root, ...leftOut] = process.argv.slice(2);
const SKIPPED = new Set(leftOut);
const MOST_TEXT = 400;
const seen = new Set();
const calls = [];
const lines = [];
let taken = 0;

const hex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex').slice(0, 128);

/** Text of a value with everything it shows: own members, and what the getters of its prototypes give. */
function text(value, depth = 0) {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'symbol' || typeof value !== 'object' || value === null) return String(value);
  if (ArrayBuffer.isView(value)) return hex(value);
  if (value instanceof ArrayBuffer) return hex(new Uint8Array(value));
  if (value instanceof Error) return `${value.name} ${value.message} ${value.stack}`;
  if (depth > 3) return Object.prototype.toString.call(value);
  const members = [];
  const names = new Set();
  for (let at = value; at !== null && at !== Object.prototype && members.length < 60; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) {
      if (names.has(name) || members.length >= 60) continue;
      names.add(name);
      let member;
      try {
        member = value[name];
      } catch {
        continue;
      }
      if (typeof member !== 'function') members.push(`${String(name)}:${text(member, depth + 1)}`);
    }
  }
  return `{${members.join()}}`;
}

/** A fresh instance for the methods of a prototype. */
function instance(prototype) {
  const make = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : null;
  for (const args of make === null ? [] : [[], ['x'], [['x']], [8], [() => {}], ['http://a/'], ['x', 'y'], [['x'], 'y']]) {
    try {
      const made = Reflect.construct(make, args);
      if (Object.prototype.isPrototypeOf.call(prototype, made)) return made;
    } catch {
      // The next arguments may suit it.
    }
  }
  return Object.create(prototype);
}

function walk(path, owner, depth) {
  if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null || seen.has(owner) || depth > 5) return;
  seen.add(owner);
  for (const name of Reflect.ownKeys(owner)) {
    const at = `${path}.${String(name)}`;
    if (SKIPPED.has(at) || SKIPPED.has(String(name))) continue;
    const { value, get } = Object.getOwnPropertyDescriptor(owner, name) ?? {};
    if (typeof value === 'function') {
      calls.push([at, owner, value]);
      walk(at, value, depth + 1);
    } else if (get !== undefined && owner !== globalThis) calls.push([`get ${at}`, owner, get]);
    else walk(at, value, depth + 1);
    if (get !== undefined && owner === globalThis) walk(at, globalThis[name], depth + 1);
  }
  walk(`${path}.__proto__`, Object.getPrototypeOf(owner), depth + 1);
}

const ARGUMENTS = () => [
  [],
  [16],
  ['x'],
  ['sha256'],
  [Buffer.alloc(8, 1)],
  [new Uint32Array(2)],
  [{}],
  [['x'], 'y'],
  ['x', 'y'],
  [8, () => {}],
  ['aes', { length: 128 }],
  ['rsa', { modulusLength: 512 }],
  ['ed25519', {}],
  ['ec', { namedCurve: 'prime256v1' }],
  ['prime256v1'],
  [{ name: 'AES-GCM', length: 128 }, true, ['encrypt']],
  [{ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']],
];

const GENERATED = [Object.getPrototypeOf(function* () {}), Object.getPrototypeOf(async function* () {})].flatMap((kind) => [
  kind,
  kind.prototype,
  Object.getPrototypeOf(kind.prototype),
]);
const isPrototype = (owner) =>
  typeof owner === 'object' && Object.hasOwn(owner, 'constructor') && owner.constructor?.prototype === owner;

async function settle(value) {
  if (!(value instanceof Promise)) return value;
  const late = new Promise((yes) => setTimeout(() => yes('late'), 20));
  try {
    return await Promise.race([value, late]);
  } catch (error) {
    return error;
  }
}

async function tryCall(path, act) {
  taken += 1;
  let shown;
  try {
    shown = text(await settle(act()));
  } catch (error) {
    shown = `threw ${error?.name} ${String(error?.message).slice(0, 80)}`;
  }
  lines.push(`${path} ${shown.slice(0, MOST_TEXT)}`);
}

if (root === '') for (const name of Object.getOwnPropertyNames(globalThis)) walk(name, { [name]: globalThis[name] }, 0);
else walk(root, require(root), 0);

for (const [path, owner, call] of calls) {
  if (GENERATED.includes(owner)) continue;
  const self = () => (isPrototype(owner) ? instance(owner) : owner);
  if (path.startsWith('get ')) {
    await tryCall(path, () => Reflect.apply(call, self(), []));
    continue;
  }
  for (const [index, args] of ARGUMENTS().entries()) {
    if (SKIPPED.has(`${path}#${index}`)) continue;
    await tryCall(`${path}#${index}`, () => Reflect.apply(call, self(), args));
    if (isPrototype(owner) || index > 3) continue;
    await tryCall(`new ${path}#${index}`, () => Reflect.construct(call, args));
  }
}
console.log(lines.join('\n'));
console.log(`called ${taken}`);
process.exit(0);
