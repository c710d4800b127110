/** `OLLAMA_HOST` comes to the address at which Ollama's own tools would look. */

import { expect, test } from 'vitest';
import { parseOllamaHost } from './ollama-host.ts';
import { Refusal } from './setting.ts';

test.each([
  ['127.0.0.1', 'http://127.0.0.1:11434'],
  ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['localhost:80', 'http://localhost'],
  [':8080', 'http://127.0.0.1:8080'],
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:5000', 'http://127.0.0.1:5000'],
  ['::', 'http://[::1]:11434'],
  ['[::1]:5000', 'http://[::1]:5000'],
  ['gpu.lan', 'http://gpu.lan:11434'],
  ['http://gpu.lan', 'http://gpu.lan'],
  ['https://ollama.example/', 'https://ollama.example'],
  ['https://ollama.example/base', 'https://ollama.example/base'],
  [' 10.0.0.1 ', 'http://10.0.0.1:11434'],
])('%s is %s', (text, url) => {
  expect(parseOllamaHost(text)).toBe(url);
});

test.each(['ftp://host', 'http://user:hunter2@host', 'host name', 'host:99999', 'http://host/?a=b', ' '])(
  '%j is refused',
  (text) => {
    const refusal = parseOllamaHost(text);
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).message).not.toContain('hunter2');
  },
);
