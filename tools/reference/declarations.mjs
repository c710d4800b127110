// The exported names of a package's entry, each followed through re-exports to the declaration that TypeScript wrote in `dist`, with its docstring.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'vite';

const packages = new Map();

/** The declaration file of `specifier`, asked for by a file in `from`; `null` for a package of others. */
function fileOf(specifier, from) {
  if (specifier.startsWith('.'))
    return join(dirname(from), specifier.replace(/\.js$/, '.d.ts').replace(/\.ts$/, '.d.ts').replace('.d.d.ts', '.d.ts'));
  const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier);
  const folder = join('node_modules', name);
  if (name !== 'assay' && !name.startsWith('@assay/')) return null;
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const wanted = `.${subpath ?? ''}`;
  const types = exports[wanted]?.types ?? exports['./*']?.types.replace('*', subpath.slice(1));
  return join(folder, types);
}

function read(file) {
  if (!packages.has(file)) {
    if (!existsSync(file)) throw new Error(`expected the declarations ${file}, got no such file; run npx tsc -b`);
    const text = readFileSync(file, 'utf8');
    packages.set(file, { text, ...parseSync(file, text) });
  }
  return packages.get(file);
}

/** @returns `{ name, kind, docs, code }[]` of every name that `specifier` exports, in the order of their names. */
export function exportsOf(specifier) {
  const found = new Map();
  for (const [name, place] of namesOf(fileOf(specifier, ''))) found.set(name, describe(name, place));
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** Names that a file exports, each with where it is declared: `[name, { file, local }]`. */
function namesOf(file) {
  const names = new Map();
  for (const node of read(file).program.body) {
    if (node.type === 'ExportAllDeclaration')
      for (const [name, place] of namesOf(fileOf(node.source.value, file))) names.set(name, place);
    if (node.type !== 'ExportNamedDeclaration') continue;
    for (const { local, exported } of node.specifiers) {
      const source =
        node.source === null ? { file, local: local.name } : { file: fileOf(node.source.value, file), local: local.name };
      names.set(exported.name, source);
    }
    for (const name of namesIn(node.declaration)) names.set(name, { file, local: name });
  }
  return names;
}

function namesIn(declaration) {
  if (!declaration) return [];
  if (declaration.declarations) return declaration.declarations.map(({ id }) => id.name);
  return declaration.id ? [declaration.id.name] : [];
}

function describe(name, { file, local }) {
  if (file === null) return { name, kind: 'of another package', docs: '', code: '' };
  const { text, program, comments } = read(file);
  const here = program.body.filter((node) => namesIn(node.declaration ?? node).includes(local));
  if (here.length > 0) {
    const docs = here.map((node) => docstringBefore(text, comments, node.start)).find((each) => each !== '') ?? '';
    const code = here.map((node) =>
      text
        .slice(node.start, node.end)
        .replace(/^export (?:declare )?/, '')
        .replace(/^declare /, ''),
    );
    return { name, kind: kindOf(here[0].declaration ?? here[0]), docs, code: code.join('\n') };
  }
  for (const node of program.body)
    for (const each of node.specifiers ?? []) {
      const own = node.type === 'ImportDeclaration' ? each.local.name : each.exported.name;
      if (own !== local || !node.source) continue;
      return describe(name, { file: fileOf(node.source.value, file), local: (each.imported ?? each.local).name });
    }
  for (const node of program.body)
    if (node.type === 'ExportAllDeclaration') {
      const inner = fileOf(node.source.value, file);
      if (inner !== null && namesOf(inner).has(local)) return describe(name, namesOf(inner).get(local));
    }
  throw new Error(`expected a declaration of ${local} in ${file}, got none; run npx tsc -b`);
}

function kindOf({ type, kind }) {
  return (
    { TSInterfaceDeclaration: 'interface', TSTypeAliasDeclaration: 'type', ClassDeclaration: 'class' }[type] ??
    kind ??
    'function'
  );
}

function docstringBefore(text, comments, offset) {
  const found = comments.findLast(({ end }) => end <= offset && text.slice(end, offset).trim() === '');
  if (!found?.value.startsWith('*')) return '';
  return found.value
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();
}
