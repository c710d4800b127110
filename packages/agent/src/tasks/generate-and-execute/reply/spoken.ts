/** What a reply said, without its thoughts and the marks of its template, for the history of a conversation. */

import { readDocument } from './document.ts';
import type { GeneratedLanguage } from './language.ts';
import { answerPart } from './plain-thoughts.ts';
import { Syntax } from './syntax.ts';

/** Longer replies are cut; what comes behind says little about a slip at the start. Characters. */
const MAX_SPOKEN = 4000;

/**
 * The words and blocks of a reply. Thoughts do not belong into the history: the templates of reasoning models leave them out or
 * refuse them, and they crowd the task out of a small window.
 */
export function spokenPart(reply: string, language: GeneratedLanguage): string {
  const { parts } = readDocument(answerPart(reply.slice(0, 64 * 1024)), new Syntax(language));
  const text = parts.map((part) => (part.kind === 'block' ? `\`\`\`${part.label}\n${part.text}\n\`\`\`` : part.text.trim()));
  return text.join('\n').slice(0, MAX_SPOKEN).trim();
}
