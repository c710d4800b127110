/** A number with its noun. @example counted(1, 'check') // '1 check'; counted(2, 'query', 'queries') // '2 queries' */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
