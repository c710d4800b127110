/**
 * Prepares JavaScript inside the sandbox, the same in every lane: wraps it in an async function, turns imports into calls, and marks
 * the last expression so that its value can be shown. Runs on code that is about to run anyway; nothing here is a boundary.
 *
 * Types: `source.d.mts`.
 */
import { parseProgram } from './parser.mjs';

const HEAD = '(async function (require, module, exports, __filename, __dirname, __load, __keep) {';
const MAX_DEPTH = 2000;
/** Statements that only a module may have. */
const MODULE_SYNTAX = /^(?:Import|Export)/;
/**
 * Wraps a program. With `session`, its top-level names become globals, so that later cells see them.
 *
 * @example
 * prepareJavaScript('const { ethers } = require("ethers");\nawait 1;\n"last";', { acorn, session: false });
 */
export function prepareJavaScript(text, options) {
  const { code, leftOut, program, defect } = parse(withoutMark(text), options.acorn);
  if (defect !== null) return defect;
  const edits = [];
  if (code.startsWith('#!')) edits.push({ at: 0, remove: 0, insert: '//' });
  const hoisted = [];
  try {
    rewriteImports(program, edits, 0);
  } catch (error) {
    return syntaxDefect(code, error);
  }
  for (const [index, statement] of program.body.entries()) {
    rewriteModuleSyntax(statement, edits, options.session);
    if (options.session) shareNames(statement, edits, hoisted);
    if (index === program.body.length - 1) keepLast(code, statement, edits);
  }
  // A module may use the names of CommonJS for its own: a block lets it.
  const [open, close] = program.body.some(({ type }) => MODULE_SYNTAX.test(type)) ? ['{', '}'] : ['', ''];
  const head = HEAD + open + hoisted.map((name) => `globalThis.${name}=${name};`).join('');
  return {
    source: `${head}${apply(code, edits)}\n${close}})\n//# sourceURL=main.js`,
    shifts: [[1, 0, head.length], ...shiftsOf(code, edits)],
    leftOut,
  };
}
const BYTE_ORDER_MARK = '\ufeff';
const withoutMark = (text) => (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);

/** Lines that only a notebook understands: cell magics, and shell commands. */
const NOTEBOOK_LINE = /^\s*(%{1,2}[a-z]|![a-z]+ )/;

/** The program's tree. Lines for a notebook are left out, and named, where the program cannot be read with them. */
function parse(code, acorn) {
  try {
    return { code, leftOut: [], program: parseProgram(acorn, code), defect: null };
  } catch (error) {
    const leftOut = [];
    const lines = code.split('\n').map((line, index) => {
      if (!NOTEBOOK_LINE.test(line)) return line;
      leftOut.push(`line ${index + 1} left out, it is for notebooks: ${line.trim()}`);
      return '';
    });
    if (leftOut.length > 0) {
      try {
        const plain = lines.join('\n');
        return { code: plain, leftOut, program: parseProgram(acorn, plain), defect: null };
      } catch {
        // The first error names the program's own text.
      }
    }
    return { code, leftOut: [], program: null, defect: syntaxDefect(code, error) };
  }
}

/**
 * Wraps an uploaded ES module into an async function of `__load` and `__export`, which takes getters of what it exports. Gives
 * `null` for text without import or export declarations, which is a CommonJS module, or that cannot be read as a module.
 */
export function prepareModule(text, options) {
  const code = withoutMark(text);
  let program;
  try {
    program = parseProgram(options.acorn, code);
  } catch {
    return null;
  }
  if (!program.body.some(({ type }) => MODULE_SYNTAX.test(type)) && options.always !== true) return null;
  const edits = [];
  const exported = [];
  const url = JSON.stringify(`file://${options.path}`);
  rewriteImports(
    program,
    edits,
    0,
    `({url:${url},filename:${JSON.stringify(options.path)},dirname:${JSON.stringify(options.path.replace(/\/[^/]*$/, ''))},main:false})`,
  );
  for (const statement of program.body) {
    if (/^Export/.test(statement.type)) exportNames(code, statement, edits, exported);
    else rewriteModuleSyntax(statement, edits, false);
  }
  const getters = exported.map(([name, value]) => `${JSON.stringify(name)}: () => ${value}`).join(', ');
  return `(async function (__load, __export, __exportAll) {'use strict';__export({${getters}});${apply(code, edits)}\n})\n//# sourceURL=${options.path}`;
}

