/** The official OpenAI client over a verified, encrypted channel: two options, nothing else changes. */

import { readFileSync } from 'node:fs';
import { connect } from 'assay';
import OpenAI from 'openai';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const agent = await connect(url, { trust: { simulatedRoot: rootFile && readFileSync(rootFile) } });

const openai = new OpenAI({ baseURL: agent.baseURL, fetch: agent.fetch, apiKey: 'unused' });
const { data: stream, response } = await openai.chat.completions
  .create({ model: 'default', stream: true, messages: [{ role: 'user', content: 'Say hello' }] })
  .withResponse();
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
const { receipt } = await agent.proof(response.headers.get('x-receipt-id') ?? '');
console.log(`\n${receipt.receipt_id}`);
