/** The official OpenAI client over a verified, encrypted channel: two options, nothing else changes. */

import { readFileSync } from 'node:fs';
import { trustAnchor } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { connect } from 'assay';
import OpenAI from 'openai';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const [root] = rootFile === undefined ? [] : decodePem(readFileSync(rootFile, 'utf8'));
const agent = await connect(url, root ? { simulatedRoot: trustAnchor('simulator', root.der, { simulated: true }) } : {});

const openai = new OpenAI({ baseURL: agent.baseURL, fetch: agent.fetch, apiKey: 'unused' });
const stream = await openai.chat.completions.create({
  model: 'default',
  stream: true,
  messages: [{ role: 'user', content: 'Say hello' }],
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
console.log(`\n${agent.lastReceipt?.receipt_id}`);
