/** A transcript file for agents whose model is `recorded`, so that tests may ask what the shipped one does not answer. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a transcript that answers each of `questions` in a chat, and gives its path for `ASSAY_RECORDED_FILE`. */
export function recordedChats(directory: string, questions: readonly string[]): string {
  const file = join(directory, 'chats.json');
  const demos = questions.map((question) => ({ tasks: [question], language: 'chat', replies: [`You said: ${question}`] }));
  writeFileSync(file, JSON.stringify({ version: 2, demos }));
  return file;
}
