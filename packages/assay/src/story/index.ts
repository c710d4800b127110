/** The story of a receipt, for everything that shows one. Pure: no network, no clock. */

export { errorLine } from './error-line.ts';
export { languageName } from './language-name.ts';
export { type Story, type StoryLog, type StoryOptions, storyOf } from './story.ts';
export type { PayloadOf, Quote, StoryKind, StoryStep } from './story-step.ts';
export { TASK_TITLES } from './task-titles.ts';