/** Takes the export out of a declaration, and remembers under which names which values are seen outside. */
function exportNames(_code, statement, edits, exported) {
  const { type, start, end, declaration, specifiers, source } = statement;
  if (type === 'ExportAllDeclaration') {
    const from = JSON.stringify(source.value);
    const name = statement.exported === null ? 'null' : JSON.stringify(nameOf(statement.exported));
    edits.push({ at: start, remove: end - start, insert: `__exportAll(await __load(${from}), ${name});` });
  } else if (type === 'ExportDefaultDeclaration') {
    const named = /^(Function|Class)Declaration$/.test(declaration.type) && declaration.id !== null;
    exported.push(['default', named ? declaration.id.name : '__default']);
    edits.push({ at: start, remove: declaration.start - start, insert: named ? '' : 'const __default = ' });
  } else if (declaration) {
    for (const name of declaredNames(declaration)) exported.push([name, name]);
    edits.push({ at: start, remove: declaration.start - start, insert: '' });
  } else if (source) {
    const from = `__from${exported.length}`;
    for (const { local, exported: as } of specifiers) exported.push([nameOf(as), `${from}[${JSON.stringify(nameOf(local))}]`]);
    edits.push({ at: start, remove: end - start, insert: `const ${from} = await __load(${JSON.stringify(source.value)});` });
  } else {
    for (const { local, exported: as } of specifiers) exported.push([nameOf(as), nameOf(local)]);
    edits.push({ at: start, remove: end - start, insert: '' });
  }
}

const nameOf = (node) => node.name ?? node.value;

function declaredNames(declaration) {
  if (declaration.type !== 'VariableDeclaration') return [declaration.id.name];
  return declaration.declarations.flatMap(({ id }) => boundNames(id));
}

/** Names that a pattern binds. */
function boundNames(pattern) {
  if (pattern === null) return [];
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) => boundNames(property.value ?? property.argument));
    case 'ArrayPattern':
      return pattern.elements.flatMap(boundNames);
    case 'AssignmentPattern':
      return boundNames(pattern.left);
    default:
      return boundNames(pattern.argument);
  }
}

const MAIN_META = "({url:'file:///tmp/main.js',filename:'/tmp/main.js',dirname:'/tmp',main:true})";

/** `import(x)` → `__load(x)`, `import.meta.url` → a constant, anywhere in the tree. */
function rewriteImports(node, edits, depth, meta = MAIN_META) {
  if (depth > MAX_DEPTH) throw new SyntaxError('the code is nested too deeply');
  if (Array.isArray(node)) {
    for (const child of node) rewriteImports(child, edits, depth + 1, meta);
    return;
  }
  if (typeof node !== 'object' || node === null || !('type' in node)) return;
  const { type, start, end } = node;
  if (type === 'ImportExpression') edits.push({ at: start, remove: 'import'.length, insert: '__load' });
  if (type === 'MetaProperty' && node.meta.name === 'import') {
    edits.push({ at: start, remove: end - start, insert: meta });
  }
  for (const [member, child] of Object.entries(node)) if (member !== 'loc') rewriteImports(child, edits, depth + 1, meta);
}
/** `with { type: 'json' }` as the second argument of `import()`. */
function attributesOf({ attributes = [] }) {
  if (attributes.length === 0) return '';
  const members = attributes.map(({ key, value }) => `${JSON.stringify(nameOf(key))}: ${JSON.stringify(value.value)}`);
  return `, { with: { ${members.join(', ')} } }`;
}

