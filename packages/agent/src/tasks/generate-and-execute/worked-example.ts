/** A task with its program, for each language and kind of task. It shows the form of a reply, and that programs compute what they print. */

import type { ChatMessage } from '../../ports/model.ts';
import { type PromptFacts, taskPrompt, wantsFiles } from './prompt.ts';
import type { GeneratedLanguage } from './reply/language.ts';

interface Example {
  readonly task: string;
  /** Lines with which the program begins. */
  readonly given?: string | undefined;
  readonly program: string;
}

const WORDS: Readonly<Record<GeneratedLanguage, Example>> = {
  python: {
    task: 'Print the longest word of "a small model learns from examples" and its length',
    program: `words = "a small model learns from examples".split()
longest = max(words, key=len)
print(longest, len(longest))`,
  },
  // JavaScript prints an array with its brackets, so this one shows join().
  javascript: {
    task: 'Print the words of "a small model learns from examples" that have more than four letters, and then the longest of them',
    program: `const words = "a small model learns from examples".split(" ");
const longWords = words.filter((word) => word.length > 4);
console.log(longWords.join(" "));
console.log(longWords.reduce((best, word) => (word.length > best.length ? word : best)));`,
  },
};

const FILES: Readonly<Record<GeneratedLanguage, Example>> = {
  python: {
    task: 'Read /tmp/notes.txt and save its longest line as /tmp/longest.json',
    program: `import json

with open("/tmp/notes.txt") as file:
    lines = file.read().splitlines()
longest = max(lines, key=len)
with open("/tmp/longest.json", "w") as file:
    json.dump(longest, file)`,
  },
  javascript: {
    task: 'Read /tmp/notes.txt and save its longest line as /tmp/longest.json',
    program: `const fs = require("fs");
const lines = fs.readFileSync("/tmp/notes.txt", "utf8").trim().split("\\n");
const longest = lines.reduce((best, line) => (line.length > best.length ? line : best), "");
fs.writeFileSync("/tmp/longest.json", JSON.stringify(longest));`,
  },
};

/** Python only: small models write formulas that `statistics` has, and write them wrongly. */
const VALUES: Example = {
  task: 'Print the values in the context that are above their mean',
  given: 'values = [3, 8, 4, 9]\n',
  program: `values = [3, 8, 4, 9]
import statistics

mean = statistics.mean(values)
print([value for value in values if value > mean])`,
};

/**
 * The exchange for {@link PromptFacts.example}.
 * @example workedExample({ description: 'Sum the column', language: 'python', files: [] })[1]?.content // '```python\nwords = …'
 */
export function workedExample(
  facts: Pick<PromptFacts, 'description' | 'language' | 'files' | 'given'>,
): readonly ChatMessage[] {
  const { language } = facts;
  const { task, given, program } = exampleFor(facts);
  const bare = { description: task, language, context: null, given, files: [], hosts: [], packages: {} };
  return [
    { role: 'user', content: taskPrompt(bare) },
    { role: 'assistant', content: `\`\`\`${language}\n${program}\n\`\`\`` },
  ];
}

function exampleFor({
  description,
  language,
  files,
  given,
}: Pick<PromptFacts, 'description' | 'language' | 'files' | 'given'>): Example {
  if (wantsFiles({ description, files })) return FILES[language];
  return given != null && language === 'python' ? VALUES : WORDS[language];
}
