/** The kind: a provider's own words about an error reach the person, whatever shape they come in, and its key never does. */

import { describe, expect, test } from 'vitest';
import { maskKeys } from './masking.ts';
import { providerWords } from './provider-words.ts';

const shapes: readonly (readonly [string, unknown, string | null])[] = [
  [
    'OpenAI',
    { error: { message: 'The model does not exist', type: 'invalid_request_error', code: null } },
    'The model does not exist',
  ],
  ['a string', { error: 'model requires more system memory' }, 'model requires more system memory'],
  [
    'an array of objects',
    [{ error: { code: 400, message: 'API key not valid.', status: 'INVALID_ARGUMENT' } }],
    'API key not valid.',
  ],
  ['Anthropic', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'Overloaded'],
  ['vLLM', { object: 'error', message: 'too long', type: 'BadRequestError', code: 400 }, 'too long'],
  ['FastAPI, words', { detail: 'Not authenticated' }, 'Not authenticated'],
  ['FastAPI, a list', { detail: [{ loc: ['body', 'temperature'], msg: 'must be less' }] }, 'body.temperature: must be less'],
  ['FastAPI, an object', { detail: { error: { message: 'deep' } } }, 'deep'],
  ['a problem (RFC 9457)', { type: 'about:blank', title: 'Bad Request', detail: 'name the model' }, 'name the model'],
  ['AWS', { Message: 'User is not authorized' }, 'User is not authorized'],
  ['a list of errors', { errors: [{ message: 'first' }, { message: 'second' }] }, 'first; second'],
  ['OAuth', { error: { error_description: 'expired token' } }, 'expired token'],
  ['JSON in a string', { error: { message: 'upstream: {"error":{"message":"quota exceeded"}}' } }, 'upstream: quota exceeded'],
  ['JSON in a string, alone', { message: '{"error":{"message":"inner"}}' }, 'inner'],
  [
    'a proxy with raw words',
    { error: { message: 'Provider returned error', metadata: { raw: '{"error":{"message":"no slots"}}' } } },
    'Provider returned error: no slots',
  ],
  [
    'a response within',
    { type: 'response.failed', response: { error: { code: 'x', message: 'failed there' } } },
    'failed there',
  ],
  ['plain text', 'upstream connect error\n or disconnect', 'upstream connect error or disconnect'],
  ['an event', 'event: error\ndata: {"error":{"message":"in an event"}}\n\n', 'in an event'],
  ['JSON lines', '{"error":"first line"}\n{"done":true}\n', 'first line'],
  ['a byte order mark', '\uFEFF{"error":"behind it"}', 'behind it'],
  [
    'a web page',
    '<html><head><title>502 Bad Gateway</title><style>a{}</style></head><body><h1>502 Bad Gateway</h1></body></html>',
    '502 Bad Gateway',
  ],
  [
    'a web page with more to say',
    '<html><title>Error</title><body><h1>The <b>tunnel</b> is closed</h1></body>',
    'Error: The tunnel is closed',
  ],
  ['a web page of nothing else', '<html><style>a{}</style>404 page not found<script>b()</script></html>', '404 page not found'],
  ['nothing', '', null],
  ['no words', { error: { code: 500 } }, null],
  ['words without end', { error: 'x'.repeat(9000) }, 'x'.repeat(400)],
];

test.each(shapes)('%s', (_, body, expected) => {
  expect(providerWords(typeof body === 'string' ? body : JSON.stringify(body), null).words).toBe(expected);
});

test('facts beside the words', () => {
  const error = { error: { code: 429, type: 'Rate_Limit', param: 'messages', details: [{ retryDelay: '1.5s' }] } };
  expect(providerWords(JSON.stringify(error), null)).toMatchObject({
    status: 429,
    names: ['rate_limit'],
    param: 'messages',
    waitMs: 1500,
  });
});

test('a megabyte of brackets and quotes costs no time', () => {
  const begun = performance.now();
  for (const body of [
    '['.repeat(1_000_000),
    '<'.repeat(1_000_000),
    '{"a":"'.repeat(100_000),
    `{"error":"${'{['.repeat(400_000)}"}`,
  ]) {
    providerWords(body, 'k-1234567890abcdef');
  }
  expect(performance.now() - begun).toBeLessThan(3000);
});

describe('keys', () => {
  const secrets: readonly (readonly [string, string, string])[] = [
    ['sk-live-4f9a2c', 'Incorrect API key provided: sk-live-4f9a2c.', 'Incorrect API key provided: [key].'],
    ['other', 'Incorrect API key provided: sk-ab***********yz', 'Incorrect API key provided: [key]'],
    ['AIzaSyA1234567890', 'key AIzaSyA1234567890 is blocked', 'key [key] is blocked'],
    ['f3b1c9d27a6e4085', 'token f3b1c9d27a6e4085x', 'token [key]x'],
    ['pass1word', 'wrong: pass1word', 'wrong: [key]'],
    ['a+b/c=d5efgh0123', 'url ?key=a%2Bb%2Fc%3Dd5efgh0123', 'url ?key=[key]'],
    ['swordfish', 'key "swordfish" is unknown', 'key "[key]" is unknown'],
    ['other', 'got Bearer abc.def-123', 'got Bearer [key]'],
    ['ab1', 'the key ab1, not tab1e', 'the key [key], not tab1e'],
  ];
  test.each(secrets)('%s is taken out', (secret, words, expected) => {
    expect(maskKeys(words, secret)).toBe(expected);
  });

  const words =
    "see registry.ollama.ai and run ollama pull; this model's maximum context length is 4096 tokens; the test key is none, swordfishes";
  test.each(['ollama', 'x', 'none', 'test', 'key', 'EMPTY', 'lm-studio', 'e', 'swordfish', 'max', '', null])(
    '%j takes no word apart',
    (secret) => {
      expect(maskKeys(words, secret)).toBe(words);
    },
  );
});
