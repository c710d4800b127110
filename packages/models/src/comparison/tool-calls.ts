/**
 * How well an endpoint calls tools (spec/model-comparison.md §11): whether it calls one where the reference does, and whether the arguments fit the
 * schema. A matter of quality, kept apart from identity: the same weights behind another parser or chat template may do worse.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { challengeSeed } from './score.ts';

/** A parameter as JSON Schema has it: the same text goes to the model and holds its answer. */
type Parameter =
  | {
      readonly type: 'string';
      readonly minLength?: number | undefined;
      readonly pattern?: string | undefined;
      readonly enum?: readonly string[] | undefined;
    }
  | { readonly type: 'number' }
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number };

interface Tool {
  readonly description: string;
  readonly properties: Readonly<Record<string, Parameter>>;
  readonly required: readonly string[];
}

const CODE = /^[A-Z]{3}$/;
const CURRENCY: Parameter = { type: 'string', pattern: CODE.source };
const TOOLS: Readonly<Record<string, Tool>> = {
  get_weather: {
    description: 'The weather in a city.',
    properties: { city: { type: 'string', minLength: 1 }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
    required: ['city', 'unit'],
  },
  convert_currency: {
    description: 'Converts an amount of money.',
    properties: { amount: { type: 'number' }, from: CURRENCY, to: CURRENCY },
    required: ['amount', 'from', 'to'],
  },
  find_orders: {
    description: 'Orders of a customer.',
    properties: {
      customer_id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      status: { type: 'string', enum: ['open', 'shipped', 'returned'] },
    },
    required: ['customer_id'],
  },
};

const CITIES = ['Lisbon', 'Nairobi', 'Osaka', 'Quito', 'Tallinn', 'Hanoi', 'Perth', 'Malmö'];
const MONEY = ['USD', 'EUR', 'JPY', 'KES', 'BRL', 'CHF', 'INR', 'PLN'];
const STATES = ['open', 'shipped', 'returned'];
/** Questions for which no tool is needed are asked as well: a call is then one too many. */
const PLAIN = [
  'Write one sentence about the sea.',
  'Name a synonym of "quick".',
  'Say hello to Anna in French.',
  'What is the plural of "mouse"?',
];

/**
 * The body of one question; which one it is follows from the key.
 * @example const body = toolCallRequest({ key, run, index: 0, model })
 */
export function toolCallRequest({ key, run, index, model }: ToolCallPlace): string {
  const seed = challengeSeed(key, `${run} tools`, index);
  const pick = (words: readonly string[], byte: number): string => words[(seed[byte] ?? 0) % words.length] ?? '';
  const amount = 1 + ((seed[4] ?? 0) << 4) + (seed[5] ?? 0) / 100;
  const asked = [
    `What is the weather in ${pick(CITIES, 1)} in ${pick(['celsius', 'fahrenheit'], 2)}?`,
    `Convert ${amount.toFixed(2)} ${pick(MONEY, 1)} to ${pick(MONEY, 2)}.`,
    `Which orders of customer ${1 + (seed[1] ?? 0)} are ${pick(STATES, 2)}?`,
    pick(PLAIN, 1),
  ];
  const tools = Object.entries(TOOLS).map(([name, { description, properties, required }]) => {
    const parameters = { type: 'object', properties, required, additionalProperties: false };
    return { type: 'function', function: { name, description, parameters } };
  });
  const messages = [{ role: 'user', content: pick(asked, 0) }];
  return JSON.stringify({ model, messages, tools, tool_choice: 'auto', temperature: 0, max_tokens: 200 });
}

export interface ToolCallPlace {
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly run: string;
  readonly index: number;
  readonly model: string;
}

/** What one answer did. `calls`: tools that it called, in order; `valid`: each is one of ours with arguments that fit. */
export interface ToolUse {
  readonly calls: readonly string[];
  readonly valid: boolean;
}

/**
 * `null` for a body that is no answer of a chat.
 * @example toolUseOf(await response.text())?.calls
 */
export function toolUseOf(body: string): ToolUse | null {
  const json = jsonOr(body);
  const choice = isJsonObject(json) && Array.isArray(json.choices) ? (json.choices[0] as Json | undefined) : undefined;
  const message = isJsonObject(choice) ? choice.message : undefined;
  if (!isJsonObject(message)) return null;
  const { tool_calls: calls = [] } = message;
  if (calls === null) return { calls: [], valid: true };
  if (!Array.isArray(calls) || calls.length > MOST_CALLS) return { calls: ['?'], valid: false };
  const found = (calls as readonly Json[]).map((call) =>
    isJsonObject(call) && isJsonObject(call.function) ? call.function : {},
  );
  return { calls: found.map(({ name }) => (typeof name === 'string' ? name.slice(0, 64) : '?')), valid: found.every(fits) };
}

const MOST_CALLS = 16;

function fits({ name, arguments: given }: JsonObject): boolean {
  const tool = typeof name === 'string' && Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  const values = typeof given === 'string' ? jsonOr(given) : undefined;
  if (tool === undefined || !isJsonObject(values)) return false;
  if (!tool.required.every((each) => Object.hasOwn(values, each))) return false;
  return Object.entries(values).every(([each, value]) => {
    const parameter = Object.hasOwn(tool.properties, each) ? tool.properties[each] : undefined;
    return parameter !== undefined && fitsParameter(parameter, value);
  });
}

function fitsParameter(parameter: Parameter, value: Json): boolean {
  if (parameter.type === 'number') return Number.isFinite(value);
  if (parameter.type === 'integer') {
    const { minimum, maximum } = parameter;
    return Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
  }
  const { minLength = 0, pattern, enum: words } = parameter;
  if (typeof value !== 'string' || value.length < minLength) return false;
  return (pattern === undefined || CODE.test(value)) && (words === undefined || words.includes(value));
}

function jsonOr(text: string): Json | undefined {
  try {
    return parseJson(text, { maxDepth: 16 });
  } catch (error) {
    if (isCoded(error)) return undefined;
    throw error;
  }
}

/** A share with bounds that hold at every number of answers at once, with the confidence that was asked for. */
export interface Share {
  readonly count: number;
  readonly of: number;
  readonly low: number;
  readonly high: number;
}

export interface ToolCallFidelity {
  readonly label: 'quality';
  readonly asked: number;
  /** Questions without an answer from either party. */
  readonly failed: number;
  /** Of the candidate's answers with a call: those in which each call fits its schema. */
  readonly schemaValid: Share;
  /** Of the reference's answers with a call, the same. */
  readonly referenceSchemaValid: Share;
  /** Of all answers: those in which both called the same tools, or none. */
  readonly agreement: Share;
}

/**
 * @param answers bodies of both parties, `null` for none.
 * @param error chance that one of the bounds is ever wrong, for each share.
 * @example toolCallFidelity([{ candidate: body, reference: own }], 0.01).agreement // { count: 1, of: 1, low: 0.005, high: 1 }
 */
export function toolCallFidelity(
  answers: readonly { readonly candidate: string | null; readonly reference: string | null }[],
  error: number,
): ToolCallFidelity {
  const uses = answers.map(({ candidate, reference }) => ({
    candidate: candidate === null ? null : toolUseOf(candidate),
    reference: reference === null ? null : toolUseOf(reference),
  }));
  const calling = (party: 'candidate' | 'reference') =>
    uses.flatMap(({ [party]: use }) => (use !== null && use.calls.length > 0 ? [use] : []));
  const both = uses.flatMap(({ candidate, reference }) =>
    candidate === null || reference === null ? [] : [{ candidate, reference }],
  );
  const validOf = (party: 'candidate' | 'reference'): Share => {
    const used = calling(party);
    return shareOf(used.filter(({ valid }) => valid).length, used.length, error);
  };
  const agreeing = both.filter(({ candidate, reference }) => String(candidate.calls) === String(reference.calls)).length;
  return {
    ...{ label: 'quality', asked: answers.length, failed: answers.length - both.length },
    ...{ schemaValid: validOf('candidate'), referenceSchemaValid: validOf('reference') },
    agreement: shareOf(agreeing, both.length, error),
  };
}

/**
 * Robbins' mixture for a mean of zeros and ones: Krichevsky and Trofimov's bet against every mean m at once; those against which it has 1/error are
 * left out. By Ville's inequality the true mean is ever left out with probability at most `error`.
 */
export function shareOf(count: number, of: number, error: number): Share {
  let log = 0;
  for (let index = 0; index < count; index += 1) log += Math.log((index + 0.5) / (index + 1));
  for (let index = 0; index < of - count; index += 1) log += Math.log((index + 0.5) / (count + index + 1));
  const out = (mean: number): boolean => {
    const own = (count === 0 ? 0 : count * Math.log(mean)) + (of === count ? 0 : (of - count) * Math.log(1 - mean));
    return log - own >= -Math.log(error);
  };
  const middle = of === 0 ? 0.5 : count / of;
  return { count, of, low: edge(0, middle, out), high: edge(1, middle, out) };
}

/** The last mean from `inside` towards `end` that is not left out. */
function edge(end: 0 | 1, inside: number, out: (mean: number) => boolean): number {
  if (inside === end || !out(end)) return end;
  let [far, near] = [end as number, inside];
  for (let step = 0; step < 50; step += 1) {
    const mean = (far + near) / 2;
    if (out(mean)) far = mean;
    else near = mean;
  }
  return near;
}
