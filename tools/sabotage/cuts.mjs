// Finds what a verifying file can lose without failing to compile: refusals, calls for their effect, checks in lists, questions of
// checks. Each is a cut: a place where switch n of `__cut` turns one thing off. All cuts of a file are in the text at once. A switch
// counts as passed through only where it matters: that of a refusal where the refusal fires.
import { parseAst } from 'vite';

const CHECK_CALL = /check|pass$|fail$|^answer$/i;
const NAMES_OF_QUESTIONS = /^(is|has|may|looks)[A-Z]/;

/**
 * The cuts of one source text: `{ line, what, edits }`. `edits(n)` are insertions `[position, text]` that put the switch `n` there.
 */
export function cutsOf(text) {
  const cuts = [];
  const add = (node, what, ...edits) => cuts.push({ line: text.slice(0, node.start).split('\n').length, what, edits });
  const source = (node) => text.slice(node.start, node.end).replace(/\s+/g, ' ').slice(0, 100);
  const wrap = (node, before, after) => [
    [node.start, before],
    [node.end, after],
  ];
  walk(parseAst(text, { lang: 'ts' }), (node, parent) => {
    if (node.type === 'IfStatement' && endsIn(node.consequent, 'ThrowStatement'))
      add(node, `refusal if (${source(node.test)})`, ...wrap(node.test, '__cut.off(#,(', '))'));
    else if (node.type === 'IfStatement' && isWayPast(node, parent))
      add(node, `way past if (${source(node.test)})`, ...wrap(node.test, '__cut.on(#,(', '))'));
    if (node.type === 'ExpressionStatement' && callIn(node.expression) !== null)
      add(node, `call ${source(node)}`, ...wrap(node, '{if(!__cut.at(#)){', '}}'));
    if (node.type === 'ConditionalExpression' && decidesPass(node)) {
      const passes = callName(node.consequent) === 'pass';
      add(node, `question ${source(node.test)}`, ...wrap(node.test, passes ? '__cut.on(#,(' : '__cut.off(#,(', '))'));
    }
    if (node.type === 'ArrayExpression')
      for (const element of node.elements) {
        const item = element?.type === 'SpreadElement' ? element.argument : element;
        if (item === null || item === undefined || !CHECK_CALL.test(callName(item) ?? '')) continue;
        const list = element.type === 'SpreadElement';
        add(
          element,
          `check ${source(element)}`,
          ...wrap(item, `${list ? '' : '...'}(__cut.at(#)?[]:${list ? '(' : '[('}`, list ? '))' : ')])'),
        );
      }
    if (answersYes(node)) add(node, `answer of ${node.id.name}`, [node.body.start + 1, 'if(__cut.at(#))return true;']);
  });
  return cuts;
}

/** The text with every cut in it; `numbers` are those of `cutsOf(text)`, in its order. */
export function withCuts(text, numbers) {
  const edits = cutsOf(text).flatMap(({ edits }, index) =>
    edits.map(([at, what], side) => ({ at, what: what.replace('#', numbers[index]), side, index })),
  );
  // At one place closing texts come before opening ones; of two openings the outer, found first, comes first, of two closings the inner.
  edits.sort((a, b) => a.at - b.at || b.side - a.side || (a.side === 0 ? a.index - b.index : b.index - a.index));
  let done = '';
  let at = 0;
  for (const edit of edits) {
    done += text.slice(at, edit.at) + edit.what;
    at = edit.at;
  }
  return `${done}${text.slice(at)}`;
}

function walk(node, visit, parent = null) {
  if (Array.isArray(node)) for (const each of node) walk(each, visit, parent);
  else if (typeof node?.type === 'string') {
    visit(node, parent);
    for (const [name, value] of Object.entries(node))
      if (name !== 'parent' && typeof value === 'object') walk(value, visit, node);
  }
}

function endsIn(statement, type) {
  return statement?.type === 'BlockStatement' ? endsIn(statement.body.at(-1), type) : statement?.type === type;
}

/** `if (fine) return …` before a throw, `if (fine) return pass(…)`. */
function isWayPast(node, parent) {
  if (!['ReturnStatement', 'ContinueStatement'].some((type) => endsIn(node.consequent, type)) || node.alternate) return false;
  const returned = node.consequent.type === 'ReturnStatement' ? node.consequent.argument : null;
  if (returned !== null && callName(returned) === 'pass') return true;
  const after = Array.isArray(parent?.body) ? parent.body[parent.body.indexOf(node) + 1] : undefined;
  return after?.type === 'ThrowStatement';
}

function callIn(expression) {
  if (expression.type === 'AwaitExpression') return callIn(expression.argument);
  return expression.type === 'CallExpression' ? expression : null;
}

function callName(expression) {
  const callee = expression === null ? undefined : callIn(expression)?.callee;
  return callee?.type === 'Identifier' ? callee.name : (callee?.property?.name ?? null);
}

function decidesPass({ consequent, alternate }) {
  return [callName(consequent), callName(alternate)].filter((name) => name === 'pass').length === 1;
}

/** A function that answers a question of authenticity by yes or no. */
function answersYes(node) {
  if (node.type !== 'FunctionDeclaration' || !node.body || NAMES_OF_QUESTIONS.test(node.id.name)) return false;
  const type = node.returnType?.typeAnnotation;
  const inner = type?.typeName?.name === 'Promise' ? type.typeArguments?.params[0] : type;
  return inner?.type === 'TSBooleanKeyword';
}
