'use strict';

/**
 * Turns a JavaScript program as people and models write it into the body of one async function: top-level await, CommonJS
 * `require`, `import` declarations, and the value of a trailing expression all work together. Runs inside the sandbox, on code
 * that is about to run anyway; nothing here is a security boundary.
 *
 * In a session (`keep: true`) top-level names become globals, so that later cells see them.
 */

const acorn = require('acorn');

/** The name under which the body hands out the value of its last expression. */
const RESULT = '__assay_value';

/**
 * @param {string} source the program
 * @param {{ keep?: boolean }} [options]
 * @returns {string} a function body, same line numbers as the source; throws SyntaxError with `loc` when it does not parse
 */
function functionBody(source, options = {}) {
  const program = parse(source);
  const edits = [];
  const last = program.body.at(-1);
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') edits.push(importEdit(node, options.keep === true));
    else if (/^Export/.test(node.type)) edits.push(...exportEdits(node));
    else if (options.keep === true) edits.push(...keepEdits(node, source));
  }
  if (last !== undefined && last.type === 'ExpressionStatement') {
    const { start, end } = last.expression;
    edits.push({ start, end: start, text: `${RESULT}(` }, { start: end, end, text: ')' });
  }
  return apply(source, edits);
}

function parse(source) {
  const base = {
    ecmaVersion: 'latest',
    allowAwaitOutsideFunction: true,
    allowReturnOutsideFunction: true,
    allowHashBang: true,
  };
  try {
    return acorn.parse(source, { ...base, sourceType: 'script' });
  } catch (scriptError) {
    try {
      return acorn.parse(source, { ...base, sourceType: 'module' });
    } catch {
      throw scriptError;
    }
  }
}

/** `import a, { b as c } from 'm'` becomes a require on the same line. */
function importEdit(node, keep) {
  const from = `require(${JSON.stringify(node.source.value)})`;
  const names = node.specifiers.map((specifier) => {
    const local = specifier.local.name;
    if (specifier.type === 'ImportNamespaceSpecifier') return [local, from];
    if (specifier.type === 'ImportDefaultSpecifier') return [local, `((m) => m && m.__esModule ? m.default : m)(${from})`];
    return [local, `${from}[${JSON.stringify(specifier.imported.name ?? specifier.imported.value)}]`];
  });
  const text = names
    .map(([local, value]) => (keep ? `globalThis.${local} = ${value};` : `const ${local} = ${value};`))
    .join(' ');
  return { start: node.start, end: node.end, text: names.length === 0 ? `${from};` : text };
}

function exportEdits(node) {
  if (node.type === 'ExportNamedDeclaration' && node.declaration) {
    return [{ start: node.start, end: node.declaration.start, text: '' }];
  }
  if (node.type === 'ExportDefaultDeclaration') {
    return [{ start: node.start, end: node.declaration.start, text: 'module.exports.default = ' }];
  }
  return [{ start: node.start, end: node.end, text: '' }];
}

/** Rewrites one top-level declaration so that its names outlive the function. */
function keepEdits(node, source) {
  if (node.type === 'FunctionDeclaration') {
    return [{ start: 0, end: 0, text: `globalThis.${node.id.name} = ${node.id.name}; ` }];
  }
  if (node.type === 'ClassDeclaration') {
    return [{ start: node.start, end: node.start, text: `globalThis.${node.id.name} = ` }];
  }
  if (node.type !== 'VariableDeclaration' || /using/.test(node.kind)) return [];
  const parts = node.declarations.map(({ id, init }) => {
    const target = id.type === 'Identifier' ? `globalThis.${id.name}` : source.slice(id.start, id.end);
    return `(${target} = ${init ? source.slice(init.start, init.end) : 'undefined'})`;
  });
  return [{ start: node.start, end: node.end, text: `void (${parts.join(', ')});` }];
}

function apply(source, edits) {
  let text = source;
  // From the back, so that positions stay true; what stands at the same place is replaced before anything is put in front of it.
  const ordered = edits.map((edit, index) => ({ ...edit, index }));
  ordered.sort((a, b) => b.start - a.start || b.end - a.end || b.index - a.index);
  for (const { start, end, text: replacement } of ordered) text = text.slice(0, start) + replacement + text.slice(end);
  return text.startsWith('#!') ? `//${text}` : text;
}

module.exports = { functionBody, RESULT };
