/** Whether what a program printed is what its page says: the same words, and numbers to as many decimals as the page gives. */

const TOKEN = /\.\.\.|…|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[A-Za-z_$][\w$]*|\S/g;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

const isGap = (token: string): boolean => token === '...' || token === '…';

/** Half a unit of the last decimal; whole numbers are exact but for float32's rounding. */
function tolerance(expected: string): number {
  const [mantissa, exponent = '0'] = expected.split('e') as [string, string?];
  const decimals = mantissa.split('.')[1]?.length ?? 0;
  if (decimals === 0 && exponent === '0') return 1e-6 * Math.max(1, Math.abs(Number(expected)));
  return 0.5000001 * 10 ** (Number(exponent) - decimals);
}

function same(expected: string, actual: string): boolean {
  if (!NUMBER.test(expected) || !NUMBER.test(actual)) return expected === actual;
  return Math.abs(Number(expected) - Number(actual)) <= tolerance(expected);
}

/** The words, numbers and signs; a comma before a closing bracket says nothing. */
const tokens = (text: string): string[] =>
  (text.match(TOKEN) ?? []).filter((token, i, all) => token !== ',' || !['}', ']'].includes(all[i + 1] ?? ''));

/** Compares texts without their white space; "..." or "…" in `expected` stands for any text. */
export function matches(expected: string, actual: string): boolean {
  const [want, have] = [tokens(expected), tokens(actual)];
  // Reachable positions in `have` after each wanted token.
  let at = new Set([0]);
  for (const token of want) {
    const next = new Set<number>();
    for (const i of at) {
      if (isGap(token)) for (let k = i; k <= have.length; k++) next.add(k);
      if (i < have.length && same(token, have[i]!)) next.add(i + 1);
    }
    at = next;
  }
  return at.has(have.length);
}