/** Static imports become awaited loads; `export` is dropped. */
function rewriteModuleSyntax(statement, edits, session) {
  const { type, start, end } = statement;
  const declaration = statement.declaration;
  if (type === 'ImportDeclaration') {
    const source = JSON.stringify(statement.source.value) + attributesOf(statement);
    const specifiers = statement.specifiers;
    const whole = specifiers.find((specifier) => specifier.type === 'ImportNamespaceSpecifier');
    const named = specifiers
      .filter((specifier) => specifier !== whole)
      .map(({ type: kind, local, imported }) => {
        const name = kind === 'ImportDefaultSpecifier' ? 'default' : (imported?.name ?? JSON.stringify(imported?.value));
        return `${name}: ${local.name}`;
      });
    const bind = (pattern, value) => (session ? `(${pattern} = ${value});` : `const ${pattern} = ${value};`);
    const parts = [];
    if (specifiers.length === 0) parts.push(`await __load(${source});`);
    if (whole !== undefined) parts.push(bind(whole.local.name, `await __load(${source})`));
    if (named.length > 0) parts.push(bind(`{ ${named.join(', ')} }`, `await __load(${source})`));
    edits.push({ at: start, remove: end - start, insert: parts.join(' ') });
  } else if (type === 'ExportNamedDeclaration' && declaration) {
    edits.push({ at: start, remove: declaration.start - start, insert: '' });
  } else if (type === 'ExportDefaultDeclaration' && declaration) {
    const named = /^(Function|Class)Declaration$/.test(declaration.type) && declaration.id !== null;
    edits.push({ at: start, remove: declaration.start - start, insert: named ? '' : 'exports.default = ' });
  } else if (type === 'ExportNamedDeclaration' || type === 'ExportAllDeclaration') {
    edits.push({ at: start, remove: end - start, insert: '' });
  }
}
/** Turns a top-level declaration into assignments to globals. */
function shareNames(outer, edits, hoisted) {
  const statement = outer.type.startsWith('Export') ? outer.declaration : outer;
  if (statement?.type === 'FunctionDeclaration' && statement.id) hoisted.push(statement.id.name);
  if (statement?.type === 'ClassDeclaration' && statement.id) {
    const { name } = statement.id;
    edits.push({ at: statement.start, remove: 0, insert: `${name} = ` }, { at: statement.end, remove: 0, insert: ';' });
  }
  if (statement?.type !== 'VariableDeclaration') return;
  const declarators = statement.declarations;
  const [first] = declarators;
  const last = declarators.at(-1);
  if (first === undefined || last === undefined) return;
  edits.push({ at: statement.start, remove: first.id.start - statement.start, insert: 'void (' });
  for (const { id, init, end } of declarators) {
    edits.push({ at: id.start, remove: 0, insert: '(' });
    edits.push({ at: end, remove: 0, insert: init === null ? ' = undefined)' : ')' });
  }
  edits.push({ at: last.end, remove: 0, insert: ');' });
}
/** Wraps a last expression statement in `__keep(…)`. */
function keepLast(code, statement, edits) {
  if (statement.type !== 'ExpressionStatement') return;
  const end = code[statement.end - 1] === ';' ? statement.end - 1 : statement.end;
  // In front of, and behind, whatever else is put in at the same places.
  edits.unshift({ at: statement.start, remove: 0, insert: ';__keep((' });
  edits.push({ at: end, remove: 0, insert: '))' });
}
const MAX_SHIFTS = 1000;
function shiftsOf(code, edits) {
  let line = 1;
  let lineStart = 0;
  let lineEnd = code.indexOf('\n');
  return inOrder(edits)
    .slice(0, MAX_SHIFTS)
    .map(({ at, remove, insert }) => {
      while (lineEnd !== -1 && lineEnd < at) {
        line += 1;
        lineStart = lineEnd + 1;
        lineEnd = code.indexOf('\n', lineStart);
      }
      return [line, at - lineStart, insert.length - remove];
    });
}
function inOrder(edits) {
  return edits.map((edit, order) => ({ ...edit, order })).sort((a, b) => a.at - b.at || a.order - b.order);
}
function apply(code, edits) {
  let result = '';
  let at = 0;
  for (const edit of inOrder(edits)) {
    if (edit.at < at) continue;
    result += code.slice(at, edit.at) + edit.insert;
    at = edit.at + edit.remove;
  }
  return result + code.slice(at);
}
function syntaxDefect(code, error) {
  const { loc } = error;
  const text = error instanceof RangeError ? 'the code is nested too deeply' : error.message.replace(/ \(\d+:\d+\)$/, '');
  const message = loc === undefined ? text : `${text} (line ${loc.line}, column ${loc.column + 1})`;
  const line = loc === undefined ? '' : (code.split('\n')[loc.line - 1] ?? '');
  const shown = line.length > 0 && line.length < 200 ? `\n${line}\n${' '.repeat(loc?.column ?? 0)}^` : '';
  return { name: 'SyntaxError', message, traceback: `main.js:${loc?.line ?? 1}${shown}\n\nSyntaxError: ${message}` };
}
