// `npm run reference`: writes the reference of what npm users import, one page an entry, from the declarations in `dist`, into build/reference.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportsOf } from './reference/declarations.mjs';

const FOLDER = 'build/reference';
/** Packages that users name (docs/releases.md), and subpaths of them that promise nothing to others. */
const PACKAGES = ['assay', 'agent', 'operator'];
const INTERNAL = ['assay/contracts', 'assay/owners', 'assay/story'];

/** The specifiers that users may import. */
export function entries() {
  return PACKAGES.flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'));
    const subpaths = Object.entries(exports).filter(([, target]) => target.types !== undefined);
    return subpaths.map(([subpath]) => join(name, subpath)).filter((specifier) => !INTERNAL.includes(specifier));
  });
}

/** One page, in Markdown. */
export function pageOf(specifier) {
  const parts = exportsOf(specifier).map(({ name, kind, docs, code }) =>
    [`## ${name}`, '', `*${kind}*`, '', ...withExamples(docs), ...(code === '' ? [] : ['```ts', code, '```', ''])].join('\n'),
  );
  return `# ${specifier}\n\n${parts.join('\n')}`;
}

/** A docstring as Markdown: its text, then a line for each tag, and examples as code. */
function withExamples(docs) {
  if (docs === '') return [];
  const [text, ...tags] = docs.split(/^@/m);
  const lines = tags.map((tag) => {
    const [, word, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim());
    return word === 'example' ? `\`\`\`ts\n${rest}\n\`\`\`\n` : `- **${word}** ${rest.replaceAll('\n', ' ')}\n`;
  });
  return [`${text.trim()}\n`, ...lines];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(FOLDER, { recursive: true });
  const index = ['# Reference', '', 'Made by `npm run reference` from the declarations.', ''];
  for (const specifier of entries()) {
    const file = `${specifier.replace('@', '').replaceAll('/', '-')}.md`;
    writeFileSync(join(FOLDER, file), pageOf(specifier));
    index.push(`- [${specifier}](${file}): ${exportsOf(specifier).length} names`);
  }
  writeFileSync(join(FOLDER, 'README.md'), `${index.join('\n')}\n`);
  console.log(`${FOLDER}/README.md: ${entries().length} entries`);
}
