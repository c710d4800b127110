/** Calls of tools: what fits, what agrees, what is no answer, and bounds that hold at every number of answers. */

import { describe, expect, it } from 'vitest';
import { shareOf, toolCallFidelity, toolCallRequest, toolUseOf } from './tool-calls.ts';

const call = (name: unknown, args: unknown) => ({ type: 'function', function: { name, arguments: args } });
const answer = (tool_calls: unknown) =>
  JSON.stringify({ choices: [{ message: { role: 'assistant', content: null, tool_calls } }] });
const weather = (args: object) => answer([call('get_weather', JSON.stringify(args))]);
const GOOD = weather({ city: 'Osaka', unit: 'celsius' });

describe('an answer', () => {
  it.each<[string, string, readonly string[], boolean]>([
    ['with a call that fits', GOOD, ['get_weather'], true],
    ['with an unknown unit', weather({ city: 'Osaka', unit: 'kelvin' }), ['get_weather'], false],
    ['without the unit', weather({ city: 'Osaka' }), ['get_weather'], false],
    ['with a member too many', weather({ city: 'Osaka', unit: 'celsius', day: 1 }), ['get_weather'], false],
    ['with arguments that are no JSON', answer([call('get_weather', '{"city":')]), ['get_weather'], false],
    ['with arguments as an object', answer([call('get_weather', { city: 'Osaka', unit: 'celsius' })]), ['get_weather'], false],
    [
      'with an amount as text',
      answer([call('convert_currency', '{"amount":"3","from":"EUR","to":"USD"}')]),
      ['convert_currency'],
      false,
    ],
    ['with an invented tool', answer([call('rm', '{}')]), ['rm'], false],
    ['with a tool named as a member of every object', answer([call('constructor', '{}')]), ['constructor'], false],
    [
      'with one call of two that fits',
      answer([call('find_orders', '{"customer_id":7}'), call('find_orders', '{}')]),
      ['find_orders', 'find_orders'],
      false,
    ],
    ['with calls that are no list', answer('get_weather'), ['?'], false],
    ['with a call that is none', answer([7]), ['?'], false],
    ['without a call', answer([]), [], true],
    ['with null for calls', answer(null), [], true],
  ])('%s', (_, body, calls, valid) => {
    expect(toolUseOf(body)).toEqual({ calls, valid });
  });

  it.each(['', '<html>', '{}', '{"choices":[]}', '{"choices":[{"text":"x"}]}'])('that is none: %j', (body) => {
    expect(toolUseOf(body)).toBeNull();
  });
});

describe('fidelity', () => {
  it('counts calls that fit, and calls where the reference calls; failures are neither', () => {
    const bad = weather({ city: '' });
    const answers = [
      { candidate: GOOD, reference: GOOD },
      { candidate: bad, reference: GOOD },
      { candidate: answer([]), reference: GOOD },
      { candidate: answer([]), reference: answer([]) },
      { candidate: null, reference: GOOD },
      { candidate: '<html>', reference: GOOD },
    ];
    expect(toolCallFidelity(answers, 0.01)).toMatchObject({
      ...{ label: 'quality', asked: 6, failed: 2 },
      schemaValid: { count: 1, of: 2 },
      referenceSchemaValid: { count: 5, of: 5 },
      agreement: { count: 3, of: 4 },
    });
    expect(toolCallFidelity([], 0.01)).toMatchObject({ agreement: { count: 0, of: 0, low: 0, high: 1 } });
  });
});

describe('bounds', () => {
  it('close in on the share, and never leave out what cannot be', () => {
    expect(shareOf(0, 0, 0.01)).toMatchObject({ low: 0, high: 1 });
    const all = shareOf(50, 50, 0.01);
    expect(all.high).toBe(1);
    expect(all.low).toBeGreaterThan(0.8);
    const half = shareOf(500, 1000, 0.01);
    expect([half.low, half.high]).toEqual([expect.closeTo(0.5 - 0.06, 1), expect.closeTo(0.5 + 0.06, 1)]);
    expect(half.low + half.high).toBeCloseTo(1, 9);
    expect(shareOf(0, 50, 0.01).high).toBeCloseTo(1 - all.low, 9);
  });

  it('leave out the true share at any of 200 looks in at most one run of 100', () => {
    let [state, wrong] = [7, 0];
    const next = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    for (let run = 0; run < 300; run += 1) {
      let [count, left] = [0, false];
      for (let of = 1; of <= 200; of += 1) {
        count += next() < 0.8 ? 1 : 0;
        const { low, high } = shareOf(count, of, 0.01);
        left ||= low > 0.8 || high < 0.8;
      }
      wrong += left ? 1 : 0;
    }
    expect(wrong).toBeLessThanOrEqual(9); // 99.9 % of binomial(300, 0.01)
  });
});

describe('questions', () => {
  it('follow from the key, offer the tools, and are not all for a tool', () => {
    const at = { key: new Uint8Array(32), run: 'r', model: 'm' };
    const bodies = Array.from({ length: 200 }, (_, index) => toolCallRequest({ ...at, index }));
    expect(toolCallRequest({ ...at, index: 3 })).toBe(bodies[3]);
    expect(toolCallRequest({ ...at, index: 3, key: new Uint8Array(32).fill(1) })).not.toBe(bodies[3]);
    const questions = bodies.map((body) => (JSON.parse(body) as { messages: { content: string }[] }).messages[0]!.content);
    for (const words of [/weather in/, /^Convert/, /^Which orders/, /synonym|sea|French|mouse/])
      expect(questions.filter((each) => words.test(each)).length).toBeGreaterThan(20);
    const { tools } = JSON.parse(bodies[0]!) as { tools: { function: { name: string; parameters: object } }[] };
    expect(tools.map((tool) => tool.function.name)).toEqual(['get_weather', 'convert_currency', 'find_orders']);
    expect(tools[0]!.function.parameters).toMatchObject({ required: ['city', 'unit'], additionalProperties: false });
  });
});
