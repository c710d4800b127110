/** The Vercel AI SDK over a verified, encrypted channel: two options of any OpenAI-compatible provider, nothing else changes. */

import { readFileSync } from 'node:fs';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { trustAnchor } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { generateText, streamText } from 'ai';
import { connect } from 'assay';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const [root] = rootFile === undefined ? [] : decodePem(readFileSync(rootFile, 'utf8'));
const agent = await connect(url, root ? { simulatedRoot: trustAnchor('simulator', root.der, { simulated: true }) } : {});

const assay = createOpenAICompatible({ name: 'assay', baseURL: agent.baseURL, fetch: agent.fetch });
const { text } = await generateText({ model: assay('default'), prompt: 'Say hello' });
console.log(`${text}\n${agent.lastReceipt?.receipt_id}`);

const { textStream } = streamText({ model: assay('default'), prompt: 'Say hello again' });
for await (const piece of textStream) process.stdout.write(piece);
console.log(`\n${agent.lastReceipt?.receipt_id}`);
