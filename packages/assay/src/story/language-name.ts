/** What languages of programs are called. */

/** @example languageName('python') // 'Python' */
export function languageName(language: string): string {
  return { python: 'Python', javascript: 'JavaScript', shell: 'Shell', solidity: 'Solidity' }[language] ?? language;
}
