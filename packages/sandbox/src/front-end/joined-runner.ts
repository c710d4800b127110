/**
 * The JavaScript runner as one file, made from `runners/javascript` when a lane opens. Node looks for, reads and links eight files and an ES
 * module graph in a quarter of a cell's processor time; one file takes a tenth. Each part keeps a scope of its own and its place in the
 * order: it runs when it is first asked for.
 *
 * Only what the runner's own files use is understood: CommonJS, and ES modules that declare each export at the start of a line and import
 * names from each other. Anything else stops the lane, so that a change there cannot be lost.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SandboxError } from '../errors.ts';
import { RUNNERS } from '../runners.ts';

const MAIN = 'cell.cjs';
const MODULES = ['engine.mjs', 'parser.mjs', 'source.mjs', 'report.mjs'];
const SCRIPTS = ['control.cjs', 'network.cjs', 'determinism.cjs', 'redirect.cjs'];

/**
 * The text of the file: a function in brackets that takes Node's `require` and starts the runner. ASCII, so that V8 keeps a byte a letter.
 * @throws {SandboxError} `sandbox/unavailable` for a runner file in a form that is not understood.
 */
export function joinedRunner(): string {
  const folder = join(RUNNERS, 'javascript');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const parts = [
    part('acorn', readFileSync(createRequire(import.meta.url).resolve('acorn'), 'utf8')),
    ...MODULES.map((name) => part(`./${name}`, `'use strict';${asScript(read(name), name)}`)),
    ...SCRIPTS.map((name) => part(`./${name}`, read(name))),
  ];
  const text = `(function (require) {
'use strict';
const given = require;
const parts = { __proto__: null, ${parts.join(',\n')} };
const loaded = { __proto__: null };
function load(name) {
  if (!(name in parts)) return given(name);
  if (!(name in loaded)) {
    const module = { exports: {} };
    loaded[name] = module;
    parts[name].call(module.exports, module, module.exports, load);
  }
  return loaded[name].exports;
}
(function (require) {
${read(MAIN)}
})(load);
})
`;
  return text.replace(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** In brackets, which V8 takes for "runs at once": otherwise it reads the text once for each scope around it. */
function part(name: string, text: string): string {
  return `${JSON.stringify(name)}: (function (module, exports, require) {\n${text}\n})`;
}

const IMPORT = /^import \{ ([\w, ]+) \} from '(\.\/[\w-]+\.mjs)';$/gm;
const EXPORT = /^export (function|const) (\w+)/gm;

/**
 * An ES module of the runner as a script with the same exports.
 * @throws {SandboxError} `sandbox/unavailable` for a runner of another form.
 */
export function asScript(text: string, name: string): string {
  const exported = [...text.matchAll(EXPORT)].map(([, , declared = '']) => declared);
  const script = text.replace(IMPORT, "const { $1 } = require('$2');").replace(EXPORT, '$1 $2');
  if (exported.length === 0 || /^(?:import|export)\b/m.test(script))
    throw new SandboxError(
      'sandbox/unavailable',
      `expected ${name} to import names from its neighbours and to export functions and constants one by one, got another form; change it back, or joined-runner.ts`,
    );
  return `${script}\nObject.assign(exports, { ${exported.join(', ')} });`;
}
