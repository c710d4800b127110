/**
 * Shapes of an answer's documents about contracts, as far as they are counted and printed: an attested agent is not infallible, and its hashes
 * stand over whatever it wrote. Not checked: what a text says, and members that are not read.
 */

import { ClientError } from '../errors.ts';

/** `['?', shape]`: or null. `['*', shape]`: a list of these. `['{}', shape]`: an object with these under any names. An object: these members, among others. */
type Shape = 'string' | 'number' | 'boolean' | readonly ['?' | '*' | '{}', Shape] | { readonly [member: string]: Shape };

const VERSION: Shape = { version: 'string' };
const CODE: Shape = ['?', { length: 'number', keccak256: 'string' }];

/** By what is named in the error. */
const SHAPES = {
  'build manifest': {
    compiler: VERSION,
    contracts: ['*', { source: 'string', name: 'string', creation: CODE, runtime: CODE }],
  },
  'audit document': {
    ...{ build_hash: 'string', policy: 'string', uncounted: 'number', dependencies: ['*', 'string'] },
    ...{ analyzer: VERSION, compiler: VERSION },
    findings: [
      '*',
      {
        ...{ check: 'string', impact: 'string', confidence: 'string', description: 'string', fingerprint: 'string' },
        ...{ cwe: ['?', 'number'], dependency: 'boolean', suppressed_by_line: ['?', 'number'] },
        locations: ['*', { source: 'string', first_line: 'number' }],
      },
    ],
  },
  'lint document': {
    ...{ linter: { name: 'string', version: 'string' }, unread: ['{}', 'string'], sources: ['*', 'string'] },
    findings: [
      '*',
      { rule: 'string', severity: 'string', message: 'string', source: 'string', line: 'number', suppressed: 'boolean' },
    ],
  },
  'reason for no lint': { reason: 'string' },
  "model's claims": {
    ...{ model: ['?', 'string'], error: ['?', 'string'], omitted: ['*', 'string'] },
    findings: ['*', { status: 'string', title: 'string', what: 'string', source: ['?', 'string'], line: ['?', 'number'] }],
  },
} as const satisfies Readonly<Record<string, Shape>>;

/**
 * Holds a document to the members that are read of it.
 * @throws {ClientError} `client/answer-malformed`, with the first member that is something else.
 */
export function requireShape(name: keyof typeof SHAPES, document: unknown): void {
  const fault = faultIn(document, SHAPES[name], '');
  if (fault === null) return;
  throw new ClientError(
    'client/answer-malformed',
    `expected ${fault.expected} ${fault.path === '' ? '' : `at ${fault.path} `}in the ${name} of the answer, got something else; report it to the agent's operator`,
  );
}

interface Fault {
  readonly path: string;
  readonly expected: string;
}

function faultIn(value: unknown, shape: Shape, path: string): Fault | null {
  if (typeof shape === 'string') return typeof value === shape ? null : { path, expected: `a ${shape}` };
  if (isWrapped(shape)) {
    const [mark, inner] = shape;
    if (mark === '?') return value === null ? null : faultIn(value, inner, path);
    if (mark === '*' && !Array.isArray(value)) return { path, expected: 'a list' };
    if (mark === '{}' && !isObject(value)) return { path, expected: 'an object' };
    return firstOf(Object.entries(value as object), ([name, each]) => faultIn(each, inner, `${path}/${name}`));
  }
  if (!isObject(value)) return { path, expected: 'an object' };
  return firstOf(Object.entries(shape), ([member, inner]) => faultIn(value[member], inner, `${path}/${member}`));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstOf<Each>(list: Iterable<Each>, faultOf: (each: Each) => Fault | null): Fault | null {
  for (const each of list) {
    const fault = faultOf(each);
    if (fault !== null) return fault;
  }
  return null;
}

function isWrapped(shape: Exclude<Shape, string>): shape is readonly ['?' | '*' | '{}', Shape] {
  return Array.isArray(shape);
}
