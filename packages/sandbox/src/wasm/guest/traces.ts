/**
 * Stack traces that name places of the program only. The runtime's own frames carry paths of this machine, so with them the same
 * program would print something else elsewhere.
 */

type Prepare = (error: unknown, sites: readonly CallSite[]) => unknown;

interface CallSite {
  getFileName(): string | null;
  getScriptNameOrSourceURL?(): string | null;
  toString(): string;
}

/** Names of scripts that `program-text.ts` gives, of nothing at all (built-ins), and of wasm modules. */
const OF_PROGRAM = /^(main\.js|eval|)$|^\/tmp\/|^wasm:/;
/** Where the runtime itself lies, which may be below /tmp. */
const OWN = new URL('.', import.meta.url).pathname;

function ofProgram(site: CallSite): boolean {
  const name = site.getFileName() ?? site.getScriptNameOrSourceURL?.() ?? '';
  return OF_PROGRAM.test(name) && !name.startsWith(OWN);
}

function text(error: unknown, sites: readonly CallSite[]): string {
  let head: string;
  try {
    const { name, message } = error as { readonly name?: unknown; readonly message?: unknown };
    head = String(message ?? '') === '' ? String(name) : `${String(name)}: ${String(message)}`;
  } catch {
    head = 'Error';
  }
  return [head, ...sites.map((site) => `    at ${site.toString()}`)].join('\n');
}

/** Puts the filter in front of whatever user code sets as `Error.prepareStackTrace`. */
export function installTraces(): void {
  let prepare: Prepare = text;
  const filtered: Prepare = (error, sites) => prepare(error, sites.filter(ofProgram));
  Object.defineProperty(Error, 'prepareStackTrace', {
    configurable: false,
    enumerable: false,
    get: () => filtered,
    set: (value: unknown) => {
      prepare = typeof value === 'function' && value !== filtered ? (value as Prepare) : text;
    },
  });
}
